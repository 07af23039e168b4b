package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Reads and writes the format's numbers, which are little-endian and not aligned. */
final class Fields {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Fields() {}

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
