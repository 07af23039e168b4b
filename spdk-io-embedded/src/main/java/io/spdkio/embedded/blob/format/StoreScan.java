package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/**
 * Reads the metadata of all blobs, front to back and in large pieces, and keeps of each no more than its parent and
 * what it uses, as bits. This is how a store is loaded, recovered and checked.
 *
 * <p>A blob counts when its first page is valid. Snapshots that were being made or deleted are looked at last: one
 * whose clone refers to it stays, another one goes, and what it refers to is its clone's.
 */
public final class StoreScan {
    private static final int CHUNK_BYTES = 1 << 20;

    private final SuperBlock superBlock;
    private final PageSource source;
    private final LongFunction<MemorySegment> memory;
    private final Bits usedBlobIds;
    private final Consumer<CorruptStoreException> problems;
    private final boolean claiming;
    private final int pageBytes;
    private final long mdPages;

    private final Bits foundBlobIds;
    private final Bits pages;
    private final Bits clusters;
    private final Map<Long, Long> parents = new HashMap<>();
    private final Map<Long, Reading> unfinished = new LinkedHashMap<>();
    private final List<Long> kept = new ArrayList<>();
    private final List<Long> dropped = new ArrayList<>();
    private final List<Long> halfResized = new ArrayList<>();
    private Consumer<BlobMetadata> visitor = _ -> {};

    /** Memory for single pages that is not used now. */
    private final ArrayDeque<MemorySegment> sparePages = new ArrayDeque<>();

    /** The page that is looked at. */
    private final byte[] bytes = new byte[MetadataPage.SIZE_BYTES];

    private MemorySegment chunk;
    private long chunkFirst;
    private long chunkPages;

    /**
     * Prepares a scan.
     *
     * @param superBlock the store's
     * @param source where to read
     * @param memory gives memory to read into, of a number of bytes; it is used until the scan has ended
     * @param usedBlobIds the blobs there are, or null to look at every page
     * @param claiming whether to find out what is used, for which extent pages are read as well
     * @param problems told of each blob that is damaged; when it throws the scan ends
     */
    public StoreScan(
            SuperBlock superBlock,
            PageSource source,
            LongFunction<MemorySegment> memory,
            Bits usedBlobIds,
            boolean claiming,
            Consumer<CorruptStoreException> problems) {
        this.superBlock = superBlock;
        this.source = source;
        this.memory = memory;
        this.usedBlobIds = usedBlobIds;
        this.claiming = claiming;
        this.problems = problems;
        this.pageBytes = superBlock.pageSizeBytes();
        this.mdPages = superBlock.mdPages();
        this.foundBlobIds = new Bits(mdPages);
        this.pages = claiming ? new Bits(mdPages) : null;
        this.clusters = claiming ? new Bits(superBlock.totalClusters()) : null;
    }

    /**
     * Sets who is shown each blob that is not damaged.
     *
     * @param told keeps nothing of it
     */
    public void visit(Consumer<BlobMetadata> told) {
        visitor = told;
    }

    /**
     * The blobs that were found.
     *
     * @return the numbers of their first pages
     */
    public Bits blobIds() {
        return foundBlobIds;
    }

    /**
     * The metadata pages that are used.
     *
     * @return their numbers; null when it was not asked for
     */
    public Bits pages() {
        return pages;
    }

    /**
     * The clusters that are used, those of the metadata among them.
     *
     * @return their numbers; null when it was not asked for
     */
    public Bits clusters() {
        return clusters;
    }

    /**
     * The parents of the clones.
     *
     * @return from a clone's id to its parent's
     */
    public Map<Long, Long> parents() {
        return parents;
    }

    /**
     * Snapshots that were being made or deleted and stay: their internal attributes say so still.
     *
     * @return their ids
     */
    public List<Long> kept() {
        return kept;
    }

    /**
     * Snapshots that were being made or deleted and go: their pages are still on the device.
     *
     * @return their ids
     */
    public List<Long> dropped() {
        return dropped;
    }

    /**
     * Blobs that were being resized. They count with the size that they have in the end, of which the device does not
     * know yet.
     *
     * @return their ids
     */
    public List<Long> halfResized() {
        return halfResized;
    }

    /**
     * Whether there are snapshots that were being made or deleted. After a clean unload there are none.
     *
     * @return true if there are
     */
    public boolean foundUnfinished() {
        return !unfinished.isEmpty();
    }

