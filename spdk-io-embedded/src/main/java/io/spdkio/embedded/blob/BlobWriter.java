package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.ClearMethod;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.MetadataPage;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Writes the metadata of blobs. Every method that writes is called with the blob's {@link EmbeddedBlob#writing} lock
 * held.
 */
final class BlobWriter {
    private final EmbeddedBlobstore store;
    private final MetadataIo io;
    private final Space space;
    private final long clusterBytes;

    BlobWriter(EmbeddedBlobstore store, MetadataIo io, Space space) {
        this.store = store;
        this.io = io;
        this.space = space;
        this.clusterBytes = store.clusterSizeBytes();
    }

    /** Pages to be written, and then given back. */
    private final class Pages {
        private final List<MemorySegment> memory = new ArrayList<>(1);

        MemorySegment take() {
            MemorySegment page = io.takePage();
            memory.add(page);
            return page;
        }

        void free() {
            memory.forEach(io::giveBack);
            memory.clear();
        }
    }

    private void write(int page, MemorySegment from, MetadataIo.Waiter waiter) {
        io.write(store.pageOffset(page), from, waiter);
    }

    /** What the device refers to no longer, once the first page is written. */
    private final class Garbage {
        static final int STEPS = 3;

        private int[] pages = {};
        private int pageCount;
        private int[] clusters = {};
        private int clusterCount;

        void page(int page) {
            pages = roomFor(pages, pageCount);
            pages[pageCount++] = page;
        }

        void cluster(int cluster) {
            clusters = roomFor(clusters, clusterCount);
            clusters[clusterCount++] = cluster;
        }

        private static int[] roomFor(int[] numbers, int count) {
            return count < numbers.length ? numbers : Arrays.copyOf(numbers, Math.max(16, count * 2));
        }

        void chainBehindFirst(int[] chain) {
            for (int i = 1; i < chain.length; i++) {
                page(chain[i]);
            }
        }

        void clusters(ClusterMap map) {
            for (long at = map.nextAllocated(0); at >= 0; at = map.nextAllocated(at + 1)) {
                cluster(map.get(at));
            }
        }

        /** What the blob has lost since it was last written. */
        void lostBy(Unwritten changes) {
            if (changes != null) {
                changes.lostPages.forEach(this::page);
                clusters(changes.lost);
            }
        }

        boolean hasClusters() {
            return clusterCount != 0;
        }

        /** Does a step of an operation: clears everything, has that durable, and gives it to who needs it next. */
        void dispose(int step, ClearMethod method, Steps<?> steps) {
            switch (step) {
                case 0 -> clear(method, steps);
                case 1 -> {
                    if (pageCount != 0 || clusterCount != 0) {
                        io.flush(steps.more());
                    }
                }
                default -> release();
            }
        }

        /** Begins to zero the pages and to clear the clusters, those that lie side by side together. */
        private void clear(ClearMethod method, Steps<?> steps) {
            for (int i = 0; i < pageCount; i++) {
                io.writeZeroes(store.pageOffset(pages[i]), store.pageSizeBytes(), steps.more());
            }
            if (method == ClearMethod.NONE) {
                return;
            }
            boolean zeroes = method == ClearMethod.WRITE_ZEROES || !io.unmaps();
            Arrays.sort(clusters, 0, clusterCount);
            for (int i = 0; i < clusterCount; ) {
                int end = i + 1;
                while (end < clusterCount && clusters[end] == clusters[end - 1] + 1) {
                    end++;
                }
                long offset = (clusters[i] & 0xffff_ffffL) * clusterBytes;
                long length = (end - i) * clusterBytes;
                if (zeroes) {
                    io.writeZeroes(offset, length, steps.more());
                } else {
                    io.unmap(offset, length, steps.more());
                }
                i = end;
            }
        }

        private void release() {
            for (int i = 0; i < pageCount; i++) {
                space.releasePage(pages[i]);
            }
            for (int i = 0; i < clusterCount; i++) {
                space.releaseCluster(clusters[i]);
            }
        }
    }

