package io.spdkio.cli;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoQueue;
import io.spdkio.blob.Blob;
import io.spdkio.dma.DmaBuf;

/** A device or a blob with a thread's channel to it, so that both are read and written in the same way. */
public final class BlockIo implements AutoCloseable {
    private final IoChannel channel;
    private final Queues queues;
    private final Transfer reads;
    private final Transfer writes;
    private final Runnable end;

    private BlockIo(IoChannel channel, Queues queues, Transfer reads, Transfer writes, Runnable end) {
        this.channel = channel;
        this.queues = queues;
        this.reads = reads;
        this.writes = writes;
        this.end = end;
    }

    private interface Queues {
        IoQueue open(IoChannel channel, int depth, IoQueue.Handler handler);
    }

    private interface Transfer {
        IoFuture<Void> start(IoChannel channel, DmaBuf buffer, long offset, long length);
    }

    /** A device; the descriptor is closed with it. On the thread. */
    public static BlockIo of(BdevDesc desc, SpdkThread thread) {
        return new BlockIo(thread.ioChannel(desc), desc::openQueue, desc::read, desc::write, desc::close);
    }

    /** A blob, which stays open. On the channel's thread. */
    public static BlockIo of(Blob blob, IoChannel channel) {
        return new BlockIo(channel, blob::openQueue, blob::read, blob::write, () -> {});
    }

    /** The channel, which is closed with this. */
    public IoChannel channel() {
        return channel;
    }

    /** Opens a queue. */
    public IoQueue openQueue(int depth, IoQueue.Handler handler) {
        return queues.open(channel, depth, handler);
    }

    /** Reads whole blocks. */
    public IoFuture<Void> read(DmaBuf buffer, long offset, long length) {
        return reads.start(channel, buffer, offset, length);
    }

    /** Writes whole blocks. */
    public IoFuture<Void> write(DmaBuf buffer, long offset, long length) {
        return writes.start(channel, buffer, offset, length);
    }

    @Override
    public void close() {
        channel.close();
        end.run();
    }
}
