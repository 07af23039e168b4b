package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * What a bdev says of itself that SPDK has no functions for. Read in C, because struct spdk_bdev differs from version
 * to version.
 *
 * @param maxRwBlocks SPDK splits larger reads and writes; 0 for no limit
 * @param maxSegments SPDK splits reads and writes of more vectors; 0 for no limit
 * @param splitsOnBoundary whether SPDK splits what crosses the optimal I/O boundary
 * @param abortsReach whether SPDK may be asked to abort its I/O. An error device of v26.01 marks what it hands down as
 *     split I/O; an abort of that, also through what stands on the device, never ends or frees memory twice
 * @param copies whether SPDK may be asked to copy. A delay device of v26.01 says that it does when its base does, and
 *     fails to
 */
public record BdevLimits(
        long maxRwBlocks, int maxSegments, boolean splitsOnBoundary, boolean abortsReach, boolean copies) {
    /**
     * Reads them. On the app thread, while the bdev is there.
     *
     * @param bdev the struct spdk_bdev
     * @return its limits
     */
    public static BdevLimits of(MemorySegment bdev) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(ValueLayout.JAVA_INT, 5);
            Handles.LIMITS.invokeExact(bdev, limits);
            return new BdevLimits(
                    Integer.toUnsignedLong(limits.getAtIndex(ValueLayout.JAVA_INT, 0)),
                    limits.getAtIndex(ValueLayout.JAVA_INT, 1),
                    limits.getAtIndex(ValueLayout.JAVA_INT, 2) != 0,
                    limits.getAtIndex(ValueLayout.JAVA_INT, 3) != 0,
                    limits.getAtIndex(ValueLayout.JAVA_INT, 4) != 0);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    private static final class Handles {
        static final MethodHandle LIMITS = RawSupport.bind("spdkio_bdev_limits", "VPP");
    }
}
