package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * The first 4096 bytes of a store. Fields that are not known here are kept as they are. Positions and lengths are in
 * metadata pages.
 */
public final class SuperBlock {
    /** Bytes in a super block. */
    public static final int SIZE_BYTES = 4096;

    /** Bytes of a type. */
    public static final int TYPE_BYTES = 16;

    private static final byte[] SIGNATURE = "SPDKBLOB".getBytes(StandardCharsets.US_ASCII);
    private static final int OLDEST_VERSION = 1;
    private static final int VERSION = 3;
    private static final long NO_BLOB = -1;

    private static final int VERSION_AT = 8;
    private static final int LENGTH_AT = 12;
    private static final int CLEAN_AT = 16;
    private static final int SUPER_BLOB_AT = 20;
    private static final int CLUSTER_SIZE_AT = 28;
    private static final int PAGE_MASK_START_AT = 32;
    private static final int PAGE_MASK_LENGTH_AT = 36;
    private static final int CLUSTER_MASK_START_AT = 40;
    private static final int CLUSTER_MASK_LENGTH_AT = 44;
    private static final int MD_START_AT = 48;
    private static final int MD_LENGTH_AT = 52;
    private static final int TYPE_AT = 56;
    private static final int BLOB_ID_MASK_START_AT = 72;
    private static final int BLOB_ID_MASK_LENGTH_AT = 76;
    private static final int SIZE_AT = 80;
    private static final int IO_UNIT_SIZE_AT = 88;
    private static final int MD_PAGE_SIZE_AT = 92;
    private static final int CRC_AT = SIZE_BYTES - 4;

    private final MemorySegment bytes;

    private SuperBlock(MemorySegment bytes) {
        this.bytes = bytes;
    }

    /**
     * Lays out a new store: super block, map of pages, map of clusters with room to grow, map of blob ids, metadata
     * pages.
     *
     * @param deviceBytes the device's size
     * @param ioUnitBytes its block size
     * @param clusterBytes the cluster size
     * @param pageBytes the metadata page size
     * @param metadataPages the number of metadata pages; 0 for one each cluster
     * @param type what the store is used for
     * @return the super block, not clean
     */
    public static SuperBlock layOut(
            long deviceBytes, int ioUnitBytes, long clusterBytes, int pageBytes, long metadataPages, String type) {
        SuperBlock block = new SuperBlock(MemorySegment.ofArray(new byte[SIZE_BYTES]));
        long clusters = deviceBytes / clusterBytes;
        long mdLength = metadataPages == 0 ? clusters : metadataPages;
        long forPages = pagesFor(mdLength, pageBytes);
        long forClusters = pagesFor(clusters, pageBytes);
        Fields.bytes(block.bytes, 0, SIGNATURE);
        block.set(VERSION_AT, VERSION);
        block.set(LENGTH_AT, SIZE_BYTES);
        block.setSuperBlob(OptionalLong.empty());
        block.set(CLUSTER_SIZE_AT, clusterBytes);
        long at = 1;
        block.set(PAGE_MASK_START_AT, at);
        block.set(PAGE_MASK_LENGTH_AT, forPages);
        at += forPages;
        block.set(CLUSTER_MASK_START_AT, at);
        block.set(CLUSTER_MASK_LENGTH_AT, forClusters);
        // When the device grows there are more clusters; as many as metadata pages were reserved have room.
        at += Math.max(forClusters, forPages);
        block.set(BLOB_ID_MASK_START_AT, at);
        block.set(BLOB_ID_MASK_LENGTH_AT, forPages);
        at += forPages;
        block.set(MD_START_AT, at);
        block.set(MD_LENGTH_AT, mdLength);
        block.setSizeBytes(deviceBytes);
        block.set(IO_UNIT_SIZE_AT, ioUnitBytes);
        block.set(MD_PAGE_SIZE_AT, pageBytes);
        Fields.bytes(block.bytes, TYPE_AT, type.getBytes(StandardCharsets.ISO_8859_1));
        return block;
    }

    static long pagesFor(long maskBits, int pageBytes) {
        return (UsedMask.sizeBytes(maskBits) + pageBytes - 1) / pageBytes;
    }

