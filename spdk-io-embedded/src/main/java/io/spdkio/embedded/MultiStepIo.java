package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.spi.IoRequest;

/**
 * An I/O that takes several of the device's: one that was split, or an emulated operation. Confined to its channel's
 * thread.
 */
abstract class MultiStepIo {
    /**
     * So many steps of one I/O are outstanding at most, as {@code SPDK_BDEV_MAX_CHILDREN_UNMAP_WRITE_ZEROES_REQS} and
     * its like in SPDK.
     */
    static final int MAX_STEPS = 32;

    /** Emulations move data in pieces of at most so many bytes, as SPDK's zero buffer. */
    static final long CHUNK_BYTES = 1 << 20;

    protected final EmbeddedChannel channel;
    protected final IoRequest io;
    protected final long blockSize;
    private int outstanding;
    private int status = IoStatus.SUCCESS;
    private boolean ended;
    private boolean advancing;

    MultiStepIo(EmbeddedChannel channel, IoRequest io) {
        this.channel = channel;
        this.io = io;
        this.blockSize = channel.bdev().geometry().blockSize();
    }

    final IoRequest io() {
        return io;
    }

    /** Submits steps until none is left or none may be added for now. */
    abstract void submitSteps();

    /** Whether there is nothing left to submit. */
    abstract boolean isExhausted();

    final boolean mayAdd() {
        return status == IoStatus.SUCCESS && outstanding < MAX_STEPS;
    }

    final int outstanding() {
        return outstanding;
    }

    final ChildIo step() {
        return step(() -> {});
    }

    /** Makes a step; {@code onSuccess} runs when it has succeeded. */
    final ChildIo step(Runnable onSuccess) {
        return channel.thread().child(io, (_, result) -> stepDone(result, onSuccess));
    }

    final void submit(ChildIo step) {
        outstanding++;
        channel.submitStep(step, holdsLock());
    }

    /** Whether it has a range lock, which then does not keep its own steps out. */
    boolean holdsLock() {
        return false;
    }

    private void stepDone(int result, Runnable onSuccess) {
        outstanding--;
        if (result == IoStatus.SUCCESS) {
            try {
                onSuccess.run();
            } catch (Throwable e) {
                channel.context().report(e);
                fail(-Errno.EIO);
            }
        } else {
            fail(result);
        }
        advance();
    }

    final void fail(int result) {
        if (status == IoStatus.SUCCESS) {
            status = result;
        }
    }

    final void advance() {
        if (advancing || ended) {
            return;
        }
        advancing = true;
        try {
            if (status == IoStatus.SUCCESS) {
                submitSteps();
            }
        } catch (Throwable e) {
            // No memory for a step, most likely. Those that were submitted are waited for.
            channel.context().report(e);
            fail(-Errno.EIO);
        } finally {
            advancing = false;
        }
        if (outstanding == 0 && (status != IoStatus.SUCCESS || isExhausted())) {
            ended = true;
            channel.ended(this);
            end(status);
        }
    }

    /** Everything is done. */
    void end(int result) {
        io.complete(result);
    }

    /** Stops adding steps and aborts those outstanding. */
    void abort() {
        fail(IoStatus.ABORTED);
        channel.abortSteps(io);
        advance();
    }
}
