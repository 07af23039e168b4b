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
        private final List<MemorySegment> memory = new ArrayList<>();
        private final List<CompletableFuture<Void>> writes = new ArrayList<>();

        MemorySegment take() {
            MemorySegment page = io.takePage();
            memory.add(page);
            return page;
        }

        void write(int page, MemorySegment from) {
            writes.add(io.write(store.pageOffset(page), from));
        }

        /** Completes when all are written; the memory is given back when {@link #free} is called. */
        CompletableFuture<Void> written() {
            List<CompletableFuture<Void>> all = List.copyOf(writes);
            writes.clear();
            return MetadataIo.all(all);
        }

        void free() {
            memory.forEach(io::giveBack);
            memory.clear();
        }
    }

    /** What the device refers to no longer, once the first page is written. */
    private static final class Garbage {
        final List<Integer> pages = new ArrayList<>();
        int[] clusters = {};
        int clusterCount;

        void cluster(int cluster) {
            if (clusterCount == clusters.length) {
                clusters = Arrays.copyOf(clusters, Math.max(16, clusterCount * 2));
            }
            clusters[clusterCount++] = cluster;
        }
    }

    /**
     * Makes the blob's metadata durable. First what nothing refers to yet: changed extent pages, at new places, and the
     * chain but for its first page. Then the first page, which switches everything at once. Then what was lost is
     * zeroed, cleared, and given back.
     */
    CompletableFuture<Void> persist(EmbeddedBlob blob) {
        if (!blob.dirty) {
            return Async.done();
        }
        return store.markDirty().thenCompose(_ -> writeAll(blob));
    }

    private CompletableFuture<Void> writeAll(EmbeddedBlob blob) {
        BlobMetadata meta = blob.meta;
        Garbage garbage = new Garbage();
        Pages pages = new Pages();
        List<Integer> taken = new ArrayList<>();
        int[] newChain;
        MemorySegment first;
        int[] oldTable = meta.extentPages;
        try {
            if (oldTable != null) {
                meta.extentPages = oldTable.clone();
                writeExtentPages(blob, pages, taken, garbage);
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
                pages.write(newChain[i], chain.get(i));
            }
        } catch (RuntimeException e) {
            meta.extentPages = oldTable;
            taken.forEach(space::releasePage);
            CompletableFuture<Void> underWay = pages.written();
            return underWay.handle((_, _) -> null)
                    .thenCompose(_ -> {
                        pages.free();
                        return CompletableFuture.failedFuture(e);
                    });
        }
        for (int i = 1; i < blob.chain.length; i++) {
            garbage.pages.add(blob.chain[i]);
        }
        garbage.pages.addAll(blob.lostPages);
        ClusterMap lost = blob.lost;
        for (long at = lost.nextAllocated(0); at >= 0; at = lost.nextAllocated(at + 1)) {
            garbage.cluster(lost.get(at));
        }
        blob.lostPages.clear();
        blob.lost = new ClusterMap();
        blob.dirtyPieces.clear();
        blob.freshPages.clear();
        blob.dirty = false;
        blob.chain = newChain;
        int firstPage = newChain[0];
        boolean severalWrites = newChain.length > 1 || !pages.writes.isEmpty() || blob.extentsUnflushed;
        blob.extentsUnflushed = false;
        return pages.written()
                .thenCompose(_ -> severalWrites ? io.flush() : Async.done())
                .thenCompose(_ -> io.write(store.pageOffset(firstPage), first))
                .whenComplete((_, _) -> pages.free())
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> dispose(blob, garbage))
                .whenComplete((_, problem) -> {
                    if (problem != null) {
                        store.failStop(Async.cause(problem));
                    }
                });
    }

    /** Writes the extent pages that have changed: at new places as far as there are any. */
    private void writeExtentPages(EmbeddedBlob blob, Pages pages, List<Integer> taken, Garbage garbage) {
        int[] table = blob.meta.extentPages;
        for (int piece = blob.dirtyPieces.nextSetBit(0);
                piece >= 0 && piece < table.length;
                piece = blob.dirtyPieces.nextSetBit(piece + 1)) {
            int old = table[piece];
            if (old == 0 && blob.meta.clusters.isPieceEmpty(piece)) {
                continue;
            }
            if (!blob.freshPages.contains(old) && (old == 0 || space.hasExtentPage())) {
                table[piece] = space.takeExtentPage();
                taken.add(table[piece]);
                if (old != 0) {
                    garbage.pages.add(old);
                }
            }
            MemorySegment page = pages.take();
            blob.meta.encodeExtentPage(page, piece);
            pages.write(table[piece], page);
        }
    }

    /** Zeroes and clears what nothing refers to, and gives it back when that is durable. */
    private CompletableFuture<Void> dispose(EmbeddedBlob blob, Garbage garbage) {
        if (garbage.pages.isEmpty() && garbage.clusterCount == 0) {
            return Async.done();
        }
        List<CompletableFuture<Void>> steps = new ArrayList<>();
        for (int page : garbage.pages) {
            steps.add(io.writeZeroes(store.pageOffset(page), store.pageSizeBytes()));
        }
        clear(blob.clearMethod, garbage.clusters, garbage.clusterCount, steps);
        return MetadataIo.all(steps)
                .thenCompose(_ -> io.flush())
                .thenRun(() -> {
                    garbage.pages.forEach(space::releasePage);
                    for (int i = 0; i < garbage.clusterCount; i++) {
                        space.releaseCluster(garbage.clusters[i]);
                    }
                });
    }

    /** Clears clusters, those that lie side by side together. */
    private void clear(ClearMethod method, int[] clusters, int count, List<CompletableFuture<Void>> steps) {
        if (method == ClearMethod.NONE) {
            return;
        }
        boolean zeroes = method == ClearMethod.WRITE_ZEROES || !io.unmaps();
        Arrays.sort(clusters, 0, count);
        for (int i = 0; i < count; ) {
            int end = i + 1;
            while (end < count && clusters[end] == clusters[end - 1] + 1) {
                end++;
            }
            long offset = (clusters[i] & 0xffff_ffffL) * clusterBytes;
            long length = (end - i) * clusterBytes;
            steps.add(zeroes ? io.writeZeroes(offset, length) : io.unmap(offset, length));
            i = end;
        }
    }

    /** Takes a blob off the device: zeroes its first page, and then disposes of the rest. */
    CompletableFuture<Void> erase(EmbeddedBlob blob) {
        Garbage garbage = new Garbage();
        for (int i = 1; i < blob.chain.length; i++) {
            garbage.pages.add(blob.chain[i]);
        }
        int[] table = blob.meta.extentPages;
        if (table != null) {
            for (int page : table) {
                if (page != 0) {
                    garbage.pages.add(page);
                }
            }
        }
        garbage.pages.addAll(blob.lostPages);
        ClusterMap map = blob.meta.clusters;
        for (long at = map.nextAllocated(0); at >= 0; at = map.nextAllocated(at + 1)) {
            garbage.cluster(map.get(at));
        }
        ClusterMap lost = blob.lost;
        for (long at = lost.nextAllocated(0); at >= 0; at = lost.nextAllocated(at + 1)) {
            garbage.cluster(lost.get(at));
        }
        int first = (int) MetadataPage.firstPage(blob.meta.id);
        return store.markDirty()
                .thenCompose(_ -> io.writeZeroes(store.pageOffset(first), store.pageSizeBytes()))
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> dispose(blob, garbage))
                .thenRun(() -> space.releasePage(first))
                .whenComplete((_, problem) -> {
                    if (problem != null) {
                        store.failStop(Async.cause(problem));
                    }
                });
    }

    // ---- single clusters

    /** Clears a cluster that was taken and is not needed, and gives it back. */
    void releaseUnused(EmbeddedBlob blob, int cluster) {
        Garbage garbage = new Garbage();
        garbage.cluster(cluster);
        CompletableFuture<Void> cleared;
        try {
            cleared = dispose(blob, garbage);
        } catch (RuntimeException e) {
            cleared = CompletableFuture.failedFuture(e);
        }
        Async.whenDone(
                cleared,
                (_, problem) -> {
                    if (problem != null) {
                        store.failStop(Async.cause(problem));
                    }
                });
    }

    /** Writes down clusters that were taken for places in a thin blob. When it fails, nothing has changed in memory. */
    CompletableFuture<Void> insert(EmbeddedBlob blob, List<EmbeddedBlob.Insertion> insertions) {
        BlobMetadata meta = blob.meta;
        if (meta.extentPages == null) {
            insertions.forEach(it -> meta.clusters.set(it.index(), it.cluster()));
            blob.dirty = true;
            return persist(blob)
                    .whenComplete((_, problem) -> {
                        if (problem != null) {
                            insertions.forEach(it -> meta.clusters.set(it.index(), 0));
                        }
                    });
        }
        List<Integer> fresh = new ArrayList<>();
        Pages pages = new Pages();
        return store.markDirty()
                .thenCompose(_ -> {
                    try {
                        writeChangedPieces(blob, insertions, pages, fresh);
                    } catch (RuntimeException e) {
                        return pages.written()
                                .handle((_, _) -> null)
                                .thenCompose(_ -> CompletableFuture.<Void>failedFuture(e));
                    }
                    return pages.written();
                })
                .whenComplete((_, _) -> pages.free())
                .whenComplete((_, problem) -> {
                    if (problem == null) {
                        return;
                    }
                    for (int piece : fresh) {
                        space.releasePage(meta.extentPages[piece]);
                        meta.extentPages[piece] = 0;
                    }
                    if (!(Async.cause(problem) instanceof SpdkException refused) || refused.status() != -Errno.ENOSPC) {
                        store.failStop(Async.cause(problem));
                    }
                })
                .thenCompose(_ -> {
                    // Lost with the data of the same cluster if the power is cut. What relies on it flushes before.
                    blob.extentsUnflushed = fresh.isEmpty();
                    return fresh.isEmpty() ? Async.done() : io.flush();
                })
                .thenCompose(_ -> {
                    insertions.forEach(it -> meta.clusters.set(it.index(), it.cluster()));
                    if (fresh.isEmpty()) {
                        return Async.done();
                    }
                    // The table has to name the new extent pages.
                    blob.dirty = true;
                    return persist(blob)
                            .whenComplete((_, problem) -> {
                                if (problem != null) {
                                    insertions.forEach(it -> meta.clusters.set(it.index(), 0));
                                    for (int piece : fresh) {
                                        space.releasePage(meta.extentPages[piece]);
                                        meta.extentPages[piece] = 0;
                                    }
                                }
                            });
                });
    }

    private void writeChangedPieces(
            EmbeddedBlob blob, List<EmbeddedBlob.Insertion> insertions, Pages pages, List<Integer> fresh) {
        BlobMetadata meta = blob.meta;
        List<EmbeddedBlob.Insertion> left = new ArrayList<>(insertions);
        while (!left.isEmpty()) {
            int piece = ClusterMap.pieceOf(left.getFirst().index());
            if (meta.extentPages[piece] == 0) {
                meta.extentPages[piece] = space.takeExtentPage();
                fresh.add(piece);
            }
            MemorySegment page = pages.take();
            meta.encodeExtentPage(page, piece);
            left.removeIf(it -> {
                if (ClusterMap.pieceOf(it.index()) != piece) {
                    return false;
                }
                BlobMetadata.setExtent(page, it.index(), it.cluster());
                return true;
            });
            MetadataPage.seal(page);
            pages.write(meta.extentPages[piece], page);
        }
    }

    /** Takes clusters off a blob whose channels are quiet, clears them, and gives them back. */
    CompletableFuture<Void> remove(EmbeddedBlob blob, List<Long> indexes) {
        BlobMetadata meta = blob.meta;
        Garbage garbage = new Garbage();
        for (long index : indexes) {
            int cluster = meta.clusters.get(index);
            if (cluster != 0) {
                garbage.cluster(cluster);
                meta.clusters.set(index, 0);
            }
        }
        if (garbage.clusterCount == 0) {
            return Async.done();
        }
        if (meta.extentPages == null) {
            blob.dirty = true;
            return persist(blob).thenCompose(_ -> dispose(blob, garbage));
        }
        Pages pages = new Pages();
        return store.markDirty()
                .thenCompose(_ -> {
                    indexes.stream()
                            .map(ClusterMap::pieceOf)
                            .distinct()
                            .forEach(piece -> {
                                if (meta.extentPages[piece] != 0) {
                                    MemorySegment page = pages.take();
                                    meta.encodeExtentPage(page, piece);
                                    pages.write(meta.extentPages[piece], page);
                                }
                            });
                    return pages.written();
                })
                .whenComplete((_, _) -> pages.free())
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> dispose(blob, garbage))
                .whenComplete((_, problem) -> {
                    if (problem != null) {
                        store.failStop(Async.cause(problem));
                    }
                });
    }
}