    /** An operation that ends with clearing what nothing refers to. */
    private abstract class Disposing extends Steps<Void> {
        final Garbage garbage = new Garbage();
        private final ClearMethod clearMethod;

        Disposing(ClearMethod clearMethod) {
            this.clearMethod = clearMethod;
        }

        /** The last three steps, numbered from 0. */
        final void dispose(int step) {
            garbage.dispose(step, clearMethod, this);
            if (step == Garbage.STEPS - 1) {
                end(null);
            }
        }

        /** Nobody knows what is on the device now. */
        @Override
        void failed(Throwable cause) {
            store.failStop(cause);
            fail(cause);
        }
    }

    /**
     * Makes the blob's metadata durable. First what nothing refers to yet: changed extent pages, at new places, and the
     * chain but for its first page. Then the first page, which switches everything at once. Then what was lost is
     * zeroed, cleared, and given back.
     */
    CompletableFuture<Void> persist(EmbeddedBlob blob) {
        return blob.dirty ? new Writing(blob, store.markDirty()).begin() : Async.done();
    }

    private final class Writing extends Disposing {
        private final EmbeddedBlob blob;
        private final CompletableFuture<Void> marked;
        private final Pages pages = new Pages();
        private MemorySegment first;

        /** Whether something was written that the first page refers to, and is to be durable before it. */
        private boolean refersToNew;

        /** Metadata pages that were taken for it. */
        private final List<Integer> taken = new ArrayList<>(0);

        /** Whether only the first page is missing. What fails before is for want of pages, and can be tried again. */
        private boolean prepared;

        Writing(EmbeddedBlob blob, CompletableFuture<Void> marked) {
            super(blob.clearMethod);
            this.blob = blob;
            this.marked = marked;
        }

        @Override
        void step(int number) {
            switch (number) {
                case 0 -> await(marked);
                case 1 -> prepare();
                case 2 -> {
                    if (refersToNew) {
                        io.flush(more());
                    }
                }
                case 3 -> write(blob.chain[0], first, more());
                case 4 -> {
                    pages.free();
                    io.flush(more());
                }
                default -> dispose(number - 5);
            }
        }

        @Override
        void failed(Throwable cause) {
            pages.free();
            if (prepared) {
                super.failed(cause);
            } else {
                taken.forEach(space::releasePage);
                fail(cause);
            }
        }

        /** Writes everything but the first page. */
        private void prepare() {
            BlobMetadata meta = blob.meta;
            Unwritten changes = blob.unwritten;
            int[] newChain;
            int[] oldTable = meta.extentPages;
            try {
                if (oldTable != null && changes != null) {
                    meta.extentPages = oldTable.clone();
                    writeExtentPages(changes);
                }
                List<MemorySegment> chain = meta.encode(pages::take);
                newChain = new int[chain.size()];
                newChain[0] = (int) MetadataPage.firstPage(meta.id);
                for (int i = 1; i < newChain.length; i++) {
                    newChain[i] = space.takePage();
                    taken.add(newChain[i]);
                    MetadataPage.setNext(chain.get(i - 1), newChain[i]);
                }
                chain.forEach(MetadataPage::seal);
                first = chain.getFirst();
                for (int i = 1; i < newChain.length; i++) {
                    refersToNew = true;
                    write(newChain[i], chain.get(i), more());
                }
            } catch (RuntimeException e) {
                meta.extentPages = oldTable;
                throw e;
            }
            garbage.chainBehindFirst(blob.chain);
            garbage.lostBy(changes);
            blob.unwritten = null;
            blob.dirty = false;
            blob.chain = newChain;
            refersToNew |= blob.extentsUnflushed;
            blob.extentsUnflushed = false;
            prepared = true;
        }

