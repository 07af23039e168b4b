package io.spdkio.embedded.device;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.NullBdev;

/** Does nothing, at once. Knows the operations that SPDK's null device knows. */
public final class NullDevice implements BdevBackend {
    private final BdevGeometry geometry;

    /**
     * Makes it.
     *
     * @param spec its options
     */
    public NullDevice(NullBdev spec) {
        geometry = BdevGeometry.of(spec.blockSize(), spec.sizeBytes() / spec.blockSize());
    }

    @Override
    public String productName() {
        return "Null disk";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return type == IoType.READ || type == IoType.WRITE || type == IoType.WRITE_ZEROES;
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return BdevIo::complete;
    }
}
