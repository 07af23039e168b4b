package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * What the metadata pages of a blob say: flags, attributes, and its map of clusters, either run-length encoded in the
 * pages or as a table of extent pages.
 */
public final class BlobMetadata {
    /** Invalid flag: clusters may be unallocated. */
    public static final long THIN = 1;

    /** Invalid flag: there are internal attributes. */
    public static final long INTERNAL_XATTR = 1 << 1;

    /** Invalid flag: the map of clusters is a table of extent pages. */
    public static final long EXTENT_TABLE = 1 << 2;

    /** Invalid flag: it is a clone of another device. */
    public static final long EXTERNAL_SNAPSHOT = 1 << 3;

    private static final long KNOWN_INVALID_FLAGS = THIN | INTERNAL_XATTR | EXTENT_TABLE | EXTERNAL_SNAPSHOT;

    /** Flag of the data: it is read-only. */
    public static final long READ_ONLY = 1;

    private static final long CLEAR_METHOD = 3;

    /** Internal attribute: the parent's id. */
    public static final String PARENT = "SNAP";

    /** Internal attribute of a snapshot that is being made: the blob it is made of. */
    public static final String SNAPSHOT_IN_PROGRESS = "SNAPTMP";

    /** Internal attribute of a snapshot that is being deleted: the clone that gets its clusters. */
    public static final String PENDING_REMOVAL = "SNAPRM";

    /** Internal attribute: the identity of the device that it is a clone of. */
    public static final String EXTERNAL_SNAPSHOT_ID = "EXTSNAP";

    private static final int XATTR_HEAD = 9;
    private static final int FLAGS_BYTES = 29;
    private static final int TABLE_HEAD = 13;
    private static final int RUN_BYTES = 8;

    /** A blob's id. */
    public final long id;

    /** Flags that make a blob unusable for who does not know them. */
    public long invalidFlags;

    /** Flags that make the data of a blob read-only for who does not know them. */
    public long dataReadOnlyFlags;

    /** Flags that make the metadata of a blob read-only for who does not know them. */
    public long mdReadOnlyFlags;

    /** Attributes; see {@link XattrNames}. */
    public final Map<String, byte[]> xattrs = new LinkedHashMap<>();

    /** Attributes of the store's own. */
    public final Map<String, byte[]> internalXattrs = new LinkedHashMap<>();

    /** Its clusters; with an extent table, those of the extent pages that were read. */
    public ClusterMap clusters = new ClusterMap();

    /** With an extent table the page of each piece of {@link #clusters}, 0 for none; null without. */
    public int[] extentPages;

    /**
     * Makes an empty one.
     *
     * @param id the blob's id
     */
    public BlobMetadata(long id) {
        this.id = id;
    }

    /**
     * Whether it is thin.
     *
     * @return true if clusters may be unallocated
     */
    public boolean isThin() {
        return (invalidFlags & THIN) != 0;
    }

    /**
     * Whether it is a clone of another device.
     *
     * @return true if it is
     */
    public boolean isExternalClone() {
        return (invalidFlags & EXTERNAL_SNAPSHOT) != 0;
    }

    /**
     * Whether the data is read-only, also for flags that are not known.
     *
     * @return true if it can't be written
     */
    public boolean isDataReadOnly() {
        return dataReadOnlyFlags != 0;
    }

    /**
     * Whether the metadata is read-only, also for flags that are not known.
     *
     * @return true if it can't be changed
     */
    public boolean isMetadataReadOnly() {
        return dataReadOnlyFlags != 0 || (mdReadOnlyFlags & ~CLEAR_METHOD) != 0;
    }

    /**
     * The clear method that is kept.
     *
     * @return SPDK's number of it, 0 to 3
     */
    public int clearMethod() {
        return (int) (mdReadOnlyFlags & CLEAR_METHOD);
    }

    /**
     * Sets the clear method that is kept.
     *
     * @param method SPDK's number of it, 0 to 3
     */
    public void setClearMethod(int method) {
        mdReadOnlyFlags = (mdReadOnlyFlags & ~CLEAR_METHOD) | method;
    }

