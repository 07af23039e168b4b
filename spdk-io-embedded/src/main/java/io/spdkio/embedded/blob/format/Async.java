package io.spdkio.embedded.blob.format;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Steps one after the other, each of which may complete later. For one thread. */
public final class Async {
    private static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

    private Async() {}

    /**
     * Nothing to wait for.
     *
     * @return completed; not to be changed
     */
    public static CompletableFuture<Void> done() {
        return DONE;
    }

    /**
     * Repeats a step while a condition holds. However many steps complete at once, the stack stays flat.
     *
     * @param condition asked before each step
     * @param step what is done
     * @return completes when the condition is false; fails when a step fails
     */
    public static CompletableFuture<Void> loop(BooleanSupplier condition, Supplier<CompletableFuture<Void>> step) {
        CompletableFuture<Void> end = new CompletableFuture<>();
        run(condition, step, end);
        return end;
    }

    private static void run(
            BooleanSupplier condition, Supplier<CompletableFuture<Void>> step, CompletableFuture<Void> end) {
        try {
            while (condition.getAsBoolean()) {
                CompletableFuture<Void> next = step.get();
                if (!next.isDone()) {
                    whenDone(
                            next,
                            (_, problem) -> {
                                if (problem == null) {
                                    run(condition, step, end);
                                } else {
                                    end.completeExceptionally(cause(problem));
                                }
                            });
                    return;
                }
                next.join();
            }
        } catch (Throwable e) {
            end.completeExceptionally(cause(e));
            return;
        }
        end.complete(null);
    }

    /**
     * Tells how a future has ended, or will.
     *
     * @param future the future
     * @param told called with its result, or what it failed with; throws nothing
     * @param <T> the result
     */
    public static <T> void whenDone(CompletableFuture<T> future, BiConsumer<? super T, ? super Throwable> told) {
        var _ = future.whenComplete(told);
    }

    /**
     * What a stage failed with.
     *
     * @param problem what it completed with
     * @return the same without the wrapping that dependent stages add
     */
    public static Throwable cause(Throwable problem) {
        return problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
    }
}
