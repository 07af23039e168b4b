package io.spdkio.bdev;

/**
 * Limits on what a device does in a second, over all threads ({@code bdev_set_qos_limit}). They hold back reads and
 * writes as the device sees them, the pieces of one that is split each by itself; other I/O passes. An I/O may overrun
 * what is left of a millisecond's share, which the next ones then go without.
 *
 * @param readWriteIosPerSecond reads and writes, 0 for no limit. Rounded up to a multiple of 1000, as SPDK does
 * @param readWriteMiBPerSecond MiB read or written, 0 for no limit
 * @param readMiBPerSecond MiB read, 0 for no limit
 * @param writeMiBPerSecond MiB written, 0 for no limit
 */
public record QosLimits(
        long readWriteIosPerSecond, long readWriteMiBPerSecond, long readMiBPerSecond, long writeMiBPerSecond) {
    /** No limits. */
    public static final QosLimits NONE = new QosLimits(0, 0, 0, 0);

    private static final long IOS_STEP = 1000;

    /** SPDK counts the I/Os, and the bytes, of a millisecond in 32 bits. */
    private static final long MAX_IOS_PER_SECOND = 0xffff_ffffL * 1000;

    private static final long MAX_MIB_PER_SECOND = MAX_IOS_PER_SECOND >> 20;

    /** Checks the ranges, and rounds. */
    public QosLimits {
        if (readWriteIosPerSecond < 0 || readWriteIosPerSecond > MAX_IOS_PER_SECOND) {
            throw new IllegalArgumentException(
                    "a limit is 0 to " + MAX_IOS_PER_SECOND + " I/Os a second, not " + readWriteIosPerSecond);
        }
        readWriteIosPerSecond = Math.ceilDiv(readWriteIosPerSecond, IOS_STEP) * IOS_STEP;
        for (long limit : new long[] {readWriteMiBPerSecond, readMiBPerSecond, writeMiBPerSecond}) {
            if (limit < 0 || limit > MAX_MIB_PER_SECOND) {
                throw new IllegalArgumentException(
                        "a limit is 0 to " + MAX_MIB_PER_SECOND + " MiB a second, not " + limit);
            }
        }
    }

    /**
     * A limit on the number of reads and writes.
     *
     * @param perSecond how many in a second
     * @return the limits
     */
    public static QosLimits ofIos(long perSecond) {
        return new QosLimits(perSecond, 0, 0, 0);
    }

    /**
     * A limit on the bytes read and written.
     *
     * @param perSecond how many MiB in a second
     * @return the limits
     */
    public static QosLimits ofMiB(long perSecond) {
        return new QosLimits(0, perSecond, 0, 0);
    }

    /**
     * Whether nothing is limited.
     *
     * @return true if every limit is 0
     */
    public boolean isNone() {
        return equals(NONE);
    }
}
