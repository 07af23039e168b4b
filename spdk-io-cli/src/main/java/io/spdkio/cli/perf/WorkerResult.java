package io.spdkio.cli.perf;

import org.HdrHistogram.Histogram;

/**
 * What one thread measured.
 *
 * @param device the device it worked on
 * @param ios how many I/Os completed
 * @param seconds in which time
 * @param errors how many of them failed
 * @param firstError the first of them, for a person; null when there was none
 * @param allocatedBytes what the thread allocated meanwhile
 * @param latency the latencies in nanoseconds
 */
record WorkerResult(
        String device,
        long ios,
        double seconds,
        long errors,
        String firstError,
        long allocatedBytes,
        Histogram latency) {}
