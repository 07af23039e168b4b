package io.spdkio.embedded.tck.broken;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;

/** A device that is never flushed. */
record UnflushedBackend(BdevBackend backend) implements BdevBackend {
    @Override
    public String productName() {
        return backend.productName();
    }

    @Override
    public BdevGeometry geometry() {
        return backend.geometry();
    }

    @Override
    public boolean supports(IoType type) {
        return backend.supports(type);
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        Channel channel = backend.openChannel(thread);
        return io -> {
            if (io.type() == IoType.FLUSH) {
                io.complete();
            } else {
                channel.submit(io);
            }
        };
    }
}