    /**
     * An internal attribute that holds a blob's id.
     *
     * @param name its name
     * @return the id, or nothing
     */
    public OptionalLong internalId(String name) {
        byte[] value = internalXattrs.get(name);
        if (value == null) {
            return OptionalLong.empty();
        }
        if (value.length != Long.BYTES) {
            throw new CorruptStoreException(
                    "blob 0x%x: internal attribute %s has %d bytes instead of 8".formatted(id, name, value.length));
        }
        return OptionalLong.of(Fields.i64(MemorySegment.ofArray(value), 0));
    }

    /**
     * Sets an internal attribute.
     *
     * @param name its name
     * @param value its value
     */
    public void setInternal(String name, byte[] value) {
        internalXattrs.put(name, value);
        invalidFlags |= INTERNAL_XATTR;
    }

    /**
     * Sets an internal attribute that holds a blob's id.
     *
     * @param name its name
     * @param value the id
     */
    public void setInternal(String name, long value) {
        byte[] bytes = new byte[Long.BYTES];
        Fields.i64(MemorySegment.ofArray(bytes), 0, value);
        setInternal(name, bytes);
    }

    /**
     * Removes an internal attribute, if it is there.
     *
     * @param name its name
     */
    public void removeInternal(String name) {
        internalXattrs.remove(name);
        if (internalXattrs.isEmpty()) {
            invalidFlags &= ~INTERNAL_XATTR;
        }
    }

    /**
     * Whether an attribute fits a page.
     *
     * @param name its name
     * @param valueBytes the length of its value
     * @return true if it does
     */
    public static boolean xattrFits(String name, int valueBytes) {
        return XATTR_HEAD + name.length() + valueBytes <= MetadataPage.DESCRIPTORS_BYTES;
    }

    // ---- decoding

    /**
     * Reads the pages of a blob, one after the other, and then its extent pages, those too in order.
     *
     * <p>Where a blob was being resized and the power was cut, extent pages and the first page do not fit together.
     * What an extent page has behind the end of the blob is left out: the blob was growing, or SPDK gave it a page of
     * its snapshot, which was larger. SPDK makes a blob smaller by writing the last extent page that stays with the
     * clusters that stay, then those behind it without any, all in place, and then the first page. So the first extent
     * page with fewer clusters than there should be says where the blob ends. Only where it has none, and the one
     * before it was never allocated, it doesn't: then the blob keeps its size, and those clusters are not allocated.
     * Where a repair of that kind was cut short, the parts of the table differ in the number of clusters, and the
     * smallest is right.
     */
    public static final class Decoder {
        private final BlobMetadata blob;
        private final long totalClusters;
        private final long mdPages;
        private final boolean unknownIsCorrupt;
        private int sequence;
        private int[] table = {};
        private long tableClusters = -1;

        /** What the part of the table that has most says. */
        private long mostClusters = -1;

        private boolean runsFound;
        private boolean halfResized;

        /** The pieces whose extent pages are too long, or have nothing any more; null before the first. */
        private BitSet unfitPieces;

        private int[] pagesBehindEnd = {};

        /**
         * Begins.
         *
         * @param id the blob's id
         * @param totalClusters the store's clusters
         * @param mdPages the store's metadata pages
         * @param unknownIsCorrupt whether a descriptor of a type that is not known is an error, as it may hold
         *     clusters; else it is left out
         */
        public Decoder(long id, long totalClusters, long mdPages, boolean unknownIsCorrupt) {
            this.blob = new BlobMetadata(id);
            this.totalClusters = totalClusters;
            this.mdPages = mdPages;
            this.unknownIsCorrupt = unknownIsCorrupt;
        }

        /**
         * The blob so far.
         *
         * @return the metadata
         */
        public BlobMetadata blob() {
            return blob;
        }

        /**
         * Whether the blob was being resized and that was cut short: what is on the device does not fit together, and
         * what was read does.
         *
         * @return true if so
         */
        public boolean isHalfResized() {
            return halfResized;
        }

        /**
         * Pieces whose extent pages have to be written anew when the blob is half resized.
         *
         * @return their numbers
         */
        public BitSet unfitPieces() {
            return unfitPieces == null ? new BitSet() : unfitPieces;
        }

