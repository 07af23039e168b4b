package io.spdkio.embedded.device;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;

/** A device that stands on another, which it claims, and hands operations on to it. */
abstract class StackedDevice implements BdevBackend {
    private final String productName;
    private final BaseDevice base;
    private final BaseWatch watch = new BaseWatch(StackedDevice::tell);

    StackedDevice(String productName, BaseDevice base) {
        this.productName = productName;
        this.base = base;
        base.listen(watch::baseChanged);
    }

    private static void tell(Registration target, BdevEvent event) {
        // Its own size stays what it was, as in SPDK.
        if (event == BdevEvent.REMOVED) {
            target.remove();
        }
    }

    @Override
    public final void registered(Registration target) {
        watch.registered(target);
    }

    @Override
    public final String productName() {
        return productName;
    }

    /** The base splits what it has to; seen from above there is no limit. */
    @Override
    public final BdevGeometry geometry() {
        BdevGeometry below = base.geometry();
        return new BdevGeometry(
                below.blockSize(),
                below.blockCount(),
                below.optimalIoBoundaryBlocks(),
                false,
                0,
                0,
                below.bufferAlignmentBytes(),
                below.writeUnitBlocks());
    }

    @Override
    public final boolean supports(IoType type) {
        return base.supports(type);
    }

    @Override
    public final Channel openChannel(SpdkThread thread) {
        return newChannel(thread, base.openChannel(thread));
    }

    /**
     * What it stands on.
     *
     * @return the base's name
     */
    public final String baseName() {
        return base.name();
    }

    abstract StackedChannel newChannel(SpdkThread thread, BaseDevice.Lower lower);

    @Override
    public final void close() {
        base.close();
    }

    /** Hands everything on. */
    static class StackedChannel implements Channel {
        private final BaseDevice.Lower lower;

        StackedChannel(BaseDevice.Lower lower) {
            this.lower = lower;
        }

        @Override
        public void submit(BdevIo io) {
            forward(io);
        }

        final void forward(BdevIo io) {
            lower.submit((IoRequest) io, this::completedBelow);
        }

        /** The base has completed an I/O. */
        void completedBelow(IoRequest io, int status) {
            io.complete(status);
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