    /**
     * The pages of the chain of a snapshot that goes.
     *
     * @param id its id
     * @return the numbers of its pages
     */
    public int[] chainOf(long id) {
        return unfinished.containsKey(id) ? unfinished.get(id).chain : new int[0];
    }

    /**
     * Scans.
     *
     * @return completes when it is done
     */
    public CompletableFuture<Void> run() {
        long pagesAtOnce = Math.min(mdPages, Math.max(1, CHUNK_BYTES / pageBytes));
        chunk = memory.apply(pagesAtOnce * pageBytes);
        if (claiming) {
            for (long i = 0; i < superBlock.metadataClusters(); i++) {
                clusters.set(i);
            }
        }
        long[] at = {nextOfInterest(0)};
        return Async.loop(
                        () -> at[0] >= 0,
                        () -> {
                            chunkFirst = at[0];
                            chunkPages = Math.min(pagesAtOnce, mdPages - chunkFirst);
                            at[0] = nextOfInterest(chunkFirst + chunkPages);
                            MemorySegment into = chunk.asSlice(0, chunkPages * pageBytes);
                            return source.read(offsetOf(chunkFirst), into).thenCompose(_ -> blobsOfChunk());
                        })
                .thenRun(this::decide);
    }

    private long nextOfInterest(long from) {
        return usedBlobIds != null ? usedBlobIds.nextSet(from) : from < mdPages ? from : -1;
    }

    private long offsetOf(long page) {
        return (superBlock.mdStart() + page) * pageBytes;
    }

    /** A page of the chunk; until the next one is asked for. */
    private byte[] inChunk(long page) {
        MetadataPage.copy(chunk, (page - chunkFirst) * pageBytes, bytes);
        return bytes;
    }

    private boolean isInChunk(long page) {
        return page >= chunkFirst && page < chunkFirst + chunkPages;
    }

    // ---- the blobs whose first page is in the chunk

    /** A blob that is being read. */
    private final class Reading {
        final BlobMetadata.Decoder decoder;
        int[] chain = {};
        int next;
        int piece;
        boolean failed;

        Reading(long id) {
            decoder = new BlobMetadata.Decoder(id, superBlock.totalClusters(), mdPages, claiming);
            next = (int) MetadataPage.firstPage(id);
        }

        /** Takes a page; then finds the next one that is needed. */
        void take(byte[] page) {
            try {
                if (decoder.blob().extentPages == null) {
                    tookOfChain(decoder.page(page, next));
                } else {
                    decoder.extentPage(page, piece);
                    nextPiece();
                }
            } catch (CorruptStoreException e) {
                failed(e);
            }
        }

        /** Takes the first page, which is valid. */
        void takeFirst(byte[] page) {
            try {
                tookOfChain(decoder.validPage(page, next));
            } catch (CorruptStoreException e) {
                failed(e);
            }
        }

        private void tookOfChain(int following) {
            chain = Arrays.copyOf(chain, chain.length + 1);
            chain[chain.length - 1] = next;
            next = following;
            if (next == MetadataPage.NO_NEXT) {
                decoder.endChain();
                piece = -1;
                nextPiece();
            }
        }

        private void failed(CorruptStoreException problem) {
            failed = true;
            next = MetadataPage.NO_NEXT;
            problems.accept(problem);
        }

        /** Takes what of it is in the chunk; true when nothing is missing any more. */
        boolean takeFromChunk() {
            while (next != MetadataPage.NO_NEXT && isInChunk(next)) {
                take(inChunk(next));
            }
            return next == MetadataPage.NO_NEXT;
        }

        private void nextPiece() {
            int[] table = decoder.blob().extentPages;
            next = MetadataPage.NO_NEXT;
            if (table == null || !claiming) {
                return;
            }
            do {
                piece++;
            } while (piece < table.length && table[piece] == 0);
            if (piece < table.length) {
                next = table[piece];
            }
        }
    }

    private CompletableFuture<Void> blobsOfChunk() {
        List<Reading> readings = new ArrayList<>();
        for (long page = nextOfInterest(chunkFirst);
                page >= 0 && page < chunkFirst + chunkPages;
                page = nextOfInterest(page + 1)) {
            begin(page, readings);
        }
        List<Reading> incomplete = new ArrayList<>(readings);
        return Async.loop(() -> advance(incomplete), () -> readMissing(incomplete))
                .thenRun(() -> readings.forEach(this::finish));
    }

