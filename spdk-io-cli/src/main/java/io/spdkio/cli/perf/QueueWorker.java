package io.spdkio.cli.perf;

import io.spdkio.bdev.IoQueue;

/** Does I/O through an {@link IoQueue}; the cookie is the slot. */
final class QueueWorker extends Worker implements IoQueue.Handler {
    private final IoQueue queue;

    QueueWorker(WorkerContext context) {
        super(context);
        this.queue = target.openQueue(depth, this);
    }

    @Override
    void fill() {
        for (int slot = 0; slot < depth; slot++) {
            submit(slot, thread.nanoTime());
        }
    }

    @Override
    public void onComplete(long cookie, int status) {
        if (stopping) {
            return;
        }
        int slot = (int) cookie;
        long now = thread.nanoTime();
        completed(slot, status, now);
        submit(slot, now);
    }

    private void submit(int slot, long now) {
        submittedAt(slot, now);
        if (verifier != null) {
            submitVerified(slot);
        } else if (nextReads()) {
            queue.read(buffers[slot], nextOffset(), ioSize, slot);
        } else {
            queue.write(buffers[slot], nextOffset(), ioSize, slot);
        }
    }

    private void submitVerified(int slot) {
        if (verifier.next(slot)) {
            queue.read(verifier.readBuffer(slot), verifier.offset(slot), ioSize, slot);
        } else {
            queue.write(buffers[slot], verifier.offset(slot), ioSize, slot);
        }
    }

    @Override
    boolean isDrained() {
        return queue.outstanding() == 0;
    }

    @Override
    void closeApi() {
        queue.close();
    }
}
