package io.spdkio.cli.perf;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

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
    public Opened open(SpdkThread thread, boolean writes) {
        BdevDesc desc = bdev.open(writes ? OpenMode.READ_WRITE : OpenMode.READ_ONLY);
        IoChannel channel = thread.ioChannel(desc);
        return new Opened() {
            @Override
            public IoQueue openQueue(int depth, IoQueue.Handler handler) {
                return desc.openQueue(channel, depth, handler);
            }

            @Override
            public IoFuture<Void> read(DmaBuf buffer, long offset, int length) {
                return desc.read(channel, buffer, offset, length);
            }

            @Override
            public IoFuture<Void> write(DmaBuf buffer, long offset, int length) {
                return desc.write(channel, buffer, offset, length);
            }

            @Override
            public void close() {
                channel.close();
                desc.close();
            }
        };
    }

    @Override
    public void close() {
        // It is the environment's.
    }
}
