package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Reads and writes the format's numbers, which are little-endian and not aligned. What is read for each of many blobs
 * is read from an array: from memory segments, loading them took twice as long until the JVM had compiled it for good.
 */
final class Fields {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Fields() {}

    static int u8(byte[] from, int at) {
        return from[at] & 0xff;
    }

    static int u16(byte[] from, int at) {
        return u8(from, at) + (u8(from, at + 1) << 8);
    }

    static int i32(byte[] from, int at) {
        return u16(from, at) + (u16(from, at + 2) << 16);
    }

    static long u32(byte[] from, int at) {
        return i32(from, at) & 0xffff_ffffL;
    }

    static long i64(byte[] from, int at) {
        return u32(from, at) + ((long) i32(from, at + 4) << 32);
    }

    static int crc32c(byte[] of, int length) {
        CRC32C crc = new CRC32C();
        crc.update(of, 0, length);
        return (int) crc.getValue();
    }

    static int u8(MemorySegment from, long at) {
        return from.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }

    static void u8(MemorySegment to, long at, int value) {
        to.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    static int u16(MemorySegment from, long at) {
        return from.get(SHORT, at) & 0xffff;
    }

    static void u16(MemorySegment to, long at, int value) {
        to.set(SHORT, at, (short) value);
    }

    static int i32(MemorySegment from, long at) {
        return from.get(INT, at);
    }

    static long u32(MemorySegment from, long at) {
        return from.get(INT, at) & 0xffff_ffffL;
    }

    static void u32(MemorySegment to, long at, long value) {
        to.set(INT, at, (int) value);
    }

    static void i32(MemorySegment to, long at, int[] values) {
        MemorySegment.copy(values, 0, to, INT, at, values.length);
    }

    static long i64(MemorySegment from, long at) {
        return from.get(LONG, at);
    }

    static void i64(MemorySegment to, long at, long value) {
        to.set(LONG, at, value);
    }

    static byte[] bytes(MemorySegment from, long at, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(from, ValueLayout.JAVA_BYTE, at, copy, 0, length);
        return copy;
    }

    static void bytes(MemorySegment to, long at, byte[] value) {
        MemorySegment.copy(value, 0, to, ValueLayout.JAVA_BYTE, at, value.length);
    }

    static int crc32c(MemorySegment of, long length) {
        CRC32C crc = new CRC32C();
        crc.update(of.asSlice(0, length).asByteBuffer());
        return (int) crc.getValue();
    }
}
