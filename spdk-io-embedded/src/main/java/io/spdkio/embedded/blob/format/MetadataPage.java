package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A metadata page: whose it is, its place in the chain of the blob's pages, descriptors, the next page, a checksum. The
 * first page of a blob lies where its id says. Static methods over the memory that holds it; a page of a store with
 * larger pages uses the first 4096 bytes.
 */
public final class MetadataPage {
    /** Bytes that are used. */
    public static final int SIZE_BYTES = 4096;

    /** Stands for no next page. */
    public static final int NO_NEXT = -1;

    /** Bytes of descriptors. */
    static final int DESCRIPTORS_BYTES = 4072;

    private static final long ID_HIGH_BIT = 1L << 32;
    private static final int SEQUENCE_AT = 8;
    static final int DESCRIPTORS_AT = 16;
    static final int NEXT_AT = 4088;
    static final int CRC_AT = 4092;

    private MetadataPage() {}

    /**
     * The id of the blob whose first page this is.
     *
     * @param page a metadata page's number
     * @return the id
     */
    public static long blobId(long page) {
        return ID_HIGH_BIT | page;
    }

    /**
     * The first page of a blob.
     *
     * @param blobId its id
     * @return the page's number
     */
    public static long firstPage(long blobId) {
        return blobId & 0xffff_ffffL;
    }

    /**
     * Begins a page.
     *
     * @param page memory
     * @param blobId whose it is
     * @param sequence its place in the chain
     */
    public static void begin(MemorySegment page, long blobId, int sequence) {
        page.fill((byte) 0);
        Fields.i64(page, 0, blobId);
        Fields.u32(page, SEQUENCE_AT, sequence);
        Fields.u32(page, NEXT_AT, NO_NEXT);
    }

    /**
     * Sets the next page.
     *
     * @param page a page
     * @param next the next one's number
     */
    public static void setNext(MemorySegment page, int next) {
        Fields.u32(page, NEXT_AT, next);
    }

    /**
     * Sets the checksum, after everything else.
     *
     * @param page a page
     */
    public static void seal(MemorySegment page) {
        Fields.u32(page, CRC_AT, Fields.crc32c(page, CRC_AT));
    }

    /**
     * Copies a page to where it is read.
     *
     * @param page memory that begins with a page
     * @param at where the page begins
     * @param into {@link #SIZE_BYTES} bytes
     */
    public static void copy(MemorySegment page, long at, byte[] into) {
        MemorySegment.copy(page, ValueLayout.JAVA_BYTE, at, into, 0, SIZE_BYTES);
    }

    /**
     * Whether the checksum is right.
     *
     * @param page a page
     * @return true if it is
     */
    public static boolean isValid(byte[] page) {
        return Fields.crc32c(page, CRC_AT) == Fields.i32(page, CRC_AT);
    }

    /**
     * Whose it is.
     *
     * @param page a page
     * @return the blob's id
     */
    public static long id(byte[] page) {
        return Fields.i64(page, 0);
    }

    /**
     * Its place in the chain.
     *
     * @param page a page
     * @return 0 for the first
     */
    public static int sequence(byte[] page) {
        return Fields.i32(page, SEQUENCE_AT);
    }

    /**
     * The next page.
     *
     * @param page a page
     * @return its number, or {@link #NO_NEXT}
     */
    public static int next(byte[] page) {
        return Fields.i32(page, NEXT_AT);
    }

    /**
     * Whether it is the valid first page of a blob.
     *
     * @param page a page
     * @param number where it lies
     * @return true if it is
     */
    public static boolean isFirst(byte[] page, long number) {
        return sequence(page) == 0 && id(page) == blobId(number) && isValid(page);
    }

    /**
     * Whether it was never written, or zeroed.
     *
     * @param page a page
     * @return true if it holds nothing but zeroes
     */
    public static boolean isEmpty(byte[] page) {
        return Arrays.equals(page, ZEROES);
    }

    private static final byte[] ZEROES = new byte[SIZE_BYTES];
}
