package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.sys.raw.spdk_nvme_cmd;
import io.spdkio.sys.raw.spdk_nvme_status;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Field;
import java.util.Random;

/** The generated classes against the table that the C compiler checks: that what it compares is what Java uses. */
class BindingsTest {

    @Test
    void everySizeAndOffsetOfTheClassesIsInTheTable() throws Exception {
        Class<?> struct = null;
        int compared = 0;
        for (String line : AbiReport.expected()) {
            String[] words = line.split(" ");
            if (words[0].equals("s")) {
                struct = Class.forName("io.spdkio.sys.raw." + words[2]);
                assertThat(struct.getField("BYTES").getLong(null)).as(line).isEqualTo(Long.parseLong(words[3]));
                compared++;
            } else if (!words[0].equals("c")) {
                String prefix = words[0].equals("b") ? "BIT_" : "OFFSET_";
                assertThat(constant(struct, prefix + words[1].replace('.', '_')))
                        .as(struct.getSimpleName() + " " + line)
                        .isEqualTo(Long.parseLong(words[2]));
                compared++;
            }
        }
        assertThat(compared).isGreaterThan(2000);
    }

    private static long constant(Class<?> struct, String name) throws Exception {
        for (Field field : struct.getFields()) {
            if (field.getName().equals(name) || field.getName().equals(name + "_")) {
                return field.getLong(null);
            }
        }
        throw new AssertionError(struct + " has no " + name);
    }

    @Test
    void bitFieldsKeepTheirNeighbours() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            byte[] bytes = new byte[9];
            random.nextBytes(bytes);
            int width = 1 + random.nextInt(64);
            int from = random.nextInt(72 - width);
            int touched = (from % 8 + width + 7) / 8;
            if (touched > 8) {
                continue;
            }
            java.math.BigInteger before = number(bytes);
            long value = random.nextLong();
            MemorySegment segment = MemorySegment.ofArray(bytes);
            RawSupport.bits(segment, from / 8, touched, from % 8, width, value);
            java.math.BigInteger mask = java.math.BigInteger.ONE.shiftLeft(width).subtract(java.math.BigInteger.ONE);
            java.math.BigInteger field = new java.math.BigInteger(Long.toUnsignedString(value)).and(mask);
            java.math.BigInteger expected = before.andNot(mask.shiftLeft(from)).or(field.shiftLeft(from));
            assertThat(number(bytes)).as("seed " + seed + ", bit " + from + ", width " + width).isEqualTo(expected);
            assertThat(RawSupport.bits(segment, from / 8, touched, from % 8, width)).isEqualTo(field.longValue());
        }
    }

    private static java.math.BigInteger number(byte[] littleEndian) {
        byte[] reversed = new byte[littleEndian.length];
        for (int i = 0; i < reversed.length; i++) {
            reversed[i] = littleEndian[reversed.length - 1 - i];
        }
        return new java.math.BigInteger(1, reversed);
    }

    /** NVM Express Base Specification, "Status Field" and "Common Command Format". */
    @Test
    void nvmeFieldsAreWhereTheSpecificationPutsThem() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = spdk_nvme_status.allocate(arena);
            spdk_nvme_status.sct(status, 2);
            spdk_nvme_status.sc(status, 0x85);
            spdk_nvme_status.dnr(status, 1);
            assertThat(RawSupport.SHORT.byteSize()).isEqualTo(spdk_nvme_status.BYTES);
            assertThat(status.get(RawSupport.SHORT, 0)).isEqualTo((short) (1 << 15 | 2 << 9 | 0x85 << 1));
            MemorySegment command = spdk_nvme_cmd.allocate(arena);
            assertThat(command.byteSize()).isEqualTo(64);
            spdk_nvme_cmd.cid(command, (short) 0x1234);
            assertThat(command.get(RawSupport.INT, 0)).isEqualTo(0x12340000);
        }
    }
}
