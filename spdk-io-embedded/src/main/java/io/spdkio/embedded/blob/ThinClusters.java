package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.embedded.blob.format.Async;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Allocates clusters of thin blobs when they are first written, and gives them back when they are unmapped. */
final class ThinClusters {
    private final EmbeddedBlobstore store;
    private final MetadataIo io;
    private final Space space;
    private final BlobWriter writer;
    private final Families families;

    ThinClusters(EmbeddedBlobstore store, MetadataIo io, Space space, BlobWriter writer, Families families) {
        this.store = store;
        this.io = io;
        this.space = space;
        this.writer = writer;
        this.families = families;
    }

    /** Waits for what is being allocated, however it ends: its I/O may have been aborted. */
    static CompletableFuture<Void> settled(EmbeddedBlob blob) {
        return MetadataIo.all(List.copyOf(blob.allocating.values())).handle((_, _) -> null);
    }

    /** Allocates a cluster for a place in a blob, unless it has one, and fills it from the parent. */
    CompletableFuture<Void> allocate(EmbeddedBlob blob, long index) {
        try {
            store.checkUsable();
            if (index >= blob.meta.clusters.count()) {
                throw SpdkException.withMessage(blob + " has become smaller: EINVAL", -Errno.EINVAL);
            }
        } catch (SpdkException e) {
            return CompletableFuture.failedFuture(e);
        }
        if (blob.meta.clusters.get(index) != 0) {
            return Async.done();
        }
        CompletableFuture<Void> already = blob.allocating.get(index);
        if (already != null) {
            return already;
        }
        int cluster;
        try {
            cluster = space.takeCluster();
        } catch (SpdkException e) {
            return CompletableFuture.failedFuture(e);
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        blob.allocating.put(index, done);
        Async.whenDone(
                families.fill(blob, index, cluster),
                (_, problem) -> {
                    if (problem == null) {
                        blob.insertions.add(new EmbeddedBlob.Insertion(index, cluster, done));
                        insert(blob);
                    } else {
                        endAllocation(blob, index, cluster, done, problem);
                    }
                });
        return done;
    }

    private void endAllocation(
            EmbeddedBlob blob, long index, int cluster, CompletableFuture<Void> done, Throwable problem) {
        blob.allocating.remove(index);
        if (problem == null) {
            done.complete(null);
        } else {
            if (!store.hasFailed()) {
                // It may hold a copy of something, which the next one to get it must not see.
                writer.releaseUnused(blob, cluster);
            }
            done.completeExceptionally(Async.cause(problem));
        }
    }

    /** Writes down all that has come, and then what has come meanwhile. */
    private void insert(EmbeddedBlob blob) {
        if (blob.inserting) {
            return;
        }
        blob.inserting = true;
        Async.whenDone(
                Async.loop(
                        () -> !blob.insertions.isEmpty(),
                        () ->
                                blob.writing.run(() -> {
                                    List<EmbeddedBlob.Insertion> due = List.copyOf(blob.insertions);
                                    blob.insertions.clear();
                                    return insertNow(blob, due);
                                })),
                (_, _) -> blob.inserting = false);
    }

    private CompletableFuture<Void> insertNow(EmbeddedBlob blob, List<EmbeddedBlob.Insertion> due) {
        CompletableFuture<Void> written;
        try {
            written = writer.insert(blob, due);
        } catch (RuntimeException e) {
            written = CompletableFuture.failedFuture(e);
        }
        return written.handle((_, problem) -> {
            due.forEach(it -> endAllocation(blob, it.index(), it.cluster(), it.done(), problem));
            return null;
        });
    }

    /** Gives a cluster of a thin blob back. */
    CompletableFuture<Void> release(EmbeddedBlob blob, long index) {
        try {
            store.checkUsable();
        } catch (SpdkException e) {
            return CompletableFuture.failedFuture(e);
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        blob.releases.add(new EmbeddedBlob.Release(index, done));
        if (!blob.releasing) {
            blob.releasing = true;
            Async.whenDone(
                    Async.loop(() -> !blob.releases.isEmpty(), () -> releaseAll(blob)),
                    (_, _) -> blob.releasing = false);
        }
        return done;
    }

    private CompletableFuture<Void> releaseAll(EmbeddedBlob blob) {
        List<EmbeddedBlob.Release> due = new ArrayList<>();
        return store.quietly(
                        List.of(blob),
                        () ->
                                blob.writing.run(() -> {
                                    due.addAll(blob.releases);
                                    blob.releases.clear();
                                    Set<Long> indexes = new LinkedHashSet<>();
                                    due.forEach(it -> indexes.add(it.index()));
                                    return keepsAll(blob)
                                            ? unmap(blob, indexes)
                                            : writer.remove(blob, List.copyOf(indexes));
                                }))
                .handle((_, problem) -> {
                    for (EmbeddedBlob.Release it : due) {
                        if (problem == null) {
                            it.done().complete(null);
                        } else {
                            it.done().completeExceptionally(Async.cause(problem));
                        }
                    }
                    return null;
                });
    }

    /** Whether something is under way, or has happened, that counts on the clusters; they are only cleared then. */
    private static boolean keepsAll(EmbeddedBlob blob) {
        return blob.locked || blob.hasParent() || !blob.meta.isThin();
    }

    private CompletableFuture<Void> unmap(EmbeddedBlob blob, Set<Long> indexes) {
        List<CompletableFuture<Void>> steps = new ArrayList<>();
        for (long index : indexes) {
            int cluster = blob.meta.clusters.get(index);
            if (cluster != 0 && io.unmaps()) {
                steps.add(io.unmap((cluster & 0xffff_ffffL) * store.clusterSizeBytes(), store.clusterSizeBytes()));
            }
        }
        return MetadataIo.all(steps);
    }
}
