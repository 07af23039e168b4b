package io.spdkio.tck;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/** Adds to every failure the seed that repeats it. */
final class SeedNote implements TestExecutionExceptionHandler {
    private final long seed;

    SeedNote(long seed) {
        this.seed = seed;
    }

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        failure.addSuppressed(new Note("seed " + seed + "; run again with -Dspdkio.tck.seed=" + seed));
        throw failure;
    }

    private static final class Note extends Exception {
        private static final long serialVersionUID = 1;

        Note(String message) {
            super(message, null, false, false);
        }
    }
}
