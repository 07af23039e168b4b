package io.spdkio.sys;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory by address, unchecked as in C. A constant segment leaves the JIT nothing to check: with segments of its own,
 * {@link BdevRing#submit} took 14 % of the time of a loop that reads from a null bdev. Aligned layouts keep the code
 * small enough to be inlined where it is used.
 */
final class Memory {
    private static final MemorySegment ALL = Bridge.memory(0, Long.MAX_VALUE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private Memory() {}

    static int getInt(long address) {
        return ALL.get(INT, address);
    }

    static void setInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    static long getLong(long address) {
        return ALL.get(LONG, address);
    }

    static void setLong(long address, long value) {
        ALL.set(LONG, address, value);
    }

    /** Copies the beginning of an array. */
    static void copy(long[] from, int count, long to) {
        MemorySegment.copy(from, 0, ALL, LONG, to, count);
    }
}
