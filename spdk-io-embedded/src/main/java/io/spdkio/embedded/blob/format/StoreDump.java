package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/**
 * Tells what the metadata of a store says, field by field, for a person: super block, maps of what is used, metadata
 * pages and their descriptors. It goes as far as it can when the store is damaged, and marks what is wrong with a field
 * by itself; what does not fit together is for {@link StoreChecker}.
 */
public final class StoreDump {
    private static final int CHUNK_BYTES = 1 << 20;
    private static final int RUNS_IN_A_LINE = 8;
    private static final int DESCRIPTOR_HEAD = 5;
    private static final List<String> FLAGS =
            List.of("thin", "internal attributes", "extent table", "clone of a device");

    /**
     * Something that the metadata says.
     *
     * @param offsetBytes where on the device
     * @param level how deep in another one: 0 to 3
     * @param name what it is
     * @param value what it says; may be empty
     * @param isWrong whether it can't be
     */
    public record Line(long offsetBytes, int level, String name, String value, boolean isWrong) {}

    private final PageSource source;
    private final long deviceBytes;
    private final LongFunction<MemorySegment> memory;
    private final Consumer<Line> lines;

    private MemorySegment chunk;
    private SuperBlock superBlock;
    private Bits usedPages;
    private long emptyPages;

    private StoreDump(PageSource source, long deviceBytes, LongFunction<MemorySegment> memory, Consumer<Line> lines) {
        this.source = source;
        this.deviceBytes = deviceBytes;
        this.memory = memory;
        this.lines = lines;
    }

    /**
     * Dumps a store.
     *
     * @param source where it lies
     * @param deviceBytes how large that is
     * @param memory gives memory to read into, of a number of bytes; it is used until this has completed
     * @param lines told of each thing, in the order of the device
     * @return completes when all is told; fails when the source does
     */
    public static CompletableFuture<Void> dump(
            PageSource source, long deviceBytes, LongFunction<MemorySegment> memory, Consumer<Line> lines) {
        return new StoreDump(source, deviceBytes, memory, lines).dump();
    }

    private void tell(long at, int level, String name, String value) {
        lines.accept(new Line(at, level, name, value, false));
    }

    private void tellWrong(long at, int level, String name, String value) {
        lines.accept(new Line(at, level, name, value, true));
    }

    private CompletableFuture<Void> dump() {
        if (deviceBytes < SuperBlock.SIZE_BYTES) {
            tellWrong(0, 0, "super block", "the device has only " + deviceBytes + " bytes");
            return Async.done();
        }
        chunk = memory.apply(CHUNK_BYTES);
        MemorySegment page = chunk.asSlice(0, SuperBlock.SIZE_BYTES);
        return source.read(0, page)
                .thenCompose(_ -> {
                    boolean usable = superBlock(page);
                    if (!usable) {
                        return Async.done();
                    }
                    return mask(UsedMask.PAGES, superBlock.usedPageMaskStart(), superBlock.usedPageMaskPages())
                            .thenCompose(_ ->
                                    mask(
                                            UsedMask.CLUSTERS,
                                            superBlock.usedClusterMaskStart(),
                                            superBlock.usedClusterMaskPages()))
                            .thenCompose(_ ->
                                    superBlock.hasBlobIdMask()
                                            ? mask(
                                                    UsedMask.BLOB_IDS,
                                                    superBlock.usedBlobIdMaskStart(),
                                                    superBlock.usedBlobIdMaskPages())
                                            : Async.done())
                            .thenCompose(_ -> metadata());
                });
    }

    // ---- the super block

    /** Tells it; returns whether the rest can be found. */
    private boolean superBlock(MemorySegment page) {
        superBlock = SuperBlock.unverified(page, deviceBytes);
        try {
            SuperBlock.decode(page, deviceBytes);
            tell(0, 0, "super block", "");
        } catch (CorruptStoreException e) {
            tellWrong(0, 0, "super block", e.getMessage());
        }
        superBlock.describe((at, name, value) -> tell(at, 1, name, value));
        long pageBytes = superBlock.pageSizeBytes();
        boolean usable =
                pageBytes > 0
                        && pageBytes % MetadataPage.SIZE_BYTES == 0
                        && pageBytes <= CHUNK_BYTES
                        && superBlock.clusterSizeBytes() > 0
                        && superBlock.mdPages() <= Integer.MAX_VALUE
                        && (superBlock.mdStart() + superBlock.mdPages()) * pageBytes <= deviceBytes;
        if (!usable) {
            tellWrong(0, 0, "the rest", "can't be found: the sizes in the super block can't be");
        }
        return usable;
    }

    // ---- the maps of what is used

