package io.spdkio.embedded;

import io.spdkio.bdev.IoType;
import io.spdkio.spi.IoRequest;

import java.util.ArrayList;
import java.util.List;

/**
 * Keeps I/O away from a range of blocks on every channel of a device: changes only for a compareAndWrite, everything
 * for a reset. Asked for and ended on the thread of its origin, once each; {@link RangeLocks} has the rules.
 */
final class RangeLock {
    private final EmbeddedChannel origin;
    private final long firstBlock;
    private final long blockCount;
    private final boolean everything;
    private final Runnable onGranted;

    // What follows belongs to RangeLocks.

    /** Its place in the order in which locks were asked for. */
    long number;

    /** The channels that may still have something in the device that it keeps out. */
    final List<EmbeddedChannel> busy = new ArrayList<>();

    boolean granted;

    private RangeLock(
            EmbeddedChannel origin, long firstBlock, long blockCount, boolean everything, Runnable onGranted) {
        this.origin = origin;
        this.firstBlock = firstBlock;
        this.blockCount = blockCount;
        this.everything = everything;
        this.onGranted = onGranted;
    }

    static RangeLock wholeDevice(EmbeddedChannel origin, Runnable onGranted) {
        return new RangeLock(origin, 0, Long.MAX_VALUE, true, onGranted);
    }

    static RangeLock changes(EmbeddedChannel origin, IoRequest io, Runnable onGranted) {
        return new RangeLock(origin, io.offsetBlocks(), io.blockCount(), false, onGranted);
    }

    EmbeddedChannel origin() {
        return origin;
    }

    /** Whether reads are kept out too, and what is outstanding is aborted rather than waited for. */
    boolean everything() {
        return everything;
    }

    /** Runs on the origin's thread when the lock is granted; also if it was ended while word of that was on its way. */
    void onGranted() {
        onGranted.run();
    }

    boolean overlaps(RangeLock other) {
        return overlaps(other.firstBlock, other.blockCount);
    }

    boolean keepsOut(IoRequest io) {
        return (everything || io.type().modifies())
                && io.type() != IoType.RESET
                && (everything || overlaps(io.offsetBlocks(), io.blockCount()));
    }

    private boolean overlaps(long first, long count) {
        return first < firstBlock + Math.min(blockCount, Long.MAX_VALUE - firstBlock)
                && firstBlock < first + Math.min(count, Long.MAX_VALUE - first);
    }
}
