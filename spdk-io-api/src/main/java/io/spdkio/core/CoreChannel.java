package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineChannel;

/**
 * A thread's channel to a descriptor, shared by its handles. Released when the last handle or the descriptor is closed
 * and nothing is outstanding.
 */
final class CoreChannel {
    private final CoreThread thread;
    private final CoreBdevDesc desc;
    private final EngineBdev device;
    private final EngineChannel engineChannel;
    private final int blockSize;
    private final int blockShift;
    private final long blockMask;
    private int handles;
    private int outstanding;
    private boolean closing;
    private boolean released;

    CoreChannel(CoreThread thread, CoreBdevDesc desc) {
        this.thread = thread;
        this.desc = desc;
        this.device = desc.device();
        this.blockSize = device.geometry().blockSize();
        boolean powerOfTwo = Integer.bitCount(blockSize) == 1;
        this.blockShift = powerOfTwo ? Integer.numberOfTrailingZeros(blockSize) : -1;
        this.blockMask = (powerOfTwo ? blockSize : BdevGeometry.MIN_BLOCK_SIZE) - 1L;
        desc.channelOpened(this);
        try {
            this.engineChannel = desc.engineDesc().openChannel(thread.engineThread());
        } catch (Throwable e) {
            // The descriptor may have been closed meanwhile, and have sent word to close this.
            released = true;
            desc.channelReleased(this);
            throw e;
        }
    }

    CoreThread thread() {
        return thread;
    }

    CoreBdevDesc desc() {
        return desc;
    }

    EngineChannel engineChannel() {
        return engineChannel;
    }

    int blockSize() {
        return blockSize;
    }

    /** The block size as a power of two; negative when it is none. */
    int blockShift() {
        return blockShift;
    }

    int outstanding() {
        return outstanding;
    }

    void checkUsable(IoType type) {
        if (!thread.isCurrent()) {
            // Its argument is built for this call only: it was 40 bytes an I/O.
            thread.checkCurrent("the channel to '" + desc.bdev().name() + "'");
        }
        if (closing || thread.refusesIo()) {
            desc.checkOpen();
            throw new SpdkException.Closed(
                    "the channel to '" + desc.bdev().name() + "' is closed; get another from SpdkThread.ioChannel");
        }
        desc.checkMode(type);
    }

    void checkRange(IoType type, long offset, long length) {
        long sizeBytes = device.geometry().sizeBytes();
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
                                ? "the device has %,d bytes".formatted(sizeBytes)
                                : "both must be multiples of the block size, %,d".formatted(blockSize);
        return new IllegalArgumentException(
                "%s of %,d bytes at offset %,d on '%s': %s"
                        .formatted(type.label(), length, offset, desc.bdev().name(), problem));
    }

    void checkCompareAndWriteUnit(long blocks) {
        int unit = device.geometry().compareAndWriteUnitBlocks();
        if (blocks > unit) {
            throw new IllegalArgumentException(
                    "compareAndWrite of %,d blocks on '%s': the device does at most %,d at once, see BdevGeometry"
                            .formatted(blocks, desc.bdev().name(), unit));
        }
    }

    /** Why the device can't take an I/O of this type, as a status; 0 when it can. */
    int refusal(IoType type) {
        if (desc.isRemoved()) {
            return -Errno.ENODEV;
        }
        return desc.supports(type) ? 0 : -Errno.EOPNOTSUPP;
    }

    void began() {
        outstanding++;
    }

    void ended() {
        if (--outstanding == 0 && closing) {
            release();
        }
    }

    IoChannel newHandle() {
        handles++;
        return new Handle();
    }

    /** The descriptor was closed. On the channel's thread. */
    void close() {
        closing = true;
        if (outstanding == 0) {
            release();
        }
    }

    void release() {
        if (!released) {
            released = true;
            closing = true;
            thread.forget(this);
            engineChannel.close();
            desc.channelReleased(this);
        }
    }

    static CoreChannel of(IoChannel channel) {
        if (channel instanceof CoreChannel.Handle handle) {
            if (handle.closed) {
                throw new SpdkException.Closed("the channel is closed; get another from SpdkThread.ioChannel");
            }
            return handle.channel();
        }
        throw new IllegalArgumentException(
                "channels come from SpdkThread.ioChannel; this is "
                        + (channel == null ? "null" : "a " + channel.getClass().getName()));
    }

    /** One count of the channel. */
    private final class Handle implements IoChannel {
        private boolean closed;

        private CoreChannel channel() {
            return CoreChannel.this;
        }

        @Override
        public SpdkThread thread() {
            return thread;
        }

        @Override
        public IoDeviceId ioDeviceId() {
            return desc.ioDeviceId();
        }

        @Override
        public int outstanding() {
            return outstanding;
        }

        @Override
        public void close() {
            if (closed || thread.state() == SpdkThread.State.EXITED) {
                return;
            }
            thread.checkCurrent("the channel to '" + desc.bdev().name() + "'");
            closed = true;
            if (--handles == 0) {
                // Not found by ioChannel any more: the next one to ask gets a fresh channel, whatever is outstanding
                // here.
                thread.forget(CoreChannel.this);
                CoreChannel.this.close();
            }
        }
    }
}