        /**
         * Extent pages behind the end of a blob that is half resized. What is on the device refers to them, and what
         * has to be written does not.
         *
         * @return their numbers
         */
        public int[] pagesBehindEnd() {
            return pagesBehindEnd;
        }

        private CorruptStoreException corrupt(String what) {
            return new CorruptStoreException("blob 0x%x: %s".formatted(blob.id, what));
        }

        private CorruptStoreException corrupt(int piece, String what) {
            return corrupt(
                    "extent page %d (for clusters from %d): %s"
                            .formatted(blob.extentPages[piece] & 0xffff_ffffL, (long) piece * ClusterMap.PIECE, what));
        }

        /**
         * Reads the next page of the chain.
         *
         * @param page its bytes
         * @param number where it lies
         * @return the page after it, or {@link MetadataPage#NO_NEXT}
         */
        public int page(byte[] page, long number) {
            if (!MetadataPage.isValid(page)) {
                throw corrupt("the checksum of metadata page " + number + " is wrong");
            }
            return validPage(page, number);
        }

        /** The same for a page whose checksum is right. */
        int validPage(byte[] page, long number) {
            if (MetadataPage.id(page) != blob.id || MetadataPage.sequence(page) != sequence) {
                throw corrupt(
                        "metadata page %d is page %d of blob 0x%x, and page %d was expected"
                                .formatted(number, MetadataPage.sequence(page), MetadataPage.id(page), sequence));
            }
            sequence++;
            descriptors(page, number);
            int next = MetadataPage.next(page);
            if (next != MetadataPage.NO_NEXT && (next < 0 || next >= mdPages)) {
                throw corrupt(
                        "metadata page %d is followed by page %d of %d"
                                .formatted(number, next & 0xffff_ffffL, mdPages));
            }
            if (sequence > mdPages) {
                throw corrupt("its chain of metadata pages has no end");
            }
            return next;
        }

        private void descriptors(byte[] page, long number) {
            int at = 0;
            while (at + 5 <= MetadataPage.DESCRIPTORS_BYTES) {
                int offset = MetadataPage.DESCRIPTORS_AT + at;
                int type = Fields.u8(page, offset);
                long length = Fields.u32(page, offset + 1);
                if (type == Descriptor.PADDING && length == 0) {
                    return;
                }
                if (length > MetadataPage.DESCRIPTORS_BYTES - 5 - at) {
                    throw corrupt(
                            "a descriptor of type %d at byte %d of metadata page %d has %d bytes, more than are left"
                                    .formatted(type, offset, number, length));
                }
                try {
                    descriptor(type, page, offset + 5, (int) length);
                } catch (CorruptStoreException e) {
                    throw new CorruptStoreException(
                            e.getMessage() + " (byte %d of metadata page %d)".formatted(offset, number));
                }
                at += 5 + (int) length;
            }
        }

        private void descriptor(int type, byte[] page, int at, int size) {
            switch (type) {
                case Descriptor.PADDING -> {
                    // Nothing is in there.
                }
                case Descriptor.FLAGS -> flags(page, at, size);
                case Descriptor.XATTR -> xattr(page, at, size, blob.xattrs);
                case Descriptor.XATTR_INTERNAL -> xattr(page, at, size, blob.internalXattrs);
                case Descriptor.EXTENT_RLE -> runs(page, at, size);
                case Descriptor.EXTENT_TABLE -> table(page, at, size);
                case Descriptor.EXTENT_PAGE -> throw corrupt("clusters of an extent page in the chain of pages");
                default -> {
                    if (unknownIsCorrupt) {
                        throw corrupt("a descriptor of type " + type + " is not known");
                    }
                }
            }
        }

        private void flags(byte[] page, int at, int size) {
            if (size != 24) {
                throw corrupt("flags of " + size + " bytes");
            }
            blob.invalidFlags = Fields.i64(page, at);
            blob.dataReadOnlyFlags = Fields.i64(page, at + 8);
            blob.mdReadOnlyFlags = Fields.i64(page, at + 16);
            if ((blob.invalidFlags & ~KNOWN_INVALID_FLAGS) != 0) {
                throw corrupt(
                        "flags 0x%x are not known; a newer version can open it"
                                .formatted(blob.invalidFlags & ~KNOWN_INVALID_FLAGS));
            }
        }

