package io.spdkio.bdev;

import java.time.Duration;

/**
 * A device that reads and writes later than the one it stands on ({@code bdev_delay}); other operations take no longer.
 * It claims its base.
 *
 * @param name its name
 * @param base the name of the device below
 * @param latencies how much later
 */
public record DelayBdev(String name, String base, Latencies latencies) implements BdevSpec {
    /** Checks the names. */
    public DelayBdev {
        BdevSpec.requireName(name);
        BdevSpec.requireName(base);
    }

    /**
     * A device that delays reads and writes by the same time.
     *
     * @param name its name
     * @param base the name of the device below
     * @param latency how much later
     * @return the spec
     */
    public static DelayBdev of(String name, String base, Duration latency) {
        return new DelayBdev(name, base, new Latencies(latency, latency, latency, latency));
    }

    /**
     * Added times. One I/O in a hundred gets the p99 time, the others the average.
     *
     * @param averageRead for reads
     * @param p99Read for one read in a hundred
     * @param averageWrite for writes
     * @param p99Write for one write in a hundred
     */
    public record Latencies(Duration averageRead, Duration p99Read, Duration averageWrite, Duration p99Write) {
        /** Checks that none is negative. */
        public Latencies {
            for (Duration d : new Duration[] {averageRead, p99Read, averageWrite, p99Write}) {
                if (d.isNegative() || d.compareTo(Duration.ofDays(1)) > 0) {
                    throw new IllegalArgumentException("a delay lies between 0 and a day: " + d);
                }
            }
        }
    }
}