    /**
     * Reads and verifies one.
     *
     * @param from at least {@link #SIZE_BYTES} bytes
     * @param deviceBytes the device's size
     * @return the super block
     * @throws CorruptStoreException if it is none, or one that can't be
     */
    public static SuperBlock decode(MemorySegment from, long deviceBytes) {
        SuperBlock block = new SuperBlock(MemorySegment.ofArray(Fields.bytes(from, 0, SIZE_BYTES)));
        block.verify(deviceBytes);
        return block;
    }

    /**
     * Reads one that may be damaged, to look at it.
     *
     * @param from at least {@link #SIZE_BYTES} bytes
     * @param deviceBytes the device's size
     * @return the super block; what it says need not make sense
     */
    static SuperBlock unverified(MemorySegment from, long deviceBytes) {
        SuperBlock block = new SuperBlock(MemorySegment.ofArray(Fields.bytes(from, 0, SIZE_BYTES)));
        block.fillIn(deviceBytes);
        return block;
    }

    /**
     * Whether there is the mark of a super block, whatever the rest says.
     *
     * @param from at least {@link #SIZE_BYTES} bytes
     * @return true if there is
     */
    public static boolean isMarked(MemorySegment from) {
        return java.util.Arrays.equals(Fields.bytes(from, 0, SIGNATURE.length), SIGNATURE);
    }

    /** Told of each field. */
    @FunctionalInterface
    interface Fieldwise {
        void field(int at, String name, String value);
    }

    void describe(Fieldwise to) {
        to.field(0, "signature", Printable.shown(Fields.bytes(bytes, 0, SIGNATURE.length)));
        to.field(VERSION_AT, "version", Long.toString(version()));
        to.field(LENGTH_AT, "length", Long.toString(get(LENGTH_AT)));
        to.field(CLEAN_AT, "clean", get(CLEAN_AT) + (isClean() ? " (unloaded)" : " (not unloaded)"));
        OptionalLong superBlob = superBlob();
        to.field(SUPER_BLOB_AT, "super blob", superBlob.isPresent() ? "0x%x".formatted(superBlob.getAsLong()) : "none");
        to.field(CLUSTER_SIZE_AT, "cluster size", Long.toString(clusterSizeBytes()));
        to.field(PAGE_MASK_START_AT, "page map at page", Long.toString(usedPageMaskStart()));
        to.field(PAGE_MASK_LENGTH_AT, "page map pages", Long.toString(usedPageMaskPages()));
        to.field(CLUSTER_MASK_START_AT, "cluster map at page", Long.toString(usedClusterMaskStart()));
        to.field(CLUSTER_MASK_LENGTH_AT, "cluster map pages", Long.toString(usedClusterMaskPages()));
        to.field(MD_START_AT, "metadata at page", Long.toString(mdStart()));
        to.field(MD_LENGTH_AT, "metadata pages", Long.toString(mdPages()));
        to.field(
                TYPE_AT, "type", type().isEmpty() ? "none" : Printable.shown(Fields.bytes(bytes, TYPE_AT, TYPE_BYTES)));
        to.field(BLOB_ID_MASK_START_AT, "blob id map at page", Long.toString(usedBlobIdMaskStart()));
        to.field(BLOB_ID_MASK_LENGTH_AT, "blob id map pages", Long.toString(usedBlobIdMaskPages()));
        to.field(SIZE_AT, "size", Long.toUnsignedString(sizeBytes()));
        to.field(IO_UNIT_SIZE_AT, "I/O unit size", Long.toString(get(IO_UNIT_SIZE_AT)));
        to.field(MD_PAGE_SIZE_AT, "metadata page size", Long.toString(get(MD_PAGE_SIZE_AT)));
        to.field(CRC_AT, "checksum", "%08x".formatted(Fields.i32(bytes, CRC_AT)));
    }

    private void verify(long deviceBytes) {
        if (!isMarked(bytes)) {
            throw corrupt("there is no signature SPDKBLOB");
        }
        long version = get(VERSION_AT);
        if (version < OLDEST_VERSION || version > VERSION) {
            throw corrupt("version " + version + " is not among " + OLDEST_VERSION + " to " + VERSION);
        }
        int crc = Fields.crc32c(bytes, CRC_AT);
        if (crc != Fields.i32(bytes, CRC_AT)) {
            throw corrupt("the checksum is %08x instead of %08x".formatted(Fields.i32(bytes, CRC_AT), crc));
        }
        fillIn(deviceBytes);
        if (sizeBytes() < 0 || sizeBytes() > deviceBytes) {
            throw corrupt(
                    "the store has %s bytes and the device %,d"
                            .formatted(Long.toUnsignedString(sizeBytes()), deviceBytes));
        }
        verifyShape();
    }

