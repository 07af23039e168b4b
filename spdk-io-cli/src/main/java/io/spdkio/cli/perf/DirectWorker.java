package io.spdkio.cli.perf;

import io.spdkio.IoStatus;
import io.spdkio.SpdkException;

/** Does I/O in direct style: each slot is a forked virtual thread that waits for its I/O and does the next. */
final class DirectWorker extends Worker {
    private int running;

    DirectWorker(WorkerContext context) {
        super(context);
    }

    @Override
    void fill() {
        for (int i = 0; i < depth; i++) {
            int slot = i;
            running++;
            var _ = thread.fork(() -> loop(slot));
        }
    }

    private void loop(int slot) {
        try {
            long now = thread.nanoTime();
            while (!stopping) {
                submittedAt(slot, now);
                int status = doOne(slot);
                if (stopping) {
                    break;
                }
                now = thread.nanoTime();
                completed(slot, status, now);
            }
        } catch (RuntimeException | Error e) {
            broken(e);
        } finally {
            running--;
        }
    }

    private int doOne(int slot) {
        try {
            if (verifier != null) {
                if (verifier.next(slot)) {
                    target.read(verifier.readBuffer(slot), verifier.offset(slot), ioSize).join();
                } else {
                    target.write(buffers[slot], verifier.offset(slot), ioSize).join();
                }
            } else if (nextReads()) {
                target.read(buffers[slot], nextOffset(), ioSize).join();
            } else {
                target.write(buffers[slot], nextOffset(), ioSize).join();
            }
            return IoStatus.SUCCESS;
        } catch (SpdkException e) {
            return FuturesWorker.statusOf(e);
        }
    }

    @Override
    boolean isDrained() {
        return running == 0;
    }

    @Override
    void closeApi() {}
}