    /** Looks at a page that may be the first one of a blob. */
    private void begin(long page, List<Reading> readings) {
        byte[] first = inChunk(page);
        if (MetadataPage.isFirst(first, page)) {
            Reading reading = new Reading(MetadataPage.blobId(page));
            readings.add(reading);
            reading.takeFirst(first);
        } else if (usedBlobIds != null) {
            problems.accept(
                    new CorruptStoreException(
                            "blob 0x%x: metadata page %d is not its first page, or damaged"
                                    .formatted(MetadataPage.blobId(page), page)));
        } else if (!MetadataPage.isEmpty(first) && !MetadataPage.isValid(first)) {
            problems.accept(CorruptStoreException.harmless("metadata page " + page + ": the checksum is wrong"));
        }
    }

    /** Takes what is in the chunk; true when something is missing. */
    private boolean advance(List<Reading> incomplete) {
        incomplete.removeIf(Reading::takeFromChunk);
        return !incomplete.isEmpty();
    }

    private CompletableFuture<Void> readMissing(List<Reading> incomplete) {
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (Reading reading : incomplete) {
            MemorySegment page = sparePages.isEmpty() ? memory.apply(pageBytes) : sparePages.pollLast();
            reads.add(
                    source.read(offsetOf(reading.next), page)
                            .thenRun(() -> {
                                MetadataPage.copy(page, 0, bytes);
                                reading.take(bytes);
                                sparePages.addLast(page);
                            }));
        }
        return CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new));
    }

    private void finish(Reading reading) {
        if (reading.failed) {
            return;
        }
        BlobMetadata blob = reading.decoder.blob();
        try {
            // Most blobs are in no family.
            if (!blob.internalXattrs.isEmpty()) {
                noteParent(blob);
                if (cloneOf(blob).isPresent()) {
                    unfinished.put(blob.id, reading);
                    return;
                }
            }
        } catch (CorruptStoreException e) {
            problems.accept(e);
            return;
        }
        accept(reading, false);
    }

    private void noteParent(BlobMetadata blob) {
        OptionalLong parent = blob.isThin() ? blob.internalId(BlobMetadata.PARENT) : OptionalLong.empty();
        if (parent.isPresent() && !blob.isExternalClone()) {
            parents.put(blob.id, parent.getAsLong());
        }
    }

    /** The blob that decides about a snapshot that was being made or deleted. */
    private static OptionalLong cloneOf(BlobMetadata snapshot) {
        OptionalLong removal = snapshot.internalId(BlobMetadata.PENDING_REMOVAL);
        return removal.isPresent() ? removal : snapshot.internalId(BlobMetadata.SNAPSHOT_IN_PROGRESS);
    }

    private void decide() {
        unfinished.forEach((id, snapshot) -> {
            BlobMetadata blob = snapshot.decoder.blob();
            Long parent = parents.get(cloneOf(blob).getAsLong());
            if (parent != null && parent == id.longValue()) {
                kept.add(id);
                accept(snapshot, true);
            } else {
                dropped.add(id);
                parents.remove(id);
            }
        });
    }

    /** Counts a blob, and what it uses. Its clone may have some of it too when it was being deleted. */
    private void accept(Reading reading, boolean sharing) {
        BlobMetadata blob = reading.decoder.blob();
        if (reading.decoder.isHalfResized()) {
            halfResized.add(blob.id);
            // Nobody gets them before the blob is written.
            for (int page : reading.decoder.pagesBehindEnd()) {
                claim(blob, pages, page, false, "extent page ");
            }
        }
        foundBlobIds.set(MetadataPage.firstPage(blob.id));
        visitor.accept(blob);
        if (!claiming) {
            return;
        }
        for (int page : reading.chain) {
            claim(blob, pages, page, false, "metadata page ");
        }
        if (blob.extentPages != null) {
            for (int page : blob.extentPages) {
                if (page != 0) {
                    claim(blob, pages, page, sharing, "extent page ");
                }
            }
        }
        for (long at = blob.clusters.nextAllocated(0); at >= 0; at = blob.clusters.nextAllocated(at + 1)) {
            claim(blob, clusters, blob.clusters.get(at) & 0xffff_ffffL, sharing, "cluster ");
        }
    }

    private void claim(BlobMetadata blob, Bits used, long index, boolean sharing, String what) {
        if (!used.set(index) && !sharing) {
            boolean metadata = used == clusters && index < superBlock.metadataClusters();
            problems.accept(
                    new CorruptStoreException(
                            "blob 0x%x: %s%d %s"
                                    .formatted(
                                            blob.id,
                                            what,
                                            index,
                                            metadata ? "belongs to the metadata" : "belongs to another blob as well")));
        }
    }
}
