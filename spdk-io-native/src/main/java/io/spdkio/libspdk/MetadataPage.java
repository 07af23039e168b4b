package io.spdkio.libspdk;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * A metadata page of a store, in memory: whose it is, its place in the chain of the blob's pages, descriptors, the next
 * page, a checksum. What is in it and where is that of SPDK's format, version 3.
 */
final class MetadataPage {
    static final int SIZE_BYTES = 4096;

    /** What an extent page holds, and what an entry of an extent table stands for. */
    static final int CLUSTERS_IN_EXTENT_PAGE = 512;

    static final long NO_NEXT = 0xffff_ffffL;

    private static final int SEQUENCE_AT = 8;
    private static final int DESCRIPTORS_AT = 16;
    private static final int NEXT_AT = 4088;
    private static final int CRC_AT = SIZE_BYTES - 4;

    private static final int HEAD_BYTES = 5;
    private static final int FLAGS = 3;
    private static final int XATTR_INTERNAL = 4;
    private static final int EXTENT_TABLE = 5;
    private static final int EXTENT_PAGE = 6;
    private static final long FLAGS_BYTES = 24;
    private static final int RUN_BYTES = 8;

    private static final int LENGTH_AT = DESCRIPTORS_AT + 1;
    private static final int FIRST_CLUSTER_AT = DESCRIPTORS_AT + HEAD_BYTES;
    private static final int CLUSTERS_AT = FIRST_CLUSTER_AT + 4;

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment memory;

    /** Of memory that begins with a page. */
    MetadataPage(MemorySegment memory) {
        this.memory = memory;
    }

    boolean isValid() {
        return crc() == memory.get(U32, CRC_AT);
    }

    /** Makes a page that was changed valid again. */
    void seal() {
        memory.set(U32, CRC_AT, crc());
    }

    private int crc() {
        CRC32C crc = new CRC32C();
        crc.update(memory.asSlice(0, CRC_AT).asByteBuffer());
        return (int) crc.getValue();
    }

    /** Of the blob. */
    long id() {
        return memory.get(U64, 0);
    }

    /** 0 for the first page of a blob, and for an extent page. */
    long sequence() {
        return u32(SEQUENCE_AT);
    }

    long next() {
        return u32(NEXT_AT);
    }

    private long u32(long at) {
        return Integer.toUnsignedLong(memory.get(U32, at));
    }

    // ---- descriptors

    /** Is shown what a page in the chain of a blob says, in its order. */
    interface Visitor {
        default void flags(long invalidFlags) {}

        default void internalId(String name, long id) {}

        /** An extent table, or the part of it that is in this page. */
        default void table(long clusters) {}

        /** Entries of that: a page, or how many there are not. */
        default void extentPages(long page, long count) {}
    }

    /** True if there is nothing in the page that can't be. */
    boolean visit(Visitor visitor) {
        long at = DESCRIPTORS_AT;
        while (at + HEAD_BYTES <= NEXT_AT) {
            int type = memory.get(U8, at);
            long length = u32(at + 1);
            long body = at + HEAD_BYTES;
            if (type == 0 && length == 0) {
                return true;
            }
            if (body + length > NEXT_AT) {
                return false;
            }
            if (type == FLAGS && length == FLAGS_BYTES) {
                visitor.flags(memory.get(U64, body));
            } else if (type == XATTR_INTERNAL && length >= 4) {
                attribute(body, length, visitor);
            } else if (type == EXTENT_TABLE) {
                if (length < Long.BYTES || length % RUN_BYTES != 0) {
                    return false;
                }
                visitor.table(memory.get(U64, body));
                for (long run = body + Long.BYTES; run < body + length; run += RUN_BYTES) {
                    visitor.extentPages(u32(run), u32(run + 4));
                }
            }
            at = body + length;
        }
        return true;
    }

    private void attribute(long body, long length, Visitor visitor) {
        int nameLength = Short.toUnsignedInt(memory.get(U16, body));
        int valueLength = Short.toUnsignedInt(memory.get(U16, body + 2));
        if (valueLength == Long.BYTES && 4L + nameLength + valueLength == length) {
            byte[] name = memory.asSlice(body + 4, nameLength).toArray(U8);
            visitor.internalId(new String(name, StandardCharsets.ISO_8859_1), memory.get(U64, body + 4 + nameLength));
        }
    }

