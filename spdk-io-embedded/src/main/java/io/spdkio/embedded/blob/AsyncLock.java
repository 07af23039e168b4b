package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.Async;

import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** Lets one operation after the other run, in the order of their coming. For one thread. */
final class AsyncLock {
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private boolean busy;
    private boolean draining;

    <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> operation) {
        CompletableFuture<T> result = new CompletableFuture<>();
        waiting.addLast(() -> start(operation, result));
        drain();
        return result;
    }

    private void drain() {
        if (draining) {
            return;
        }
        draining = true;
        try {
            while (!busy && !waiting.isEmpty()) {
                busy = true;
                waiting.pollFirst().run();
            }
        } finally {
            draining = false;
        }
    }

    private <T> void start(Supplier<CompletableFuture<T>> operation, CompletableFuture<T> result) {
        CompletableFuture<T> running;
        try {
            running = operation.get();
        } catch (Throwable e) {
            running = CompletableFuture.failedFuture(e);
        }
        Async.whenDone(
                running,
                (value, problem) -> {
                    busy = false;
                    if (problem == null) {
                        result.complete(value);
                    } else {
                        result.completeExceptionally(Async.cause(problem));
                    }
                    drain();
                });
    }
}
