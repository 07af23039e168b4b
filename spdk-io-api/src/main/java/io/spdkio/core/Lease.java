package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counts the I/Os that hold a buffer, and sees to it that it is not closed meanwhile.
 *
 * <p>The first SPDK thread to use the buffer counts its own I/Os in a plain field and takes one atomic hold for all of
 * them. So a thread that keeps I/O outstanding on a buffer pays for no atomic operation; other threads pay for one at
 * each end.
 */
final class Lease {
    private static final int CLOSED = Integer.MIN_VALUE / 2;
    private static final VarHandle HOLDS;
    private static final VarHandle FAVOURITE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HOLDS = lookup.findVarHandle(Lease.class, "holds", int.class);
            FAVOURITE = lookup.findVarHandle(Lease.class, "favourite", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile int holds;

    /** An SPDK thread; only which one it is matters. */
    private Object favourite;

    private int favouriteCount;
    private CoreRequest lastUser;

    void take(Object thread, CoreRequest user) {
        if (favourite == thread || (favourite == null && FAVOURITE.compareAndSet(this, null, thread))) {
            if (favouriteCount == 0) {
                hold();
            }
            favouriteCount++;
        } else {
            hold();
        }
        if (lastUser != user) {
            lastUser = user;
        }
    }

    void giveBack(Object thread) {
        if (favourite != thread || --favouriteCount == 0) {
            HOLDS.getAndAdd(this, -1);
        }
    }

    private void hold() {
        if ((int) HOLDS.getAndAdd(this, 1) < 0) {
            HOLDS.getAndAdd(this, -1);
            throw new SpdkException.Closed("the buffer is closed; allocate another");
        }
    }

    boolean isHeld() {
        return holds > 0;
    }

    boolean isClosed() {
        return holds < 0;
    }

    /** Closes it if nothing holds it; false if it was closed already. */
    boolean close() {
        int seen = (int) HOLDS.compareAndExchange(this, 0, CLOSED);
        if (seen > 0) {
            CoreRequest user = lastUser;
            throw new SpdkException.Busy(
                    "the buffer can't be closed: it is leased by "
                            + (user != null && user.isOutstanding() ? user.described() : "an I/O")
                            + ", which the device has not finished. Wait for its completion, then close",
                    -Errno.EBUSY);
        }
        return seen == 0;
    }
}
