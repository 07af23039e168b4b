package io.spdkio.cli.perf;

import io.spdkio.bdev.ByteSize;
import io.spdkio.cli.EnvironmentOptions;

import java.util.List;

/**
 * What to run.
 *
 * @param specs the devices, as given
 * @param workload what the I/Os are
 * @param ioSizeBytes the size of each
 * @param queueDepth how many each thread keeps in flight
 * @param seconds how long to measure
 * @param warmUpSeconds how long to run before that
 * @param threads how many threads
 * @param mix of 100 I/Os of a mixed workload, how many read
 * @param api which way to do I/O
 * @param environment where
 * @param seed makes random offsets and data repeatable
 */
record PerfSettings(
        List<String> specs,
        Workload workload,
        int ioSizeBytes,
        int queueDepth,
        double seconds,
        double warmUpSeconds,
        int threads,
        int mix,
        Api api,
        EnvironmentOptions environment,
        long seed) {
    String devices() {
        return String.join(", ", specs);
    }

    String workloadText() {
        return workload + (workload.isMixed() ? " (" + mix + "% reads)" : "");
    }

    String sizeText() {
        return ByteSize.format(ioSizeBytes);
    }
}
