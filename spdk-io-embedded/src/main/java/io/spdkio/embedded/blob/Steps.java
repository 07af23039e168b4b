package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.Async;

import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;

/**
 * An operation on metadata of several steps, and the future of its result. It is one object, where a chain of futures
 * has two and a lambda for each step: that counts for what is done for each of many blobs, most of all before it is
 * compiled well. For one thread.
 *
 * @param <T> the result
 */
abstract class Steps<T> extends CompletableFuture<T> implements MetadataIo.Waiter, BiConsumer<Object, Throwable> {
    private int next;
    private boolean over;

    /** What has to end before the next step; a step counts itself as long as it runs. */
    private int awaited;

    /** What the step failed with, or the first of what it waits for. */
    private Throwable problem;

    /**
     * Does a step, which begins I/O with {@link #more} as its waiter, {@link #await}s something, does something at
     * once, or {@link #end}s the operation. When it throws, {@link #failed} follows, else the next step: when all has
     * ended that it waits for.
     *
     * @param number which: one more than the last, from 0 on, unless {@link #goTo} says otherwise
     */
    abstract void step(int number);

    /** A step has failed: the end, unless there is something to be undone, and {@link #goTo} where that is done. */
    void failed(Throwable cause) {
        fail(cause);
    }

    /** Does the first step. */
    final CompletableFuture<T> begin() {
        proceed();
        return this;
    }

    private void proceed() {
        do {
            awaited = 1;
            try {
                step(next++);
            } catch (Throwable e) {
                note(e);
            }
        } while (goesOn());
    }

    private void note(Throwable failure) {
        if (problem == null && failure != null) {
            problem = Async.cause(failure);
        }
    }

    /** Something has ended; whether it is time for the next step. */
    private boolean goesOn() {
        if (--awaited != 0) {
            return false;
        }
        if (problem != null) {
            Throwable cause = problem;
            problem = null;
            failed(cause);
        }
        return !over;
    }

    /** Something has ended that the step waits for. */
    @Override
    public final void ended(Throwable failure) {
        note(failure);
        if (goesOn()) {
            proceed();
        }
    }

    @Override
    public final void accept(Object value, Throwable failure) {
        ended(failure);
    }

    // ---- for steps

    /** Has the step wait for one thing more, which is to tell what is returned that it has ended. */
    final MetadataIo.Waiter more() {
        awaited++;
        return this;
    }

    /** Has the step wait for a future. */
    final void await(CompletableFuture<?> future) {
        if (future != Async.done()) {
            awaited++;
            var _ = future.whenComplete(this);
        }
    }

    /** Goes on with another step than the next. */
    final void goTo(int number) {
        next = number;
    }

    /** Ends the operation. */
    final void end(T result) {
        over = true;
        complete(result);
    }

    /** Ends the operation. */
    final void fail(Throwable cause) {
        over = true;
        completeExceptionally(cause);
    }
}
