package io.spdkio.bdev;

import java.util.Arrays;

/**
 * Counts latencies in buckets whose width grows with the value: 128 to each power of two, so that a value is known to
 * 0.8 % of itself ({@code spdk_histogram_data} in {@code include/spdk/histogram_data.h} divides the same way).
 *
 * <p><b>Thread:</b> one thread records; others may read meanwhile and see a count or two less.
 */
public final class LatencyHistogram {
    private static final int BUCKET_BITS = 7;
    private static final int BUCKETS = 1 << BUCKET_BITS;

    private final long[] counts = new long[(64 - BUCKET_BITS) << BUCKET_BITS];

    /** Makes an empty histogram. */
    public LatencyHistogram() {}

    /**
     * Counts a latency.
     *
     * @param nanos nanoseconds; below zero counts as zero
     */
    public void record(long nanos) {
        counts[indexOf(Math.max(nanos, 0))]++;
    }

    /**
     * Adds what another histogram has counted.
     *
     * @param other the other
     * @return this
     */
    public LatencyHistogram add(LatencyHistogram other) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += other.counts[i];
        }
        return this;
    }

    /** Forgets everything. */
    public void reset() {
        Arrays.fill(counts, 0);
    }

    /**
     * How many latencies were counted.
     *
     * @return the number
     */
    public long count() {
        return Arrays.stream(counts).sum();
    }

    /**
     * The latency that a share of all I/Os did not exceed.
     *
     * @param percentile 0 to 100
     * @return nanoseconds, the upper end of the bucket; 0 when nothing was counted
     */
    public long nanosAtPercentile(double percentile) {
        if (!(percentile >= 0 && percentile <= 100)) {
            throw new IllegalArgumentException("percentile " + percentile + " is not between 0 and 100");
        }
        long wanted = Math.max(1, (long) Math.ceil(count() * percentile / 100));
        long seen = 0;
        for (int i = 0; i < counts.length; i++) {
            seen += counts[i];
            if (seen >= wanted) {
                return highestOf(i);
            }
        }
        return 0;
    }

    /**
     * The mean latency.
     *
     * @return nanoseconds, each I/O taken at the middle of its bucket; 0 when nothing was counted
     */
    public double meanNanos() {
        double sum = 0;
        long total = 0;
        for (int i = 0; i < counts.length; i++) {
            sum += counts[i] * ((lowestOf(i) + highestOf(i)) / 2.0);
            total += counts[i];
        }
        return total == 0 ? 0 : sum / total;
    }

    /**
     * Hands out the buckets that are not empty, in ascending order.
     *
     * @param visitor gets each bucket
     */
    public void forEach(BucketVisitor visitor) {
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] != 0) {
                visitor.bucket(lowestOf(i), highestOf(i), counts[i]);
            }
        }
    }

    /** Receives the buckets of a histogram. */
    @FunctionalInterface
    public interface BucketVisitor {
        /**
         * One bucket.
         *
         * @param fromNanos its lowest latency
         * @param toNanos its highest latency
         * @param count how many I/Os lay within
         */
        void bucket(long fromNanos, long toNanos, long count);
    }

    private static int indexOf(long nanos) {
        int range = Math.max(0, 64 - BUCKET_BITS - Long.numberOfLeadingZeros(nanos | 1));
        // Range 0 holds the values below 2^BUCKET_BITS one by one; range r > 0 those with r more bits, in steps of
        // 2^(r-1).
        return range == 0 ? (int) nanos : (range << BUCKET_BITS) + (int) (nanos >>> (range - 1)) - BUCKETS;
    }

    private static long lowestOf(int index) {
        int range = index >> BUCKET_BITS;
        long position = index & (BUCKETS - 1);
        return range == 0 ? position : (position + BUCKETS) << (range - 1);
    }

    private static long highestOf(int index) {
        int range = index >> BUCKET_BITS;
        return lowestOf(index) + (range == 0 ? 0 : (1L << (range - 1)) - 1);
    }
}
