package io.spdkio.cli.perf;

import io.spdkio.IoFuture;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;

/** What workers do I/O on: a device, or a blob on one. */
interface Target extends AutoCloseable {
    int blockSize();

    long sizeBytes();

    boolean canWrite();

    /** Opens it for a worker, on the worker's thread. */
    Opened open(SpdkThread thread, boolean writes);

    @Override
    void close();

    /** One worker's part; of its thread. */
    interface Opened extends AutoCloseable {
        IoQueue openQueue(int depth, IoQueue.Handler handler);

        IoFuture<Void> read(DmaBuf buffer, long offset, int length);

        IoFuture<Void> write(DmaBuf buffer, long offset, int length);

        @Override
        void close();
    }
}
