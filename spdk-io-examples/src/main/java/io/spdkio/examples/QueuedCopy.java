package io.spdkio.examples;

import io.spdkio.IoChannel;
import io.spdkio.IoStatus;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

/** Copies one device to another with queues: a fixed number of chunks in flight, and nothing allocated per I/O. */
public final class QueuedCopy {
    private static final int CHUNK = 128 << 10;
    private static final int DEPTH = 8;
    private static final long SIZE = 64 << 20;

    private final DmaBuf[] chunks = new DmaBuf[DEPTH];
    private final long[] offsets = new long[DEPTH];
    private IoQueue source;
    private IoQueue target;
    private long next;
    private long copied;

    private QueuedCopy() {}

    /**
     * Runs it.
     *
     * @param args not used
     */
    public static void main(String[] args) {
        try (SpdkEnv env = SpdkEnv.open();
                SpdkThread thread = env.attachThread("copy")) {
            var from = env.bdevs().create(MallocBdev.of("from", SIZE)).join();
            var to = env.bdevs().create(MallocBdev.of("to", SIZE)).join();
            try (BdevDesc reader = from.open(OpenMode.READ_ONLY);
                    BdevDesc writer = to.open(OpenMode.READ_WRITE);
                    IoChannel readChannel = thread.ioChannel(reader);
                    IoChannel writeChannel = thread.ioChannel(writer);
                    DmaBuf memory = env.dma().allocate((long) CHUNK * DEPTH)) {
                QueuedCopy copy = new QueuedCopy();
                copy.source = reader.openQueue(readChannel, DEPTH, copy::wasRead);
                copy.target = writer.openQueue(writeChannel, DEPTH, copy::wasWritten);
                for (int slot = 0; slot < DEPTH; slot++) {
                    copy.chunks[slot] = memory.slice((long) slot * CHUNK, CHUNK);
                    copy.readNext(slot);
                }
                while (copy.copied < SIZE) {
                    thread.poll();
                }
                System.out.println("copied " + (copy.copied >> 20) + " MiB");
            }
        }
    }

    private void readNext(long slot) {
        if (next < SIZE) {
            offsets[(int) slot] = next;
            source.read(chunks[(int) slot], next, CHUNK, slot);
            next += CHUNK;
        }
    }

    private void wasRead(long slot, int status) {
        require(status);
        target.write(chunks[(int) slot], offsets[(int) slot], CHUNK, slot);
    }

    private void wasWritten(long slot, int status) {
        require(status);
        copied += CHUNK;
        readNext(slot);
    }

    private static void require(int status) {
        if (status != IoStatus.SUCCESS) {
            throw new IllegalStateException("the copy failed: " + IoStatus.describe(status));
        }
    }
}