    /** Fields that older versions did not have. */
    private void fillIn(long deviceBytes) {
        if (sizeBytes() == 0) {
            setSizeBytes(deviceBytes);
        }
        if (get(IO_UNIT_SIZE_AT) == 0) {
            set(IO_UNIT_SIZE_AT, MetadataPage.SIZE_BYTES);
        }
        if (get(MD_PAGE_SIZE_AT) == 0) {
            set(MD_PAGE_SIZE_AT, MetadataPage.SIZE_BYTES);
        }
    }

    private void verifyShape() {
        long page = get(MD_PAGE_SIZE_AT);
        long cluster = clusterSizeBytes();
        long unit = get(IO_UNIT_SIZE_AT);
        if (page % MetadataPage.SIZE_BYTES != 0 || page > 1 << 20) {
            throw corrupt("a metadata page has " + page + " bytes");
        }
        if (cluster < page || cluster % page != 0) {
            throw corrupt("a cluster has " + cluster + " bytes and a metadata page " + page);
        }
        if (unit % 512 != 0 || unit > cluster || cluster % unit != 0) {
            throw corrupt("an I/O unit has " + unit + " bytes and a cluster " + cluster);
        }
        long md = mdPages();
        if (md == 0 || md > Integer.MAX_VALUE) {
            throw corrupt("there are " + md + " metadata pages");
        }
        verifyMask("pages", usedPageMaskStart(), usedPageMaskPages(), md);
        verifyMask("clusters", usedClusterMaskStart(), usedClusterMaskPages(), totalClusters());
        if (hasBlobIdMask()) {
            verifyMask("blob ids", usedBlobIdMaskStart(), usedBlobIdMaskPages(), md);
        }
        if (metadataClusters() > totalClusters() || totalClusters() > 0xffff_ffffL) {
            throw corrupt(
                    "metadata ends in page "
                            + (mdStart() + md)
                            + " and the store has "
                            + totalClusters()
                            + " clusters of "
                            + cluster
                            + " bytes");
        }
        if (totalClusters() > (long) Integer.MAX_VALUE * 32) {
            throw corrupt("there are " + totalClusters() + " clusters");
        }
    }

    private void verifyMask(String what, long start, long length, long bits) {
        if (start == 0 || start + length > mdStart()) {
            throw corrupt(
                    "the map of used %s is in pages %d to %d, and metadata begins at %d"
                            .formatted(what, start, start + length - 1, mdStart()));
        }
        if (pagesFor(bits, pageSizeBytes()) > length) {
            throw corrupt("the map of used %s has %d pages for %d entries".formatted(what, length, bits));
        }
    }

    private static CorruptStoreException corrupt(String what) {
        return new CorruptStoreException("super block: " + what);
    }

    private long get(int at) {
        return Fields.u32(bytes, at);
    }

    private void set(int at, long value) {
        Fields.u32(bytes, at, value);
    }

    /**
     * Another one with the same contents.
     *
     * @return the copy
     */
    public SuperBlock copy() {
        return new SuperBlock(MemorySegment.ofArray(Fields.bytes(bytes, 0, SIZE_BYTES)));
    }

    /**
     * Writes it with its checksum.
     *
     * @param to at least {@link #SIZE_BYTES} bytes
     */
    public void encode(MemorySegment to) {
        Fields.u32(bytes, CRC_AT, Fields.crc32c(bytes, CRC_AT));
        MemorySegment.copy(bytes, 0, to, 0, SIZE_BYTES);
    }

    /**
     * The format's version.
     *
     * @return 1 to 3
     */
    public long version() {
        return get(VERSION_AT);
    }

    /**
     * Whether it was unloaded, so that the maps of what is used hold.
     *
     * @return true if so
     */
    public boolean isClean() {
        return get(CLEAN_AT) != 0;
    }

    /**
     * Notes whether it was unloaded.
     *
     * @param clean whether so
     */
    public void setClean(boolean clean) {
        set(CLEAN_AT, clean ? 1 : 0);
    }

    /**
     * The blob that describes the others.
     *
     * @return its id, or nothing
     */
    public OptionalLong superBlob() {
        long id = Fields.i64(bytes, SUPER_BLOB_AT);
        return id == NO_BLOB ? OptionalLong.empty() : OptionalLong.of(id);
    }

