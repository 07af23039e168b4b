package io.spdkio.cli.perf;

import org.HdrHistogram.Histogram;

import java.util.List;

/**
 * What a run measured.
 *
 * @param settings what was run
 * @param engine the engine that ran
 * @param engineText the same, and in what memory when that is not the usual
 * @param engineDescription what it is
 * @param engineReason why it was that one
 * @param workers what each thread measured
 * @param samples the throughput over time
 */
record PerfResult(
        PerfSettings settings,
        String engine,
        String engineText,
        String engineDescription,
        String engineReason,
        List<WorkerResult> workers,
        List<Sample> samples) {
    private static final double BYTES_PER_MIB = 1 << 20;

    PerfResult {
        workers = List.copyOf(workers);
        samples = List.copyOf(samples);
    }

    double seconds() {
        return workers.stream().mapToDouble(WorkerResult::seconds).average().orElse(0);
    }

    long ios() {
        return workers.stream().mapToLong(WorkerResult::ios).sum();
    }

    double iops() {
        return seconds() == 0 ? 0 : ios() / seconds();
    }

    double mibPerSecond() {
        return iops() * settings.ioSizeBytes() / BYTES_PER_MIB;
    }

    long errors() {
        return workers.stream().mapToLong(WorkerResult::errors).sum();
    }

    /** Rounded to hundredths: a few hundred bytes in millions of I/Os are the measurement's own. */
    double allocatedBytesPerIo() {
        long bytes = workers.stream().mapToLong(WorkerResult::allocatedBytes).sum();
        return ios() == 0 ? 0 : Math.round(100.0 * bytes / ios()) / 100.0;
    }

    Histogram latency() {
        Histogram merged = Worker.newHistogram();
        workers.forEach(w -> merged.add(w.latency()));
        return merged;
    }

    String firstError() {
        return workers.stream().map(WorkerResult::firstError).filter(java.util.Objects::nonNull).findFirst().orElse("");
    }
}
