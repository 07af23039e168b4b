package io.spdkio.embedded;

import io.spdkio.bdev.IoType;
import io.spdkio.spi.IoRequest;

/**
 * Keeps I/O away from a range of blocks on every channel of a device: changes only for a compareAndWrite, everything
 * for a reset.
 *
 * @param firstBlock where it begins
 * @param blockCount how long it is
 * @param everything whether reads are kept away too
 * @param abortOutstanding whether what is outstanding is aborted rather than waited for
 */
record RangeLock(long firstBlock, long blockCount, boolean everything, boolean abortOutstanding) {
    static RangeLock wholeDevice() {
        return new RangeLock(0, Long.MAX_VALUE, true, true);
    }

    static RangeLock changes(IoRequest io) {
        return new RangeLock(io.offsetBlocks(), io.blockCount(), false, false);
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
