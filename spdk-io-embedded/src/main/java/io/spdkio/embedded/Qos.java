package io.spdkio.embedded;

import io.spdkio.bdev.IoType;
import io.spdkio.bdev.QosLimits;
import io.spdkio.spi.IoRequest;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * What a device may do in a millisecond, shared by its channels ({@code lib/bdev} of SPDK divides time the same way).
 * An I/O passes while anything is left, and may leave less than nothing; what is overrun is missing later. What is left
 * at the end of a millisecond is lost.
 *
 * <p>SPDK has a poller on one thread for this. Here whoever needs some looks at the clock, so that no thread depends on
 * another one's polls.
 */
final class Qos {
    static final long TIMESLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Nobody who polls is later than that; and no product overflows. */
    private static final long MOST_SLICES = 1_000;

    private static final long SLICES_A_SECOND = 1_000;

    /** The least bytes in a slice. */
    private static final long MIN_BYTES = 512;

    private static final int IOS = 0;
    private static final int BYTES = 1;
    private static final int READ_BYTES = 2;
    private static final int WRITE_BYTES = 3;
    private static final int KINDS = 4;

    private final AtomicLongArray left = new AtomicLongArray(KINDS);
    private final AtomicLong sliceBegan;

    /** For each kind the share of a slice, 0 for no limit. */
    private volatile long[] shares;

    Qos(QosLimits limits, long now) {
        sliceBegan = new AtomicLong(now);
        change(limits);
    }

    /** Sets other limits; the slice begins with all of its new share. */
    void change(QosLimits limits) {
        long[] next = {
            limits.readWriteIosPerSecond() / SLICES_A_SECOND,
            bytesInSlice(limits.readWriteMiBPerSecond()),
            bytesInSlice(limits.readMiBPerSecond()),
            bytesInSlice(limits.writeMiBPerSecond())
        };
        shares = next;
        for (int kind = 0; kind < KINDS; kind++) {
            left.set(kind, next[kind]);
        }
    }

    private static long bytesInSlice(long mebibytesPerSecond) {
        return mebibytesPerSecond == 0 ? 0 : Math.max(MIN_BYTES, (mebibytesPerSecond << 20) / SLICES_A_SECOND);
    }

    static boolean limits(IoType type) {
        return type == IoType.READ || type == IoType.WRITE;
    }

    /**
     * Begins the slices that are due.
     *
     * @param waits whether I/O waits for them: it gets the share of every slice that has passed, however late the
     *     caller is. Else the shares of those were nobody's
     */
    void advance(long now, boolean waits) {
        long began = sliceBegan.get();
        long slices = Math.min(MOST_SLICES, (now - began) / TIMESLICE_NANOS);
        long begins = now - (now - began) % TIMESLICE_NANOS;
        if (slices <= 0 || !sliceBegan.compareAndSet(began, begins)) {
            return;
        }
        long[] each = shares;
        for (int kind = 0; kind < KINDS; kind++) {
            long share = each[kind];
            left.updateAndGet(
                    kind,
                    before -> {
                        long after = Math.min(before, 0) + share * slices;
                        return waits ? after : Math.min(share, after);
                    });
        }
    }

    /** Takes what an I/O needs; false, and nothing is taken, when some of it is used up. */
    boolean take(IoRequest io) {
        long[] each = shares;
        for (int kind = 0; kind < KINDS; kind++) {
            long needed = each[kind] == 0 ? 0 : needed(kind, io);
            if (needed != 0 && left.getAndAdd(kind, -needed) <= 0) {
                for (int taken = kind; taken >= 0; taken--) {
                    left.getAndAdd(taken, each[taken] == 0 ? 0 : needed(taken, io));
                }
                return false;
            }
        }
        return true;
    }

    private static long needed(int kind, IoRequest io) {
        return switch (kind) {
            case IOS -> 1;
            case BYTES -> io.lengthBytes();
            case READ_BYTES -> io.type() == IoType.READ ? io.lengthBytes() : 0;
            case WRITE_BYTES -> io.type() == IoType.WRITE ? io.lengthBytes() : 0;
            default -> throw new IllegalArgumentException("kind " + kind);
        };
    }
}