        /** Writes the extent pages that have changed: at new places as far as there are any. */
        private void writeExtentPages(Unwritten changes) {
            int[] table = blob.meta.extentPages;
            for (int piece = changes.pieces.nextSetBit(0);
                    piece >= 0 && piece < table.length;
                    piece = changes.pieces.nextSetBit(piece + 1)) {
                int old = table[piece];
                if (old == 0 && blob.meta.clusters.isPieceEmpty(piece)) {
                    continue;
                }
                if (!changes.freshPages.contains(old) && (old == 0 || space.hasExtentPage())) {
                    table[piece] = space.takeExtentPage();
                    taken.add(table[piece]);
                    if (old != 0) {
                        garbage.page(old);
                    }
                }
                MemorySegment page = pages.take();
                blob.meta.encodeExtentPage(page, piece);
                refersToNew = true;
                write(table[piece], page, more());
            }
        }
    }

    /** Takes a blob off the device. */
    CompletableFuture<Void> erase(EmbeddedBlob blob) {
        return new Erasing(blob).begin();
    }

    private final class Erasing extends Steps<Void> {
        private final Erasure erasure;

        Erasing(EmbeddedBlob blob) {
            erasure = new Erasure(blob.meta, blob.chain, blob.clearMethod);
            erasure.garbage.lostBy(blob.unwritten);
        }

        @Override
        void step(int number) {
            erasure.step(number, this);
            if (number == Erasure.STEPS - 1) {
                end(null);
            }
        }

        @Override
        void failed(Throwable cause) {
            store.failStop(cause);
            fail(cause);
        }
    }

    /** How to take a blob off the device that is not open. When that fails, the store has to stop. */
    Erasure erasure(BlobMetadata meta, int[] chain, ClearMethod clearMethod) {
        return new Erasure(meta, chain, clearMethod);
    }

    /** The steps that take a blob off the device: its first page is zeroed, and then the rest disposed of. */
    final class Erasure {
        static final int STEPS = 3 + Garbage.STEPS;

        private final Garbage garbage = new Garbage();
        private final int first;
        private final ClearMethod clearMethod;

        private Erasure(BlobMetadata meta, int[] chain, ClearMethod clearMethod) {
            this.first = chain[0];
            this.clearMethod = clearMethod;
            garbage.chainBehindFirst(chain);
            if (meta.extentPages != null) {
                for (int page : meta.extentPages) {
                    if (page != 0) {
                        garbage.page(page);
                    }
                }
            }
            garbage.clusters(meta.clusters);
        }

        /** Does one of the steps of an operation. */
        void step(int number, Steps<?> steps) {
            switch (number) {
                case 0 -> steps.await(store.markDirty());
                case 1 -> io.writeZeroes(store.pageOffset(first), store.pageSizeBytes(), steps.more());
                case 2 -> io.flush(steps.more());
                default -> garbage.dispose(number - 3, clearMethod, steps);
            }
            if (number == STEPS - 1) {
                space.releasePage(first);
            }
        }
    }

    // ---- single clusters

    /** Clears a cluster that was taken and is not needed, and gives it back. */
    void releaseUnused(EmbeddedBlob blob, int cluster) {
        Disposal unused = new Disposal(blob.clearMethod);
        unused.garbage.cluster(cluster);
        var _ = unused.begin();
    }

    private final class Disposal extends Disposing {
        Disposal(ClearMethod clearMethod) {
            super(clearMethod);
        }

        @Override
        void step(int number) {
            dispose(number);
        }
    }

    /** Writes down clusters that were taken for places in a thin blob. When it fails, nothing has changed in memory. */
    CompletableFuture<Void> insert(EmbeddedBlob blob, List<ThinChanges.Insertion> insertions) {
        return new Inserting(blob, insertions, store.markDirty()).begin();
    }

    private final class Inserting extends Steps<Void> {
        private final EmbeddedBlob blob;
        private final BlobMetadata meta;
        private final List<ThinChanges.Insertion> insertions;
        private final CompletableFuture<Void> marked;
        private final Pages pages = new Pages();

        /** The pieces that had no extent page before. */
        private final List<Integer> fresh = new ArrayList<>(0);

        /** Whether the metadata in memory has them, and is being written. */
        private boolean persisting;

        Inserting(EmbeddedBlob blob, List<ThinChanges.Insertion> insertions, CompletableFuture<Void> marked) {
            this.blob = blob;
            this.meta = blob.meta;
            this.insertions = insertions;
            this.marked = marked;
        }

