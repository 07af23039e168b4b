package io.spdkio.bench;

import io.spdkio.SpdkEnv;
import io.spdkio.bdev.IoQueue;

/** Keeps a queue full of random 4 KiB reads. */
final class QueueLoop implements AutoCloseable {
    private final Device device;
    private final IoQueue queue;
    private long completed;
    private boolean stopping;

    QueueLoop(SpdkEnv env, String kind, String name, int depth) {
        device = new Device(env, kind, name, depth);
        queue = device.desc.openQueue(device.channel, depth, this::onComplete);
        for (int slot = 0; slot < depth; slot++) {
            submit(slot);
        }
    }

    private void onComplete(long slot, int status) {
        Jvm.require(status);
        completed++;
        if (!stopping) {
            submit((int) slot);
        }
    }

    private void submit(int slot) {
        queue.read(device.buffers[slot], device.offsets.next(), Device.IO_BYTES, slot);
    }

    /** Polls until so many more have completed. */
    long run(int reads) {
        for (long end = completed + reads; completed < end; ) {
            device.thread.poll();
        }
        return completed;
    }

    @Override
    public void close() {
        stopping = true;
        while (queue.outstanding() > 0) {
            device.thread.poll();
        }
        queue.close();
        device.close();
    }
}
