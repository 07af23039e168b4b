package io.spdkio.tck;

import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;

import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

/** {@link BlockIoTck} on a device on a file. */
public abstract class FileBlockIoTck extends BlockIoTck {
    @TempDir Path folder;

    /** For the subclasses. */
    protected FileBlockIoTck() {}

    /** A file's blocks have a power of two of bytes ({@code bdev_aio.c}). */
    @Override
    final int blockSizeLike(int blockSize) {
        return Integer.highestOneBit(blockSize);
    }

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        String name = newName("file");
        return create(AioBdev.create(name, folder.resolve(name), blocks * blockSize).withBlockSize(blockSize));
    }
}
