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
 */
public record BdevLimits(long maxRwBlocks, int maxSegments, boolean splitsOnBoundary) {
    /**
     * Reads them. Any thread, while the bdev is there.
     *
     * @param bdev the struct spdk_bdev
     * @return its limits
     */
    public static BdevLimits of(MemorySegment bdev) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(ValueLayout.JAVA_INT, 3);
            Handles.LIMITS.invokeExact(bdev, limits);
            return new BdevLimits(
                    Integer.toUnsignedLong(limits.getAtIndex(ValueLayout.JAVA_INT, 0)),
                    limits.getAtIndex(ValueLayout.JAVA_INT, 1),
                    limits.getAtIndex(ValueLayout.JAVA_INT, 2) != 0);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    private static final class Handles {
        static final MethodHandle LIMITS = RawSupport.bind("spdkio_bdev_limits", "VPP");
    }
}