    /**
     * Sets the blob that describes the others.
     *
     * @param id its id, or nothing
     */
    public void setSuperBlob(OptionalLong id) {
        Fields.i64(bytes, SUPER_BLOB_AT, id.orElse(NO_BLOB));
    }

    /**
     * What the store is used for.
     *
     * @return the type without its trailing zeroes
     */
    public String type() {
        String all = new String(Fields.bytes(bytes, TYPE_AT, TYPE_BYTES), StandardCharsets.ISO_8859_1);
        int end = all.length();
        while (end > 0 && all.charAt(end - 1) == 0) {
            end--;
        }
        return all.substring(0, end);
    }

    /**
     * The unit of allocation.
     *
     * @return bytes
     */
    public long clusterSizeBytes() {
        return get(CLUSTER_SIZE_AT);
    }

    /**
     * The unit of metadata.
     *
     * @return bytes
     */
    public int pageSizeBytes() {
        return (int) get(MD_PAGE_SIZE_AT);
    }

    /**
     * The unit of blob I/O.
     *
     * @return bytes
     */
    public int ioUnitSizeBytes() {
        return (int) get(IO_UNIT_SIZE_AT);
    }

    /**
     * The store's size.
     *
     * @return bytes
     */
    public long sizeBytes() {
        return Fields.i64(bytes, SIZE_AT);
    }

    /**
     * Sets the store's size.
     *
     * @param size bytes
     */
    public void setSizeBytes(long size) {
        Fields.i64(bytes, SIZE_AT, size);
    }

    /**
     * All clusters, those of the metadata among them.
     *
     * @return the number of clusters
     */
    public long totalClusters() {
        return sizeBytes() / clusterSizeBytes();
    }

    /**
     * The clusters that metadata lies in; they are the first.
     *
     * @return the number of clusters
     */
    public long metadataClusters() {
        long pagesPerCluster = clusterSizeBytes() / pageSizeBytes();
        return (mdStart() + mdPages() + pagesPerCluster - 1) / pagesPerCluster;
    }

    /**
     * Where the metadata pages begin.
     *
     * @return pages
     */
    public long mdStart() {
        return get(MD_START_AT);
    }

    /**
     * How many metadata pages there are.
     *
     * @return pages
     */
    public long mdPages() {
        return get(MD_LENGTH_AT);
    }

    /**
     * Where the map of used metadata pages begins.
     *
     * @return pages
     */
    public long usedPageMaskStart() {
        return get(PAGE_MASK_START_AT);
    }

    /**
     * How long the map of used metadata pages is.
     *
     * @return pages
     */
    public long usedPageMaskPages() {
        return get(PAGE_MASK_LENGTH_AT);
    }

    /**
     * Where the map of used clusters begins.
     *
     * @return pages
     */
    public long usedClusterMaskStart() {
        return get(CLUSTER_MASK_START_AT);
    }

    /**
     * How long the map of used clusters is.
     *
     * @return pages
     */
    public long usedClusterMaskPages() {
        return get(CLUSTER_MASK_LENGTH_AT);
    }

    /**
     * Sets how long the map of used clusters is.
     *
     * @param pages its length
     */
    public void setUsedClusterMaskPages(long pages) {
        set(CLUSTER_MASK_LENGTH_AT, pages);
    }

    /**
     * The pages that so many clusters' map needs.
     *
     * @param clusters the number of clusters
     * @return pages
     */
    public long clusterMaskPagesFor(long clusters) {
        return pagesFor(clusters, pageSizeBytes());
    }

    /**
     * The pages that the map of used clusters may grow to.
     *
     * @return pages
     */
    public long clusterMaskRoomPages() {
        return (hasBlobIdMask() ? usedBlobIdMaskStart() : mdStart()) - usedClusterMaskStart();
    }

    /**
     * Whether there is a map of blob ids. Version 2 had none; such a store is recovered at each load.
     *
     * @return true if there is
     */
    public boolean hasBlobIdMask() {
        return get(BLOB_ID_MASK_LENGTH_AT) != 0;
    }

    /**
     * Where the map of blob ids begins.
     *
     * @return pages
     */
    public long usedBlobIdMaskStart() {
        return get(BLOB_ID_MASK_START_AT);
    }

    /**
     * How long the map of blob ids is.
     *
     * @return pages
     */
    public long usedBlobIdMaskPages() {
        return get(BLOB_ID_MASK_LENGTH_AT);
    }
}
