package io.spdkio.core;

import io.spdkio.SpdkException;

/** The I/O behind a future. Goes back to its thread's pool when it has completed. */
final class FutureIo extends CoreRequest {
    private CoreFuture<Void> future;
    private CoreFuture<Boolean> aborter;
    private long use;

    FutureIo(CoreThread thread) {
        super(thread);
    }

    /** Which use of this object it is: tells an old future from a new one. */
    long use() {
        return use;
    }

    CoreFuture<Void> submitFor(CoreFuture<Void> owner) {
        future = owner;
        owner.bind(this);
        submit();
        return owner;
    }

    /** Someone wants to know whether an abort worked. */
    CoreFuture<Boolean> whetherAborted() {
        if (aborter == null) {
            aborter = new CoreFuture<>(thread);
        }
        return aborter;
    }

    /** Its thread exits and the device has not ended it: whoever waits is told; the leases stay. */
    void abandon() {
        SpdkException problem =
                new SpdkException.Closed(
                        described()
                                + ": SPDK thread '"
                                + thread.name()
                                + "' has exited and the device has not ended it; its buffers stay allocated");
        if (aborter != null) {
            aborter.complete(false);
        }
        future.completeExceptionally(problem);
    }

    @Override
    void finished(int status) {
        CoreFuture<Void> owner = future;
        CoreFuture<Boolean> waiting = aborter;
        SpdkException problem = status == 0 ? null : port().failure(described(), status);
        future = null;
        aborter = null;
        use++;
        thread.giveBack(this);
        if (waiting != null) {
            waiting.complete(problem instanceof SpdkException.Cancelled);
        }
        if (problem == null) {
            owner.complete(null);
        } else {
            owner.completeExceptionally(problem);
        }
    }
}
