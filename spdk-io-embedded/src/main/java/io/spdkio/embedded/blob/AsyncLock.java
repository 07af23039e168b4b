package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.Async;

import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/** Lets one operation after the other run, in the order of their coming. For one thread. */
final class AsyncLock implements BiConsumer<Object, Throwable> {
    /** Null until somebody has had to wait. */
    private ArrayDeque<Waiting<?>> waiting;

    private boolean busy;
    private boolean draining;

    /** An operation that waits; the future of its result. */
    private static final class Waiting<T> extends CompletableFuture<T> implements BiConsumer<T, Throwable> {
        private final Supplier<CompletableFuture<T>> operation;

        Waiting(Supplier<CompletableFuture<T>> operation) {
            this.operation = operation;
        }

        void start(AsyncLock lock) {
            var _ = lock.start(operation).whenComplete(this);
        }

        @Override
        public void accept(T value, Throwable problem) {
            if (problem == null) {
                complete(value);
            } else {
                completeExceptionally(Async.cause(problem));
            }
        }
    }

    /** Whether an operation would start at once. */
    boolean isFree() {
        return !busy && !draining;
    }

    <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> operation) {
        if (isFree()) {
            return start(operation);
        }
        if (waiting == null) {
            waiting = new ArrayDeque<>();
        }
        Waiting<T> it = new Waiting<>(operation);
        waiting.addLast(it);
        return it;
    }

    private <T> CompletableFuture<T> start(Supplier<CompletableFuture<T>> operation) {
        busy = true;
        CompletableFuture<T> running;
        try {
            running = operation.get();
        } catch (Throwable e) {
            running = CompletableFuture.failedFuture(e);
        }
        return running.whenComplete(this);
    }

    /** An operation has ended. */
    @Override
    public void accept(Object value, Throwable problem) {
        busy = false;
        if (draining || waiting == null) {
            return;
        }
        draining = true;
        while (!busy && !waiting.isEmpty()) {
            waiting.pollFirst().start(this);
        }
        draining = false;
    }
}