        private void xattr(byte[] page, int at, int size, Map<String, byte[]> into) {
            if (size < 4) {
                throw corrupt("an attribute of " + size + " bytes");
            }
            int nameLength = Fields.u16(page, at);
            int valueLength = Fields.u16(page, at + 2);
            if (size != 4L + nameLength + valueLength) {
                throw corrupt(
                        "an attribute of %d bytes with a name of %d and a value of %d"
                                .formatted(size, nameLength, valueLength));
            }
            int valueAt = at + 4 + nameLength;
            into.putIfAbsent(
                    XattrNames.ofBytes(Arrays.copyOfRange(page, at + 4, valueAt)),
                    Arrays.copyOfRange(page, valueAt, valueAt + valueLength));
        }

        private int checkedCluster(long cluster) {
            if (cluster >= totalClusters) {
                throw corrupt("cluster " + cluster + " of " + totalClusters);
            }
            return (int) cluster;
        }

        private void runs(byte[] page, int at, int size) {
            if (tableClusters >= 0) {
                throw corrupt("both an extent table and runs of clusters");
            }
            if (size == 0 || size % RUN_BYTES != 0) {
                throw corrupt("runs of clusters of " + size + " bytes");
            }
            runsFound = true;
            long before = blob.clusters.count();
            for (int run = at; run < at + size; run += RUN_BYTES) {
                long first = Fields.u32(page, run);
                long length = Fields.u32(page, run + 4);
                long begin = blob.clusters.count();
                if (begin + length > 0xffff_ffffL) {
                    throw corrupt("more than 2^32 - 1 clusters");
                }
                if (first == 0) {
                    if (!blob.isThin() && length != 0) {
                        throw corrupt("unallocated clusters, and it is not thin");
                    }
                    blob.clusters.resize(begin + length);
                } else {
                    if (length > 0) {
                        checkedCluster(first + length - 1);
                    }
                    if (blob.clusters.allocated() + length > totalClusters) {
                        throw corrupt("more clusters than the store has, " + totalClusters);
                    }
                    blob.clusters.resize(begin + length);
                    for (long i = 0; i < length; i++) {
                        blob.clusters.set(begin + i, (int) (first + i));
                    }
                }
            }
            if (blob.clusters.count() == before && before == 0) {
                throw corrupt("runs without any cluster");
            }
        }

        private void table(byte[] page, int at, int size) {
            if (runsFound) {
                throw corrupt("both an extent table and runs of clusters");
            }
            if (size < 8 || (size - 8) % RUN_BYTES != 0) {
                throw corrupt("an extent table of " + size + " bytes");
            }
            long count = Fields.i64(page, at);
            if (count < 0 || count > 0xffff_ffffL) {
                throw corrupt("an extent table for " + Long.toUnsignedString(count) + " clusters");
            }
            if (!blob.isThin() && count > totalClusters) {
                throw corrupt(count + " clusters, more than the store has, " + totalClusters);
            }
            halfResized |= tableClusters >= 0 && count != tableClusters;
            tableClusters = tableClusters < 0 ? count : Math.min(tableClusters, count);
            mostClusters = Math.max(mostClusters, count);
            int entries = ClusterMap.piecesFor(mostClusters);
            for (int run = at + 8; run < at + size; run += RUN_BYTES) {
                long extentPage = Fields.u32(page, run);
                long length = Fields.u32(page, run + 4);
                int filled = table.length;
                if (filled + length > entries) {
                    throw corrupt(
                            "an extent table of more than " + entries + " pages for " + mostClusters + " clusters");
                }
                if (extentPage == 0) {
                    if (!blob.isThin() && length != 0) {
                        throw corrupt("extent pages that are not allocated, and it is not thin");
                    }
                    table = Arrays.copyOf(table, filled + (int) length);
                } else {
                    if (length != 1 || extentPage >= mdPages) {
                        throw corrupt("extent page %d of %d, %d times".formatted(extentPage, mdPages, length));
                    }
                    table = Arrays.copyOf(table, filled + 1);
                    table[filled] = (int) extentPage;
                }
            }
        }

