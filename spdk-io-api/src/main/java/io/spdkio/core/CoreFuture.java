package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A future that knows which thread completes it, and the I/O behind it. */
class CoreFuture<T> extends IoFuture<T> {
    /** The thread that completes it; null when that is none of ours. */
    private final CoreThread thread;

    /** The I/O behind it and which use of that it is; null for stages derived from another. */
    private FutureIo io;

    private long ioUse;

    CoreFuture(CoreThread thread) {
        this.thread = thread;
    }

    static <T> CoreFuture<T> failed(CoreThread thread, Throwable problem) {
        CoreFuture<T> future = new CoreFuture<>(thread);
        future.completeExceptionally(problem);
        return future;
    }

    void bind(FutureIo request) {
        io = request;
        ioUse = request.use();
    }

    /** The I/O behind it as long as that is outstanding; null else. On the thread. */
    FutureIo outstandingIo() {
        return io != null && io.use() == ioUse && io.isOutstanding() ? io : null;
    }

    CoreThread thread() {
        return thread;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CoreFuture<>(thread);
    }

    @Override
    public T join() {
        pollUntilDone(Long.MAX_VALUE, false);
        try {
            return super.join();
        } catch (CompletionException e) {
            throw unwrapped(e);
        }
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        pollUntilDone(Long.MAX_VALUE, true);
        return super.get();
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        long begin = System.nanoTime();
        long timeoutNanos = unit.toNanos(timeout);
        pollUntilDone(timeoutNanos, true);
        return super.get(timeoutNanos - (System.nanoTime() - begin), TimeUnit.NANOSECONDS);
    }

    /** Polls as long as the caller's OS thread carries an SPDK thread that has to be polled for this to complete. */
    private void pollUntilDone(long timeoutNanos, boolean interruptible) {
        CoreThread polled = isDone() || thread == null ? null : thread.polledMeanwhile();
        if (polled == thread && polled != null) {
            thread.pollUntil(() -> isDone() || (interruptible && Thread.currentThread().isInterrupted()), timeoutNanos);
        } else if (polled != null) {
            polled.pollWhileWaitingFor(this, timeoutNanos, interruptible);
        }
    }

    /** What {@code join} throws: the library's own exceptions as they are. */
    static RuntimeException unwrapped(CompletionException e) {
        return e.getCause() instanceof SpdkException cause ? cause : e;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        if (cancelled) {
            abortIo();
        }
        return cancelled;
    }

    @Override
    public CompletableFuture<T> orTimeout(long timeout, TimeUnit unit) {
        var _ = super.orTimeout(timeout, unit);
        if (io != null) {
            var _ =
                    whenComplete((_, problem) -> {
                        if (problem instanceof TimeoutException) {
                            abortIo();
                        }
                    });
        }
        return this;
    }

    @Override
    public IoFuture<T> withDeadline(Duration deadline) {
        if (deadline.isNegative() || deadline.isZero()) {
            throw new IllegalArgumentException("a deadline lies ahead, not at " + deadline);
        }
        if (thread == null) {
            throw new IllegalStateException("this future belongs to no SPDK thread; use orTimeout");
        }
        FutureIo behind = io;
        String what = behind == null ? "the operation" : behind.described();
        thread.onOwnThread(() -> {
            CorePoller timer =
                    thread.after(
                            deadline,
                            () -> {
                                if (completeExceptionally(
                                        new SpdkException.TimedOut(
                                                what
                                                        + " did not complete within "
                                                        + deadline
                                                        + "; the device was asked to abort it",
                                                -Errno.ETIMEDOUT))) {
                                    abortIo();
                                }
                            });
            var _ = whenComplete((_, _) -> thread.onOwnThread(timer::cancel));
        });
        return this;
    }

    private void abortIo() {
        if (io != null) {
            thread.onOwnThread(() -> {
                FutureIo behind = outstandingIo();
                if (behind != null) {
                    behind.abort();
                }
            });
        }
    }
}
