package io.spdkio.core;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;

import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

/** What is asked of the engine from any thread. */
final class Control {
    private Control() {}

    /** Runs a control operation, and brings its result to the caller's thread if that is one of ours. */
    static <S, T> IoFuture<T> run(
            CoreEnv env, Supplier<CompletionStage<? extends S>> operation, Function<? super S, ? extends T> result) {
        env.checkOpen();
        CoreThread caller = env.current();
        CoreFuture<T> future = new CoreFuture<>(caller);
        CompletionStage<? extends S> stage;
        try {
            stage = operation.get();
        } catch (SpdkException e) {
            future.completeExceptionally(e);
            return future;
        }
        stage.whenComplete((value, problem) -> {
            Runnable settle =
                    () -> {
                        if (problem == null) {
                            future.complete(result.apply(value));
                        } else {
                            future.completeExceptionally(
                                    problem instanceof CompletionException && problem.getCause() != null
                                            ? problem.getCause()
                                            : problem);
                        }
                    };
            if (caller == null || caller.isCurrent() || !caller.post(settle)) {
                settle.run();
            }
        });
        return future;
    }
}
