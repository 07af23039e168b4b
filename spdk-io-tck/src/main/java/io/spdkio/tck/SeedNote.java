package io.spdkio.tck;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/** Adds to every failure the seed that repeats it. */
final class SeedNote implements TestExecutionExceptionHandler {
    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        if (context.getRequiredTestInstance() instanceof EngineTck test) {
            failure.addSuppressed(new Note("seed " + test.seed + "; run again with -Dspdkio.tck.seed=" + test.seed));
        }
        throw failure;
    }

    private static final class Note extends Exception {
        private static final long serialVersionUID = 1;

        Note(String message) {
            super(message, null, false, false);
        }
    }
}