    /**
     * Makes the extent table, or the part of it that is in this page, one of fewer clusters, without the entries behind
     * those.
     *
     * @param clusters how many there are
     * @param before how many entries of the table are in the pages before
     */
    void cutTable(long clusters, long before) {
        byte[] kept = new byte[NEXT_AT - DESCRIPTORS_AT];
        MemorySegment to = MemorySegment.ofArray(kept);
        long entries = entriesFor(clusters);
        long passed = before;
        long end = 0;
        long at = DESCRIPTORS_AT;
        while (at + HEAD_BYTES <= NEXT_AT && (memory.get(U8, at) != 0 || u32(at + 1) != 0)) {
            long length = u32(at + 1);
            long body = at + HEAD_BYTES;
            if (memory.get(U8, at) == EXTENT_TABLE) {
                long head = end;
                end += HEAD_BYTES + Long.BYTES;
                for (long run = body + Long.BYTES; run < body + length && passed < entries; run += RUN_BYTES) {
                    long count = Math.min(u32(run + 4), entries - passed);
                    to.set(U32, end, memory.get(U32, run));
                    to.set(U32, end + 4, (int) count);
                    passed += count;
                    end += RUN_BYTES;
                }
                to.set(U8, head, (byte) EXTENT_TABLE);
                to.set(U32, head + 1, (int) (end - head - HEAD_BYTES));
                to.set(U64, head + HEAD_BYTES, clusters);
            } else {
                MemorySegment.copy(memory, at, to, end, HEAD_BYTES + length);
                end += HEAD_BYTES + length;
            }
            at = body + length;
        }
        MemorySegment.copy(to, 0, memory, DESCRIPTORS_AT, kept.length);
    }

    /** How many entries the extent table of a blob of so many clusters has. */
    static long entriesFor(long clusters) {
        return (clusters + CLUSTERS_IN_EXTENT_PAGE - 1) / CLUSTERS_IN_EXTENT_PAGE;
    }

    /** The first cluster that an entry of an extent table stands for. */
    static long firstOf(int entry) {
        return (long) entry * CLUSTERS_IN_EXTENT_PAGE;
    }

    /** How many clusters the extent page of an entry has in a blob of so many, which goes as far. */
    static int clustersIn(int entry, long clusters) {
        return (int) Math.min(CLUSTERS_IN_EXTENT_PAGE, clusters - firstOf(entry));
    }

    // ---- extent pages

    /** Whether this is one; also one without any cluster, as SPDK writes before it lets go of it. */
    boolean isExtentPage() {
        long length = u32(LENGTH_AT);
        return memory.get(U8, DESCRIPTORS_AT) == EXTENT_PAGE
                && sequence() == 0
                && next() == NO_NEXT
                && length >= 4
                && length % 4 == 0
                && FIRST_CLUSTER_AT + length <= NEXT_AT;
    }

    /** Of an extent page: the cluster of the blob that its first entry is. */
    long firstCluster() {
        return u32(FIRST_CLUSTER_AT);
    }

    /** Of an extent page: for how many clusters of the blob it has entries. */
    int clusterCount() {
        return (int) (u32(LENGTH_AT) / 4 - 1);
    }

    /** Of an extent page: which cluster of the store one is; 0 for none. */
    int cluster(int index) {
        return memory.get(U32, CLUSTERS_AT + 4L * index);
    }

    void setCluster(int index, int cluster) {
        memory.set(U32, CLUSTERS_AT + 4L * index, cluster);
    }

    /** Makes an extent page one of so many clusters, of which those that it did not have are not allocated. */
    void setClusterCount(int count) {
        long kept = CLUSTERS_AT + 4L * Math.min(count, clusterCount());
        memory.set(U32, LENGTH_AT, 4 + 4 * count);
        memory.asSlice(kept, NEXT_AT - kept).fill((byte) 0);
    }
}