        @Override
        void step(int number) {
            switch (number) {
                case 0 -> await(marked);
                case 1 -> {
                    if (meta.extentPages != null) {
                        writePieces();
                    }
                }
                case 2 -> {
                    pages.free();
                    if (meta.extentPages != null) {
                        // Lost with the data of the same cluster if the power is cut. What relies on it flushes before.
                        blob.extentsUnflushed = fresh.isEmpty();
                    }
                    if (!fresh.isEmpty()) {
                        io.flush(more());
                    }
                }
                case 3 -> {
                    insertions.forEach(it -> meta.clusters.set(it.index, it.cluster));
                    if (meta.extentPages == null || !fresh.isEmpty()) {
                        // Its pages have the clusters, or its table has to name the new extent pages.
                        persisting = true;
                        blob.dirty = true;
                        await(persist(blob));
                    }
                }
                default -> end(null);
            }
        }

        @Override
        void failed(Throwable cause) {
            pages.free();
            if (persisting) {
                insertions.forEach(it -> meta.clusters.set(it.index, 0));
            } else if (!(cause instanceof SpdkException refused) || refused.status() != -Errno.ENOSPC) {
                store.failStop(cause);
            }
            for (int piece : fresh) {
                space.releasePage(meta.extentPages[piece]);
                meta.extentPages[piece] = 0;
            }
            fail(cause);
        }

        private void writePieces() {
            List<ThinChanges.Insertion> left = new ArrayList<>(insertions);
            while (!left.isEmpty()) {
                int piece = ClusterMap.pieceOf(left.getFirst().index);
                if (meta.extentPages[piece] == 0) {
                    meta.extentPages[piece] = space.takeExtentPage();
                    fresh.add(piece);
                }
                MemorySegment page = pages.take();
                meta.encodeExtentPage(page, piece);
                left.removeIf(it -> {
                    if (ClusterMap.pieceOf(it.index) != piece) {
                        return false;
                    }
                    BlobMetadata.setExtent(page, it.index, it.cluster);
                    return true;
                });
                MetadataPage.seal(page);
                write(meta.extentPages[piece], page, more());
            }
        }
    }

    /** Takes clusters off a blob whose channels are quiet, clears them, and gives them back. */
    CompletableFuture<Void> remove(EmbeddedBlob blob, List<Long> indexes) {
        Removal removal = new Removal(blob, indexes);
        return removal.garbage.hasClusters() ? removal.begin() : Async.done();
    }

    private final class Removal extends Disposing {
        private final EmbeddedBlob blob;
        private final List<Long> indexes;
        private final Pages pages = new Pages();

        Removal(EmbeddedBlob blob, List<Long> indexes) {
            super(blob.clearMethod);
            this.blob = blob;
            this.indexes = indexes;
            for (long index : indexes) {
                int cluster = blob.meta.clusters.get(index);
                if (cluster != 0) {
                    garbage.cluster(cluster);
                    blob.meta.clusters.set(index, 0);
                }
            }
        }

        @Override
        void step(int number) {
            boolean inPages = blob.meta.extentPages == null;
            switch (number) {
                case 0 -> {
                    if (inPages) {
                        blob.dirty = true;
                        await(persist(blob));
                    } else {
                        await(store.markDirty());
                    }
                }
                case 1 -> {
                    if (!inPages) {
                        writePieces();
                    }
                }
                case 2 -> {
                    pages.free();
                    if (!inPages) {
                        io.flush(more());
                    }
                }
                default -> dispose(number - 3);
            }
        }

        @Override
        void failed(Throwable cause) {
            pages.free();
            super.failed(cause);
        }

        private void writePieces() {
            indexes.stream()
                    .map(ClusterMap::pieceOf)
                    .distinct()
                    .filter(piece -> blob.meta.extentPages[piece] != 0)
                    .forEach(piece -> {
                        MemorySegment page = pages.take();
                        blob.meta.encodeExtentPage(page, piece);
                        write(blob.meta.extentPages[piece], page, more());
                    });
        }
    }
}
