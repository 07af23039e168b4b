package io.spdkio.libspdk;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What a super block says that has to be known before SPDK loads the store. What is in it and where, of SPDK's format,
 * version 3.
 *
 * @param clusterBytes the unit of allocation
 * @param pageBytes the unit of metadata, up to {@link #MAX_PAGE_BYTES}
 * @param ioUnitBytes the unit of blob I/O
 * @param mdStart where the metadata pages begin, in pages
 * @param mdPages how many there are
 * @param needsRecovery whether SPDK will read them all, as the store was not unloaded or is of an older version
 */
record StoreHead(
        long clusterBytes, int pageBytes, long ioUnitBytes, long mdStart, long mdPages, boolean needsRecovery) {
    private static final byte[] SIGNATURE = "SPDKBLOB".getBytes(StandardCharsets.US_ASCII);
    private static final int CLEAN_AT = 16;
    private static final int CLUSTER_SIZE_AT = 28;
    private static final int MD_START_AT = 48;
    private static final int MD_LENGTH_AT = 52;
    private static final int BLOB_ID_MASK_LENGTH_AT = 76;
    private static final int IO_UNIT_SIZE_AT = 88;
    private static final int MD_PAGE_SIZE_AT = 92;

    /** Pages and I/O units of stores that do not say. */
    private static final int OLD_SIZE_BYTES = 4096;

    /** What a super block takes; its checksum is where that of a metadata page is. */
    static final int SUPER_BLOCK_BYTES = MetadataPage.SIZE_BYTES;

    /** Larger than any device's blocks, and what the API allows. */
    static final int MAX_PAGE_BYTES = 1 << 20;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Reads one; nothing when there is none, or one that can't be. */
    static Optional<StoreHead> in(MemorySegment superBlock) {
        if (superBlock.asSlice(0, SIGNATURE.length).mismatch(MemorySegment.ofArray(SIGNATURE)) != -1
                || !new MetadataPage(superBlock).isValid()) {
            return Optional.empty();
        }
        long clusterBytes = u32(superBlock, CLUSTER_SIZE_AT);
        long pageBytes = sizeAt(superBlock, MD_PAGE_SIZE_AT);
        if (pageBytes % OLD_SIZE_BYTES != 0
                || pageBytes > MAX_PAGE_BYTES
                || clusterBytes < pageBytes
                || clusterBytes % pageBytes != 0) {
            return Optional.empty();
        }
        return Optional.of(
                new StoreHead(
                        clusterBytes,
                        (int) pageBytes,
                        sizeAt(superBlock, IO_UNIT_SIZE_AT),
                        u32(superBlock, MD_START_AT),
                        u32(superBlock, MD_LENGTH_AT),
                        u32(superBlock, CLEAN_AT) == 0 || u32(superBlock, BLOB_ID_MASK_LENGTH_AT) == 0));
    }

    /** Makes a super block that of a store which was not unloaded. */
    static void setDirty(MemorySegment superBlock) {
        superBlock.set(U32, CLEAN_AT, 0);
        new MetadataPage(superBlock).seal();
    }

    private static long sizeAt(MemorySegment superBlock, int at) {
        long size = u32(superBlock, at);
        return size == 0 ? OLD_SIZE_BYTES : size;
    }

    private static long u32(MemorySegment superBlock, int at) {
        return Integer.toUnsignedLong(superBlock.get(U32, at));
    }
}