    /** The runs of bits that are set in a mask, which is read in pieces. */
    private final class Runs {
        private final long bits;
        private final Bits keep;
        private final List<String> some = new ArrayList<>();
        private long at;
        private long index;
        private long begin = -1;
        private long count;

        Runs(long bits, Bits keep) {
            this.bits = bits;
            this.keep = keep;
        }

        void take(MemorySegment bytes, long from, long offset) {
            at = offset;
            for (long b = from; b < bytes.byteSize() && index < bits; b++) {
                int value = Fields.u8(bytes, b);
                for (int bit = 0; bit < 8 && index < bits; bit++, index++) {
                    boolean set = (value >>> bit & 1) != 0;
                    if (set) {
                        count++;
                        if (keep != null) {
                            keep.set(index);
                        }
                    }
                    if (set && begin < 0) {
                        begin = index;
                    } else if (!set && begin >= 0) {
                        end();
                    }
                }
            }
        }

        private void end() {
            some.add(range(begin, index - 1));
            begin = -1;
            if (some.size() == RUNS_IN_A_LINE) {
                flush();
            }
        }

        private void flush() {
            if (!some.isEmpty()) {
                tell(at, 1, "used", String.join(", ", some));
                some.clear();
            }
        }

        void finish() {
            if (begin >= 0) {
                end();
            }
            flush();
            tell(at, 1, "in all", count + " of " + bits);
        }
    }

    private static String range(long first, long last) {
        return first == last ? Long.toString(first) : first + " to " + last;
    }

    private CompletableFuture<Void> mask(UsedMask kind, long startPage, long pages) {
        long begin = startPage * superBlock.pageSizeBytes();
        long length = pages * superBlock.pageSizeBytes();
        String name = "map of used " + kind.label();
        if (startPage == 0 || pages == 0 || startPage + pages > superBlock.mdStart()) {
            tellWrong(begin, 0, name, "is not between the super block and the metadata pages");
            return Async.done();
        }
        if (!superBlock.isClean()) {
            tell(begin, 0, name, "does not count: the store was not unloaded");
        } else {
            tell(begin, 0, name, "");
        }
        boolean keeping = kind == UsedMask.PAGES && superBlock.isClean();
        Runs[] runs = {null};
        long[] done = {0};
        return Async.loop(
                        () -> done[0] < length,
                        () -> {
                            long at = done[0];
                            MemorySegment piece = chunk.asSlice(0, Math.min(CHUNK_BYTES, length - at));
                            done[0] += piece.byteSize();
                            return source.read(begin + at, piece)
                                    .thenRun(() -> {
                                        if (at == 0) {
                                            runs[0] = maskHead(kind, piece, begin, length, keeping);
                                        }
                                        runs[0].take(piece, at == 0 ? UsedMask.BITS_AT : 0, begin + at);
                                    });
                        })
                .thenRun(() -> runs[0].finish());
    }

    private Runs maskHead(UsedMask kind, MemorySegment piece, long begin, long length, boolean keeping) {
        int type = Fields.u8(piece, 0);
        long bits = Fields.u32(piece, UsedMask.LENGTH_AT);
        // In a store that was not unloaded they need not be right, as nobody reads them.
        boolean counts = superBlock.isClean();
        boolean typeIsRight = type == kind.type();
        lines.accept(
                new Line(
                        begin,
                        1,
                        "type",
                        typeIsRight ? Integer.toString(type) : type + " instead of " + kind.type(),
                        counts && !typeIsRight));
        long expected = kind == UsedMask.CLUSTERS ? superBlock.totalClusters() : superBlock.mdPages();
        boolean lengthIsRight = UsedMask.sizeBytes(bits) <= length && bits == expected;
        lines.accept(
                new Line(
                        begin + UsedMask.LENGTH_AT,
                        1,
                        "entries",
                        lengthIsRight ? Long.toString(bits) : bits + " instead of " + expected,
                        counts && !lengthIsRight));
        if (keeping && typeIsRight && lengthIsRight) {
            usedPages = new Bits(superBlock.mdPages());
        }
        return new Runs(Math.min(bits, UsedMask.capacity(length)), keeping ? usedPages : null);
    }

    // ---- metadata pages

    private CompletableFuture<Void> metadata() {
        int pageBytes = superBlock.pageSizeBytes();
        long pages = superBlock.mdPages();
        long begin = superBlock.mdStart() * pageBytes;
        tell(begin, 0, "metadata pages", pages + " of " + pageBytes + " bytes");
        long atOnce = CHUNK_BYTES / pageBytes;
        long[] next = {0};
        return Async.loop(
                        () -> next[0] < pages,
                        () -> {
                            long first = next[0];
                            long count = Math.min(atOnce, pages - first);
                            next[0] += count;
                            MemorySegment piece = chunk.asSlice(0, count * pageBytes);
                            return source.read(begin + first * pageBytes, piece)
                                    .thenRun(() -> {
                                        for (long i = 0; i < count; i++) {
                                            MemorySegment page = piece.asSlice(i * pageBytes, MetadataPage.SIZE_BYTES);
                                            page(page, first + i, begin + (first + i) * pageBytes);
                                        }
                                    });
                        })
                .thenRun(() -> tell(begin + pages * pageBytes, 0, "end", emptyPages + " metadata pages are empty"));
    }

