package io.spdkio.cli.perf;

import io.spdkio.SpdkThread;
import io.spdkio.dma.Dma;

/**
 * What a worker gets.
 *
 * @param thread its thread
 * @param dma where buffers come from
 * @param target its device, or a blob on that
 * @param device its device as the user named it
 * @param settings what to run
 * @param phase what is shared with the other threads
 * @param index its number among the threads
 * @param share its number among the threads that share the device
 * @param shares how many share the device
 */
record WorkerContext(
        SpdkThread thread,
        Dma dma,
        Target target,
        String device,
        PerfSettings settings,
        Phase phase,
        int index,
        int share,
        int shares) {
    Worker newWorker() {
        return switch (settings.api()) {
            case QUEUE -> new QueueWorker(this);
            case FUTURES -> new FuturesWorker(this);
            case DIRECT -> new DirectWorker(this);
        };
    }
}
