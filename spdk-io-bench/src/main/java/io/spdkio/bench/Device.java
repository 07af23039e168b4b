package io.spdkio.bench;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.ValueLayout;

/** A thread with a device open on it and a buffer for each slot: what every benchmark of I/O stands on. */
final class Device implements AutoCloseable {
    static final int IO_BYTES = 4096;

    /** As in the configuration of SPDK's bdevperf that the figures are compared with. */
    static final long MALLOC_BYTES = 64L << 20;

    static final long NULL_BYTES = 4L << 30;

    final SpdkThread thread;
    final Bdev bdev;
    final BdevDesc desc;
    final IoChannel channel;
    final DmaBuf[] buffers;
    final Offsets offsets;
    private final DmaBuf memory;

    Device(SpdkEnv env, String kind, String name, int depth) {
        thread = env.attachThread(name);
        bdev = thread.await(env.bdevs().create(spec(kind, name)));
        desc = bdev.open(OpenMode.READ_WRITE);
        channel = thread.ioChannel(desc);
        memory = env.dma().allocate((long) depth * IO_BYTES);
        buffers = new DmaBuf[depth];
        for (int slot = 0; slot < depth; slot++) {
            buffers[slot] = memory.slice((long) slot * IO_BYTES, IO_BYTES);
        }
        offsets = new Offsets(bdev.sizeBytes() / IO_BYTES);
        if (kind.equals("malloc")) {
            fill();
        }
    }

    private static BdevSpec spec(String kind, String name) {
        return switch (kind) {
            case "null" -> NullBdev.of(name, NULL_BYTES, IO_BYTES);
            case "malloc" -> MallocBdev.of(name, MALLOC_BYTES, IO_BYTES);
            default -> throw new IllegalArgumentException("no such device: " + kind);
        };
    }

    /** Memory that was never written is one page of zeroes, and copies faster than any other. */
    private void fill() {
        for (long at = 0; at < memory.sizeBytes(); at += Long.BYTES) {
            memory.segment().set(ValueLayout.JAVA_LONG, at, at);
        }
        for (long at = 0; at < bdev.sizeBytes(); at += IO_BYTES) {
            thread.await(desc.write(channel, buffers[0], at, IO_BYTES));
        }
    }

    @Override
    public void close() {
        channel.close();
        desc.close();
        memory.close();
        thread.close();
    }
}