    private void page(MemorySegment memory, long number, long at) {
        byte[] page = memory.toArray(ValueLayout.JAVA_BYTE);
        boolean free = usedPages != null && !usedPages.get(number);
        if (MetadataPage.isEmpty(page)) {
            emptyPages++;
            if (usedPages != null && !free) {
                tellWrong(at, 1, "page " + number, "is empty, and used");
            }
            return;
        }
        long id = MetadataPage.id(page);
        int sequence = MetadataPage.sequence(page);
        boolean extents = Fields.u8(page, MetadataPage.DESCRIPTORS_AT) == Descriptor.EXTENT_PAGE;
        String what =
                extents
                        ? "extent page of blob 0x%x".formatted(id)
                        : sequence == 0
                                ? "first page of blob 0x%x".formatted(id)
                                : "page %s of blob 0x%x".formatted(Integer.toUnsignedString(sequence), id);
        String left = free ? ", left over from a deleted blob" : "";
        boolean valid = MetadataPage.isValid(page);
        if (!valid) {
            tellWrong(at, 1, "page " + number, what + left + ": the checksum is wrong");
        } else if (!extents && sequence == 0 && id != MetadataPage.blobId(number)) {
            tellWrong(at, 1, "page " + number, what + left + ", which is not here");
        } else {
            tell(at, 1, "page " + number, what + left);
        }
        descriptors(memory, at);
        int next = MetadataPage.next(page);
        if (next != MetadataPage.NO_NEXT) {
            long nextPage = next & 0xffff_ffffL;
            if (nextPage < superBlock.mdPages()) {
                tell(at + MetadataPage.NEXT_AT, 2, "next page", Long.toString(nextPage));
            } else {
                tellWrong(at + MetadataPage.NEXT_AT, 2, "next page", nextPage + " of " + superBlock.mdPages());
            }
        }
        int crc = Fields.crc32c(page, MetadataPage.CRC_AT);
        int said = Fields.i32(page, MetadataPage.CRC_AT);
        if (valid) {
            tell(at + MetadataPage.CRC_AT, 2, "checksum", "%08x".formatted(said));
        } else {
            tellWrong(at + MetadataPage.CRC_AT, 2, "checksum", "%08x instead of %08x".formatted(said, crc));
        }
    }

    private void descriptors(MemorySegment page, long pageAt) {
        int at = 0;
        while (at + DESCRIPTOR_HEAD <= MetadataPage.DESCRIPTORS_BYTES) {
            int offset = MetadataPage.DESCRIPTORS_AT + at;
            int type = Fields.u8(page, offset);
            long length = Fields.u32(page, offset + 1);
            if (type == Descriptor.PADDING && length == 0) {
                return;
            }
            if (length > MetadataPage.DESCRIPTORS_BYTES - DESCRIPTOR_HEAD - at) {
                tellWrong(
                        pageAt + offset,
                        2,
                        "descriptor",
                        "type %d with %d bytes, more than are left".formatted(type, length));
                return;
            }
            try {
                descriptor(pageAt + offset, type, page.asSlice(offset + DESCRIPTOR_HEAD, length));
            } catch (IndexOutOfBoundsException e) {
                // Its inner lengths lie.
                tellWrong(pageAt + offset, 2, "descriptor", "type %d of %d bytes is broken".formatted(type, length));
            }
            at += DESCRIPTOR_HEAD + (int) length;
        }
    }

    private void descriptor(long at, int type, MemorySegment body) {
        switch (type) {
            case Descriptor.PADDING -> tell(at, 2, "padding", body.byteSize() + " bytes");
            case Descriptor.FLAGS -> flags(at, body);
            case Descriptor.XATTR -> xattr(at, "attribute", body, false);
            case Descriptor.XATTR_INTERNAL -> xattr(at, "internal", body, true);
            case Descriptor.EXTENT_RLE -> runs(at, body);
            case Descriptor.EXTENT_TABLE -> table(at, body);
            case Descriptor.EXTENT_PAGE -> extents(at, body);
            default -> tellWrong(at, 2, "descriptor", "type %d, not known, %d bytes".formatted(type, body.byteSize()));
        }
    }

