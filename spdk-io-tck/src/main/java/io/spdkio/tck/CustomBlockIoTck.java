package io.spdkio.tck;

import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;

import java.util.EnumSet;

/**
 * {@link BlockIoTck} on a device in Java that can read and write and takes small I/O only: everything else is the work
 * of the layer above it.
 */
public abstract class CustomBlockIoTck extends BlockIoTck {
    /** Larger than the largest I/O, so that a compareAndWrite takes several steps. */
    private static final int UNIT_BLOCKS = 100;

    /** For the subclasses. */
    protected CustomBlockIoTck() {}

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        BdevGeometry geometry = new BdevGeometry(blockSize, blocks, 0, false, 64L * blockSize, 4, 1, 1, UNIT_BLOCKS);
        return custom(new TestBackend(geometry, EnumSet.of(IoType.READ, IoType.WRITE)));
    }
}
