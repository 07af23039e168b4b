package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;
import io.spdkio.spi.EngineChannel;

import java.util.List;
import java.util.Objects;

/**
 * Where a thread's I/O goes: through a channel to a bdev, or to a blob. Checks what is submitted, and is released when
 * it is closed and nothing is outstanding.
 */
abstract class IoPort {
    private final CoreThread thread;
    private final int blockSize;
    private final int blockShift;
    private final long blockMask;
    private EngineChannel engineChannel;
    private int outstanding;
    private boolean closing;
    private boolean released;

    IoPort(CoreThread thread, int blockSize) {
        this.thread = thread;
        this.blockSize = blockSize;
        boolean powerOfTwo = Integer.bitCount(blockSize) == 1;
        this.blockShift = powerOfTwo ? Integer.numberOfTrailingZeros(blockSize) : -1;
        this.blockMask = (powerOfTwo ? blockSize : BdevGeometry.MIN_BLOCK_SIZE) - 1L;
    }

    /** Sets the engine's channel. Once, before anything is submitted. */
    final void leadTo(EngineChannel channel) {
        engineChannel = channel;
    }

    /** What the I/O goes to, for a message. */
    abstract String target();

    /** Its size now. */
    abstract long sizeBytes();

    /** Throws if what the I/O goes to is closed. */
    abstract void checkOpen();

    /** Throws if it may not be written. */
    abstract void checkMode(IoType type);

    /** Why an I/O of this type can't be taken, as a status; 0 when it can. */
    abstract int refusal(IoType type);

    /** Throws if a compareAndWrite has more blocks than are done at once. */
    void checkCompareAndWriteUnit(long blocks) {}

    /** Told once, when it is released and the engine's channel is closed. */
    abstract void released();

    /** What the exception of a failed I/O says. */
    SpdkException failure(String what, int status) {
        return SpdkException.of(what, status);
    }

    public final CoreThread thread() {
        return thread;
    }

    final EngineChannel engineChannel() {
        return engineChannel;
    }

    /** The unit of I/O. */
    final int blockSize() {
        return blockSize;
    }

    /** The block size as a power of two; negative when it is none. */
    final int blockShift() {
        return blockShift;
    }

    public final int outstanding() {
        return outstanding;
    }

    final void checkUsable(IoType type) {
        if (!thread.isCurrent()) {
            // Its argument is built for this call only: it was 40 bytes an I/O.
            thread.checkCurrent("the channel to " + target());
        }
        if (closing || thread.refusesIo()) {
            checkOpen();
            throw new SpdkException.Closed(
                    "the channel to " + target() + " is closed; get another from SpdkThread.ioChannel");
        }
        checkMode(type);
    }

    final void checkRange(IoType type, long offset, long length) {
        long sizeBytes = sizeBytes();
        if (length <= 0
                || offset < 0
                || offset > sizeBytes - length
                || ((offset | length) & blockMask) != 0
                || (blockShift < 0 && (offset % blockSize != 0 || length % blockSize != 0))) {
            throw badRange(type, offset, length, sizeBytes);
        }
    }

    private IllegalArgumentException badRange(IoType type, long offset, long length, long sizeBytes) {
        String problem =
                length <= 0
                        ? "the length must be positive"
                        : offset < 0 || offset > sizeBytes - length
                                ? "there are %,d bytes".formatted(sizeBytes)
                                : "both must be multiples of the block size, %,d".formatted(blockSize);
        return new IllegalArgumentException(
                "%s of %,d bytes at offset %,d on %s: %s".formatted(type.label(), length, offset, target(), problem));
    }

    final void began() {
        outstanding++;
    }

    final void ended() {
        if (--outstanding == 0 && closing) {
            release();
        }
    }

    /** Refuses new I/O, and releases it when nothing is outstanding. On its thread. */
    public final void close() {
        closing = true;
        if (outstanding == 0) {
            release();
        }
    }

    /** Releases it now. */
    public final void release() {
        if (!released) {
            released = true;
            closing = true;
            try {
                engineChannel.close();
            } finally {
                released();
            }
        }
    }

    /** The engine gave no channel: there is nothing to release. */
    final void neverOpened() {
        released = true;
    }

    // ---- I/O with futures

    /** Describes an I/O to be submitted here. */
    interface Description {
        void describe(FutureIo request);
    }

    final IoFuture<Void> submit(Description description) {
        if (!thread.isCurrent()) {
            thread.checkCurrent("the channel to " + target());
        }
        FutureIo request = thread.takeFutureIo();
        if (request == null) {
            return CoreFuture.failed(thread, CoreThread.noMoreIos(thread.env().ioPoolSize()));
        }
        try {
            description.describe(request);
        } catch (Throwable e) {
            thread.giveBack(request);
            throw e;
        }
        return request.submitFor(new CoreFuture<>(thread));
    }

    final IoFuture<Void> submit(IoType type, DmaBuf buffer, long offset, long length) {
        return submit(request -> request.describe(this, type, buffer, offset, length));
    }

    final IoFuture<Void> read(DmaBuf buffer, long offset, long length) {
        return submit(IoType.READ, Objects.requireNonNull(buffer, "buffer"), offset, length);
    }

    final IoFuture<Void> write(DmaBuf buffer, long offset, long length) {
        return submit(IoType.WRITE, Objects.requireNonNull(buffer, "buffer"), offset, length);
    }

    final IoFuture<Void> vectored(IoType type, List<? extends DmaBuf> buffers, long offset) {
        DmaBuf[] array = buffers.toArray(DmaBuf[]::new);
        return submit(request -> request.describe(this, type, array, array.length, offset));
    }

    /** A refusal of what is read-only. */
    static SpdkException.Busy readOnly(IoType type, String target, String advice) {
        return new SpdkException.Busy(type.label() + " on " + target + ", " + advice, -Errno.EPERM);
    }
}
