package io.spdkio.cli.perf;

import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;

import java.util.function.BiConsumer;

/** Does I/O through futures; each slot has one continuation, which submits the next I/O. */
final class FuturesWorker extends Worker {
    private final Slot[] slots;
    private int inFlight;

    FuturesWorker(WorkerContext context) {
        super(context);
        slots = new Slot[depth];
        for (int i = 0; i < depth; i++) {
            slots[i] = new Slot(i);
        }
    }

    @Override
    void fill() {
        for (int slot = 0; slot < depth; slot++) {
            submit(slot, thread.nanoTime());
        }
    }

    private void submit(int slot, long now) {
        submittedAt(slot, now);
        inFlight++;
        IoFuture<Void> future;
        if (verifier != null) {
            future =
                    verifier.next(slot)
                            ? target.read(verifier.readBuffer(slot), verifier.offset(slot), ioSize)
                            : target.write(buffers[slot], verifier.offset(slot), ioSize);
        } else if (nextReads()) {
            future = target.read(buffers[slot], nextOffset(), ioSize);
        } else {
            future = target.write(buffers[slot], nextOffset(), ioSize);
        }
        var _ = future.whenComplete(slots[slot]);
    }

    @Override
    boolean isDrained() {
        return inFlight == 0;
    }

    @Override
    void closeApi() {}

    static int statusOf(Throwable problem) {
        return problem == null
                ? IoStatus.SUCCESS
                : problem instanceof SpdkException e && e.status() != 0 ? e.status() : IoStatus.INTERNAL_ERROR;
    }

    private final class Slot implements BiConsumer<Void, Throwable> {
        private final int index;

        Slot(int index) {
            this.index = index;
        }

        @Override
        public void accept(Void nothing, Throwable problem) {
            inFlight--;
            if (stopping) {
                return;
            }
            try {
                long now = thread.nanoTime();
                completed(index, statusOf(problem), now);
                submit(index, now);
            } catch (RuntimeException e) {
                broken(e);
            }
        }
    }
}