        /** Ends the chain of pages; with an extent table the clusters are still missing. */
        public void endChain() {
            if (tableClusters < 0) {
                return;
            }
            int pieces = ClusterMap.piecesFor(tableClusters);
            if (table.length < pieces || (table.length > pieces && !halfResized)) {
                throw corrupt("an extent table of " + table.length + " pages for " + tableClusters + " clusters");
            }
            blob.extentPages = table;
            endAt(tableClusters);
        }

        private void endAt(long count) {
            int[] all = blob.extentPages;
            int pieces = ClusterMap.piecesFor(count);
            if (pieces < all.length) {
                pagesBehindEnd =
                        IntStream.concat(
                                        Arrays.stream(pagesBehindEnd),
                                        Arrays.stream(all, pieces, all.length).filter(page -> page != 0))
                                .toArray();
                blob.extentPages = Arrays.copyOf(all, pieces);
            }
            tableClusters = count;
            blob.clusters.resize(count);
        }

        /**
         * Reads an extent page.
         *
         * @param page its bytes
         * @param piece which one it is
         */
        public void extentPage(byte[] page, int piece) {
            if (piece >= blob.extentPages.length) {
                return; // behind what turned out to be the end
            }
            if (!MetadataPage.isValid(page)) {
                throw corrupt(piece, "the checksum is wrong");
            }
            int type = Fields.u8(page, MetadataPage.DESCRIPTORS_AT);
            long length = Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 1);
            long bytes = length - 4;
            if (type != Descriptor.EXTENT_PAGE
                    || MetadataPage.sequence(page) != 0
                    || MetadataPage.next(page) != MetadataPage.NO_NEXT
                    || bytes < 0
                    || bytes % 4 != 0
                    || length > MetadataPage.DESCRIPTORS_BYTES - 5) {
                throw corrupt(piece, "it is none");
            }
            long start = Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 5);
            long first = (long) piece * ClusterMap.PIECE;
            if (start != first) {
                throw corrupt(piece, "it is for clusters from " + start);
            }
            long wanted = Math.min(ClusterMap.PIECE, tableClusters - first);
            long there = bytes / 4;
            if (there < wanted) {
                tooShort(piece, first, there);
            } else if (there > wanted) {
                unfit(piece);
            }
            for (int i = 0; i < Math.min(there, wanted); i++) {
                long cluster = Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 9 + 4 * i);
                if (cluster == 0) {
                    if (!blob.isThin()) {
                        throw corrupt(piece, "cluster " + (first + i) + " is not allocated, and it is not thin");
                    }
                } else {
                    blob.clusters.set(first + i, checkedCluster(cluster));
                }
            }
        }

        private void tooShort(int piece, long first, long there) {
            boolean saysWhere =
                    there > 0 || piece == 0 || (blob.extentPages[piece - 1] != 0 && !unfitPieces().get(piece - 1));
            if (saysWhere) {
                halfResized = true;
                endAt(first + there);
            } else {
                unfit(piece);
            }
        }

        private void unfit(int piece) {
            halfResized = true;
            unfitPieces = unfitPieces();
            unfitPieces.set(piece);
        }
    }

    // ---- encoding

    /**
     * Writes the chain of pages, but for the links between them and the checksums.
     *
     * @param newPage gives memory for a page
     * @return the pages; at least one
     */
    public List<MemorySegment> encode(Supplier<MemorySegment> newPage) {
        Encoder encoder = new Encoder(newPage);
        encoder.flags();
        xattrs.forEach((name, value) -> encoder.xattr(Descriptor.XATTR, name, value));
        internalXattrs.forEach((name, value) -> encoder.xattr(Descriptor.XATTR_INTERNAL, name, value));
        if (extentPages != null) {
            encoder.table();
        } else {
            encoder.runs();
        }
        return encoder.pages;
    }

    private final class Encoder {
        private final Supplier<MemorySegment> newPage;
        private final List<MemorySegment> pages = new ArrayList<>(1);
        private MemorySegment page;
        private int at;

        Encoder(Supplier<MemorySegment> newPage) {
            this.newPage = newPage;
            nextPage();
        }

        private void nextPage() {
            page = newPage.get();
            MetadataPage.begin(page, id, pages.size());
            pages.add(page);
            at = MetadataPage.DESCRIPTORS_AT;
        }

        private int left() {
            return MetadataPage.DESCRIPTORS_AT + MetadataPage.DESCRIPTORS_BYTES - at;
        }

        private void head(int type, long length) {
            Fields.u8(page, at, type);
            Fields.u32(page, at + 1, length);
        }

        void flags() {
            head(Descriptor.FLAGS, FLAGS_BYTES - 5);
            Fields.i64(page, at + 5, invalidFlags);
            Fields.i64(page, at + 13, dataReadOnlyFlags);
            Fields.i64(page, at + 21, mdReadOnlyFlags);
            at += FLAGS_BYTES;
        }

        void xattr(int type, String name, byte[] value) {
            int size = XATTR_HEAD + name.length() + value.length;
            if (left() < size) {
                nextPage();
            }
            head(type, size - 5);
            Fields.u16(page, at + 5, name.length());
            Fields.u16(page, at + 7, value.length);
            Fields.bytes(page, at + XATTR_HEAD, XattrNames.bytes(name));
            Fields.bytes(page, at + XATTR_HEAD + name.length(), value);
            at += size;
        }

        /** A table that goes on in another page repeats its head there. */
        void table() {
            int piece = 0;
            do {
                if (left() < TABLE_HEAD) {
                    nextPage();
                }
                int entry = at + TABLE_HEAD;
                int room = (left() - TABLE_HEAD) / RUN_BYTES;
                int used = 0;
                while (piece < extentPages.length && used < room) {
                    int length = 1;
                    while (extentPages[piece] == 0
                            && piece + length < extentPages.length
                            && extentPages[piece + length] == 0) {
                        length++;
                    }
                    Fields.u32(page, entry, extentPages[piece]);
                    Fields.u32(page, entry + 4, length);
                    entry += RUN_BYTES;
                    piece += length;
                    used++;
                }
                head(Descriptor.EXTENT_TABLE, 8 + (long) used * RUN_BYTES);
                Fields.i64(page, at + 5, clusters.count());
                at = entry;
                if (piece < extentPages.length) {
                    nextPage();
                }
            } while (piece < extentPages.length);
        }

        void runs() {
            long index = 0;
            while (index < clusters.count()) {
                int room = (left() - 5) / RUN_BYTES;
                if (room <= 0) {
                    nextPage();
                    continue;
                }
                int entry = at + 5;
                int used = 0;
                while (index < clusters.count() && used < room) {
                    int first = clusters.get(index);
                    long length = 1;
                    while (index + length < clusters.count()
                            && clusters.get(index + length) == (first == 0 ? 0 : (int) (first + length))) {
                        length++;
                    }
                    Fields.u32(page, entry, first);
                    Fields.u32(page, entry + 4, length);
                    entry += RUN_BYTES;
                    index += length;
                    used++;
                }
                head(Descriptor.EXTENT_RLE, (long) used * RUN_BYTES);
                at = entry;
                if (index < clusters.count()) {
                    nextPage();
                }
            }
        }
    }

    /**
     * Writes an extent page, with its checksum.
     *
     * @param page memory
     * @param piece which one
     */
    public void encodeExtentPage(MemorySegment page, int piece) {
        long first = (long) piece * ClusterMap.PIECE;
        int entries = (int) Math.min(ClusterMap.PIECE, clusters.count() - first);
        MetadataPage.begin(page, id, 0);
        Fields.u8(page, MetadataPage.DESCRIPTORS_AT, Descriptor.EXTENT_PAGE);
        Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 1, 4 + 4L * entries);
        Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 5, first);
        Fields.i32(page, MetadataPage.DESCRIPTORS_AT + 9, clusters.piece(piece));
        MetadataPage.seal(page);
    }

    /**
     * Changes an entry of an extent page, which has to be sealed again.
     *
     * @param page the page
     * @param index the cluster of the blob
     * @param cluster the cluster of the store
     */
    public static void setExtent(MemorySegment page, long index, int cluster) {
        Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 9 + 4L * (index % ClusterMap.PIECE), cluster);
    }
}
