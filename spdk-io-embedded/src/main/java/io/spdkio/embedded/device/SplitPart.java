package io.spdkio.embedded.device;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;

/** A range of another device. */
public final class SplitPart implements BdevBackend {
    private final SplitBase base;
    private final long firstBlock;
    private final long blockCount;
    private volatile Registration registration;

    SplitPart(SplitBase base, long firstBlock, long blockCount) {
        this.base = base;
        this.firstBlock = firstBlock;
        this.blockCount = blockCount;
    }

    /**
     * Where it begins.
     *
     * @return the first block in the base
     */
    public long firstBlock() {
        return firstBlock;
    }

    /**
     * What it is a part of.
     *
     * @return the base's name
     */
    public String baseName() {
        return base.base().name();
    }

    @Override
    public String productName() {
        return "Split Disk";
    }

    /** The base splits what it has to. */
    @Override
    public BdevGeometry geometry() {
        BdevGeometry below = base.base().geometry();
        return new BdevGeometry(
                below.blockSize(),
                blockCount,
                below.optimalIoBoundaryBlocks(),
                false,
                0,
                0,
                below.bufferAlignmentBytes(),
                below.writeUnitBlocks());
    }

    @Override
    public boolean supports(IoType type) {
        return base.base().supports(type);
    }

    @Override
    public void registered(Registration target) {
        registration = target;
        if (base.isRemoved()) {
            target.remove();
        }
    }

    void remove() {
        Registration target = registration;
        if (target != null) {
            target.remove();
        }
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return new PartChannel(base.base().openChannel(thread));
    }

    @Override
    public void close() {
        base.release();
    }

    private final class PartChannel implements Channel {
        private final BaseDevice.Lower lower;

        PartChannel(BaseDevice.Lower lower) {
            this.lower = lower;
        }

        @Override
        public void submit(BdevIo io) {
            lower.submit((IoRequest) io, firstBlock, (whole, status) -> whole.complete(status));
        }

        @Override
        public void abort(BdevIo io) {
            lower.abort((IoRequest) io);
        }

        @Override
        public void close() {
            lower.close();
        }
    }
}
