package io.spdkio.tck;

import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;

/** {@link BlockIoTck} on a device on a file, through the page cache. */
public abstract class BufferedFileBlockIoTck extends FileBlockIoTck {
    /** For the subclasses. */
    protected BufferedFileBlockIoTck() {}

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        String name = newName("file");
        return create(
                AioBdev.create(name, folder.resolve(name), blocks * blockSize).withBlockSize(blockSize).buffered());
    }
}
