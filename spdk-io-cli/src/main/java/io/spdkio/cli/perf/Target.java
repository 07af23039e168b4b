package io.spdkio.cli.perf;

import io.spdkio.SpdkThread;
import io.spdkio.cli.BlockIo;

/** What workers do I/O on: a device, or a blob on one. */
interface Target extends AutoCloseable {
    int blockSize();

    long sizeBytes();

    boolean canWrite();

    /** Opens it for a worker, on the worker's thread. The worker closes what it gets. */
    BlockIo open(SpdkThread thread, boolean writes);

    @Override
    void close();
}