    private void flags(long at, MemorySegment body) {
        long invalid = Fields.i64(body, 0);
        long data = Fields.i64(body, 8);
        long metadata = Fields.i64(body, 16);
        tell(at, 2, "flags", "");
        List<String> known = new ArrayList<>();
        for (int i = 0; i < FLAGS.size(); i++) {
            if ((invalid >>> i & 1) != 0) {
                known.add(FLAGS.get(i));
            }
        }
        long unknown = invalid >>> FLAGS.size() << FLAGS.size();
        String words = known.isEmpty() ? "" : " (" + String.join(", ", known) + ")";
        if (unknown == 0) {
            tell(at + DESCRIPTOR_HEAD, 3, "invalid", "0x%x%s".formatted(invalid, words));
        } else {
            tellWrong(at + DESCRIPTOR_HEAD, 3, "invalid", "0x%x%s, 0x%x not known".formatted(invalid, words, unknown));
        }
        tell(
                at + DESCRIPTOR_HEAD + 8,
                3,
                "data",
                "0x%x%s".formatted(data, (data & BlobMetadata.READ_ONLY) != 0 ? " (read-only)" : ""));
        String[] methods = {"default", "none", "unmap", "write zeroes"};
        tell(
                at + DESCRIPTOR_HEAD + 16,
                3,
                "metadata",
                "0x%x (clear method: %s)".formatted(metadata, methods[(int) (metadata & 3)]));
    }

    private void xattr(long at, String kind, MemorySegment body, boolean internal) {
        int nameLength = Fields.u16(body, 0);
        int valueLength = Fields.u16(body, 2);
        byte[] nameBytes = Fields.bytes(body, 4, nameLength);
        byte[] value = Fields.bytes(body, 4L + nameLength, valueLength);
        String name = Printable.text(nameBytes).orElseGet(() -> Printable.shown(nameBytes));
        boolean isId =
                internal
                        && valueLength == Long.BYTES
                        && List.of(BlobMetadata.PARENT, BlobMetadata.SNAPSHOT_IN_PROGRESS, BlobMetadata.PENDING_REMOVAL)
                                .contains(name);
        String shown =
                isId ? "blob 0x%x".formatted(Fields.i64(MemorySegment.ofArray(value), 0)) : Printable.shown(value);
        if (body.byteSize() == 4L + nameLength + valueLength) {
            tell(at, 2, kind, name + " = " + shown);
        } else {
            tellWrong(at, 2, kind, name + " = " + shown + " in " + body.byteSize() + " bytes");
        }
    }

    private void runs(long at, MemorySegment body) {
        tell(at, 2, "clusters", body.byteSize() / 8 + " runs");
        List<String> some = new ArrayList<>();
        for (long i = 0; i + 8 <= body.byteSize(); i += 8) {
            long first = Fields.u32(body, i);
            long length = Fields.u32(body, i + 4);
            some.add(first == 0 ? length + " not allocated" : range(first, first + length - 1));
            flush(at + DESCRIPTOR_HEAD, "run", some, false);
        }
        flush(at + DESCRIPTOR_HEAD, "run", some, true);
    }

    private void table(long at, MemorySegment body) {
        tell(at, 2, "extent table", "for " + Long.toUnsignedString(Fields.i64(body, 0)) + " clusters");
        List<String> some = new ArrayList<>();
        for (long i = 8; i + 8 <= body.byteSize(); i += 8) {
            long page = Fields.u32(body, i);
            long length = Fields.u32(body, i + 4);
            some.add(page == 0 ? length + " not allocated" : Long.toString(page));
            flush(at + DESCRIPTOR_HEAD + 8, "pages", some, false);
        }
        flush(at + DESCRIPTOR_HEAD + 8, "pages", some, true);
    }

    private void extents(long at, MemorySegment body) {
        long from = Fields.u32(body, 0);
        int count = (int) (body.byteSize() / 4) - 1;
        tell(at, 2, "clusters", count + " from number " + from + " of the blob");
        List<String> some = new ArrayList<>();
        for (int i = 0; i < count; ) {
            long first = Fields.u32(body, 4 + 4L * i);
            int length = 1;
            while (i + length < count && Fields.u32(body, 4 + 4L * (i + length)) == (first == 0 ? 0 : first + length)) {
                length++;
            }
            some.add(first == 0 ? length + " not allocated" : range(first, first + length - 1));
            i += length;
            flush(at + DESCRIPTOR_HEAD + 4, "run", some, false);
        }
        flush(at + DESCRIPTOR_HEAD + 4, "run", some, true);
    }

    private void flush(long at, String name, List<String> some, boolean last) {
        if (some.size() >= RUNS_IN_A_LINE || (last && !some.isEmpty())) {
            tell(at, 3, name, String.join(", ", some));
            some.clear();
        }
    }
}
