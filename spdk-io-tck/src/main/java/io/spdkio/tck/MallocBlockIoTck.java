package io.spdkio.tck;

import io.spdkio.bdev.Bdev;

/** {@link BlockIoTck} on a device in memory. */
public abstract class MallocBlockIoTck extends BlockIoTck {
    /** For the subclasses. */
    protected MallocBlockIoTck() {}

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        return malloc(blocks, blockSize);
    }
}
