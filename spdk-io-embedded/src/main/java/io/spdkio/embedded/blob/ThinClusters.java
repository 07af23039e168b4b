package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.embedded.blob.ThinChanges.Insertion;
import io.spdkio.embedded.blob.ThinChanges.Release;
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
        return blob.thinChanges == null || blob.thinChanges.allocating.isEmpty()
                ? Async.done()
                : MetadataIo.all(List.copyOf(blob.thinChanges.allocating.values())).handle((_, _) -> null);
    }

    /** Allocates a cluster for a place in a blob, unless it has one, and fills it from the parent. */
    CompletableFuture<Void> allocate(EmbeddedBlob blob, long index) {
        Insertion insertion;
        try {
            store.checkUsable();
            if (index >= blob.meta.clusters.count()) {
                throw SpdkException.withMessage(blob + " has become smaller: EINVAL", -Errno.EINVAL);
            }
            if (blob.meta.clusters.get(index) != 0) {
                return Async.done();
            }
            Insertion already = blob.thinChanges().allocating.get(index);
            if (already != null) {
                return already;
            }
            insertion = new Insertion(index, space.takeCluster());
        } catch (SpdkException e) {
            return CompletableFuture.failedFuture(e);
        }
        blob.thinChanges().allocating.put(index, insertion);
        CompletableFuture<Void> filled = families.fill(blob, index, insertion.cluster);
        if (filled == Async.done()) {
            insert(blob, insertion);
        } else {
            Async.whenDone(
                    filled,
                    (_, problem) -> {
                        if (problem == null) {
                            insert(blob, insertion);
                        } else {
                            endAllocation(blob, insertion, problem);
                        }
                    });
        }
        return insertion;
    }

    private void endAllocation(EmbeddedBlob blob, Insertion insertion, Throwable problem) {
        blob.thinChanges.allocating.remove(insertion.index);
        if (problem == null) {
            insertion.complete(null);
        } else {
            if (!store.hasFailed()) {
                // It may hold a copy of something, which the next one to get it must not see.
                writer.releaseUnused(blob, insertion.cluster);
            }
            insertion.completeExceptionally(Async.cause(problem));
        }
    }

    private void insert(EmbeddedBlob blob, Insertion insertion) {
        ThinChanges changes = blob.thinChanges;
        changes.insertions.add(insertion);
        if (!changes.inserting) {
            changes.inserting = true;
            var _ = new Inserting(blob, changes).begin();
        }
    }

    /** Writes down all that has come, and then what has come meanwhile. */
    private final class Inserting extends Steps<Void> {
        private final EmbeddedBlob blob;
        private final ThinChanges changes;
        private List<Insertion> due = List.of();

        Inserting(EmbeddedBlob blob, ThinChanges changes) {
            this.blob = blob;
            this.changes = changes;
        }

        @Override
        void step(int number) {
            if (number == 0) {
                await(blob.writing.run(this::write));
            } else {
                tell(null);
            }
        }

        @Override
        void failed(Throwable cause) {
            tell(cause);
        }

        private CompletableFuture<Void> write() {
            due = changes.insertions;
            changes.insertions = new ArrayList<>();
            return writer.insert(blob, due);
        }

        private void tell(Throwable problem) {
            due.forEach(it -> endAllocation(blob, it, problem));
            if (changes.insertions.isEmpty()) {
                changes.inserting = false;
                end(null);
            } else {
                goTo(0);
            }
        }
    }

    /** Gives a cluster of a thin blob back. */
    CompletableFuture<Void> release(EmbeddedBlob blob, long index) {
        try {
            store.checkUsable();
        } catch (SpdkException e) {
            return CompletableFuture.failedFuture(e);
        }
        ThinChanges changes = blob.thinChanges();
        Release release = new Release(index);
        changes.releases.add(release);
        if (!changes.releasing) {
            changes.releasing = true;
            Async.whenDone(
                    Async.loop(() -> !changes.releases.isEmpty(), () -> releaseAll(blob, changes)),
                    (_, _) -> changes.releasing = false);
        }
        return release;
    }

    private CompletableFuture<Void> releaseAll(EmbeddedBlob blob, ThinChanges changes) {
        List<Release> due = new ArrayList<>();
        return store.quietly(
                        List.of(blob),
                        () ->
                                blob.writing.run(() -> {
                                    due.addAll(changes.releases);
                                    changes.releases.clear();
                                    Set<Long> indexes = new LinkedHashSet<>();
                                    due.forEach(it -> indexes.add(it.index));
                                    return keepsAll(blob)
                                            ? unmap(blob, indexes)
                                            : writer.remove(blob, List.copyOf(indexes));
                                }))
                .handle((_, problem) -> {
                    for (Release it : due) {
                        if (problem == null) {
                            it.complete(null);
                        } else {
                            it.completeExceptionally(Async.cause(problem));
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
