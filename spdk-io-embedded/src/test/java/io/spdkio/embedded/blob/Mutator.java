package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.MetadataPage;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.Random;
import java.util.zip.CRC32C;

/** Damages the metadata of a store in a way that a seed repeats, most of the time with checksums that are right. */
final class Mutator {
    private static final int PAGE = MetadataPage.SIZE_BYTES;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int[] NUMBERS = {
        0,
        1,
        -1,
        2,
        7,
        8,
        63,
        64,
        127,
        128,
        255,
        256,
        511,
        512,
        513,
        4071,
        4072,
        4096,
        65_535,
        1 << 20,
        1 << 30,
        0x7fff_ffff,
        0x8000_0000
    };

    private final MemorySegment base;
    private final MemorySegment image;
    private final int mdPages;
    private final int firstMdPage;
    private final BitSet touched = new BitSet();

    /** The pages from the first of the blobs' metadata on; those before are super block and maps. */
    Mutator(MemorySegment base, int firstMdPage, int mdPages) {
        this.base = base;
        this.image = MemorySegment.ofArray(new byte[(int) base.byteSize()]).copyFrom(base);
        this.firstMdPage = firstMdPage;
        this.mdPages = mdPages;
    }

    /** What is damaged. */
    MemorySegment image() {
        return image;
    }

    /** Undoes what was damaged before. */
    void heal() {
        touched.stream().forEach(page -> MemorySegment.copy(base, (long) page * PAGE, image, (long) page * PAGE, PAGE));
        touched.clear();
    }

    /** Undoes everything, also what somebody else wrote. */
    void healAll() {
        image.copyFrom(base);
        touched.clear();
    }

    void damage(Random random) {
        for (int times = 1 + random.nextInt(4); times > 0; times--) {
            int page = anyPage(random);
            switch (random.nextInt(8)) {
                case 0 -> flip(page, random);
                case 1 -> number(page, random);
                case 2, 3, 4 -> descriptor(page, random);
                case 5 -> copy(anyPage(random), page);
                case 6 -> zero(page, random);
                default -> header(page, random);
            }
            touched.set(page);
        }
        if (random.nextInt(10) != 0) {
            touched.stream().forEach(this::seal);
        }
    }

    private int anyPage(Random random) {
        // Mostly where blobs are, which is near the front.
        return switch (random.nextInt(10)) {
            case 0, 1 -> 0;
            case 2 -> random.nextInt(firstMdPage);
            case 3 -> firstMdPage + random.nextInt(mdPages);
            default -> firstMdPage + random.nextInt(Math.min(mdPages, 24));
        };
    }

    private void flip(int page, Random random) {
        long at = (long) page * PAGE + random.nextInt(page == 0 ? 96 : PAGE - 4);
        image.set(ValueLayout.JAVA_BYTE, at, (byte) (image.get(ValueLayout.JAVA_BYTE, at) ^ 1 << random.nextInt(8)));
    }

    private static int value(Random random, int old) {
        return switch (random.nextInt(4)) {
            case 0 -> NUMBERS[random.nextInt(NUMBERS.length)];
            case 1 -> old + random.nextInt(5) - 2;
            case 2 -> random.nextInt(200);
            default -> random.nextInt();
        };
    }

    private void number(int page, Random random) {
        long at = (long) page * PAGE + random.nextInt(page == 0 ? 92 : 200);
        image.set(INT, at, value(random, image.get(INT, at)));
    }

    private void header(int page, Random random) {
        int[] fields =
                page == 0
                        ? new int[] {8, 16, 28, 32, 36, 40, 44, 48, 52, 72, 76, 80, 88, 92}
                        : new int[] {0, 4, 8, 4088};
        long at = (long) page * PAGE + fields[random.nextInt(fields.length)];
        image.set(INT, at, value(random, image.get(INT, at)));
    }

    /** Goes to one of the descriptors and changes its type, its length or what it says. */
    private void descriptor(int page, Random random) {
        long at = (long) page * PAGE + 16;
        long end = (long) page * PAGE + 4088;
        for (int skip = random.nextInt(6); skip > 0; skip--) {
            long next = at + 5 + (image.get(INT, at + 1) & 0xffff_ffffL);
            if (next + 24 > end) {
                break;
            }
            at = next;
        }
        switch (random.nextInt(4)) {
            case 0 -> image.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt(9));
            case 1 -> image.set(INT, at + 1, value(random, image.get(INT, at + 1)));
            case 2 -> {
                long field = at + 5 + 4L * random.nextInt(4);
                image.set(INT, field, value(random, image.get(INT, field)));
            }
            default -> image.set(LONG, at + 5, (long) value(random, 0) << random.nextInt(32));
        }
    }

    private void copy(int from, int to) {
        MemorySegment.copy(image, (long) from * PAGE, image, (long) to * PAGE, PAGE);
    }

    private void zero(int page, Random random) {
        int length = random.nextBoolean() ? PAGE : 512;
        image.asSlice((long) page * PAGE + random.nextInt(PAGE / length) * (long) length, length).fill((byte) 0);
    }

    private void seal(int page) {
        CRC32C crc = new CRC32C();
        crc.update(image.asSlice((long) page * PAGE, PAGE - 4).asByteBuffer());
        if (page == 0 || page >= firstMdPage) {
            image.set(INT, (long) page * PAGE + PAGE - 4, (int) crc.getValue());
        }
    }
}
