package io.spdkio.cli.perf;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.cli.BlockIo;

/** A device. */
record DeviceTarget(Bdev bdev) implements Target {
    @Override
    public int blockSize() {
        return bdev.blockSize();
    }

    @Override
    public long sizeBytes() {
        return bdev.sizeBytes();
    }

    @Override
    public boolean canWrite() {
        return bdev.supports(IoType.WRITE);
    }

    @Override
    public BlockIo open(SpdkThread thread, boolean writes) {
        return BlockIo.of(bdev.open(writes ? OpenMode.READ_WRITE : OpenMode.READ_ONLY), thread);
    }

    @Override
    public void close() {
        // It is the environment's.
    }
}
