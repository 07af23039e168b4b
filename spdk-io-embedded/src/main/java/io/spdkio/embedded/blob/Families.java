package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.embedded.EmbeddedChannel;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.MetadataPage;
import io.spdkio.spi.BlobErrors;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Snapshots, clones and what becomes of them.
 *
 * <p>Making a snapshot and deleting one changes two blobs. The snapshot's metadata says that this is under way, so that
 * after a power cut it is finished or taken back: it stays if its clone refers to it.
 */
final class Families {
    private static final int CLUSTERS_AT_ONCE = 4;
    private static final long COPY_BYTES = 1 << 20;

    private final EmbeddedBlobstore store;
    private final BlobWriter writer;
    private final MetadataIo io;
    private final Parents parents;

    Families(EmbeddedBlobstore store, BlobWriter writer, MetadataIo io, Parents parents) {
        this.store = store;
        this.writer = writer;
        this.io = io;
        this.parents = parents;
    }

    private CompletableFuture<Void> persist(EmbeddedBlob blob) {
        blob.dirty = true;
        return blob.writing.run(() -> writer.persist(blob));
    }

    private static SpdkException invalid(String what) {
        return SpdkException.withMessage(what + ": EINVAL", -Errno.EINVAL);
    }

    /** Runs something with a blob that is open and locked meanwhile. */
    private <T> CompletableFuture<T> with(
            long id, String what, Function<EmbeddedBlob, CompletableFuture<T>> operation) {
        store.checkUsable();
        return new Holding<>(id, what, operation, false).begin();
    }

    /** Runs something that relies on a blob, as others may at the same time. */
    private <T> CompletableFuture<T> sharing(
            long id, String what, Function<EmbeddedBlob, CompletableFuture<T>> operation) {
        store.checkUsable();
        return new Holding<>(id, what, operation, true).begin();
    }

    /** Has a blob open, and locked or shared, during an operation. */
    private final class Holding<T> extends Steps<T> {
        private static final int LET_GO = 3;

        private final long id;
        private final String what;
        private final Function<EmbeddedBlob, CompletableFuture<T>> operation;
        private final boolean shares;
        private CompletableFuture<EmbeddedBlob> taken;
        private EmbeddedBlob blob;
        private boolean held;
        private boolean lettingGo;
        private CompletableFuture<T> running;

        /** What the operation failed with. */
        private Throwable first;

        Holding(long id, String what, Function<EmbeddedBlob, CompletableFuture<T>> operation, boolean shares) {
            this.id = id;
            this.what = what;
            this.operation = operation;
            this.shares = shares;
        }

        @Override
        void step(int number) {
            switch (number) {
                case 0 -> {
                    taken = store.take(id);
                    await(taken);
                }
                case 1 -> {
                    blob = taken.join();
                    if (shares) {
                        store.share(blob, what);
                    } else {
                        store.lock(blob, what);
                    }
                    held = true;
                }
                case 2 -> {
                    running = operation.apply(blob);
                    await(running);
                }
                case LET_GO -> {
                    lettingGo = true;
                    if (held && shares) {
                        blob.shared--;
                    } else if (held) {
                        blob.locked = false;
                    }
                    await(store.give(blob));
                }
                default -> {
                    if (first == null) {
                        end(running.join());
                    } else {
                        fail(first);
                    }
                }
            }
        }

        @Override
        void failed(Throwable cause) {
            if (first == null) {
                first = cause;
            }
            if (blob == null || lettingGo) {
                fail(first);
            } else {
                goTo(LET_GO);
            }
        }
    }

    /** Does something at the end in any case; the first failure counts. */
    private static <T> CompletableFuture<T> settled(
            CompletableFuture<T> first, Supplier<CompletableFuture<Void>> last) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Async.whenDone(
                first,
                (value, problem) ->
                        Async.whenDone(
                                last.get(),
                                (_, another) -> {
                                    if (problem != null) {
                                        result.completeExceptionally(Async.cause(problem));
                                    } else if (another != null) {
                                        result.completeExceptionally(Async.cause(another));
                                    } else {
                                        result.complete(value);
                                    }
                                }));
        return result;
    }

    /** The blob and all open ones that read through it. */
    private List<EmbeddedBlob> withDescendants(EmbeddedBlob blob) {
        List<EmbeddedBlob> all = new ArrayList<>();
        for (EmbeddedBlob other : store.openBlobs()) {
            for (EmbeddedBlob at = other; at != null; at = at.parent) {
                if (at == blob) {
                    all.add(other);
                    break;
                }
            }
        }
        return all;
    }

    // ---- filling a cluster from the parent

    CompletableFuture<Void> fill(EmbeddedBlob blob, long index, int cluster) {
        EmbeddedBlob last = blob;
        for (EmbeddedBlob at = blob.parent; at != null; at = at.parent) {
            if (index >= at.meta.clusters.count()) {
                return Async.done();
            }
            int from = at.meta.clusters.get(index);
            if (from != 0) {
                return io.copy(offsetOf(from), offsetOf(cluster), store.clusterSizeBytes())
                        .thenCompose(_ -> io.flush());
            }
            last = at;
        }
        if (last.backing != null) {
            return copyFrom(last.backing, index, cluster).thenCompose(_ -> io.flush());
        }
        return last.meta.isExternalClone()
                ? CompletableFuture.failedFuture(
                        new SpdkException.NotFound(
                                "the device that " + last + " is a clone of is not there", -Errno.ENODEV))
                : Async.done();
    }

    private long offsetOf(int cluster) {
        return (cluster & 0xffff_ffffL) * store.clusterSizeBytes();
    }

    private CompletableFuture<Void> copyFrom(BackingDevice backing, long index, int cluster) {
        long begin = index * store.clusterSizeBytes();
        long length = Math.clamp(backing.sizeBytes() - begin, 0, store.clusterSizeBytes());
        if (length == 0) {
            return Async.done();
        }
        EmbeddedThread thread = io.thread();
        EmbeddedChannel channel = backing.device().openChannel(thread);
        long chunk = Math.min(COPY_BYTES, store.clusterSizeBytes());
        return io.<Void>withMemory(
                        chunk,
                        memory -> {
                            long[] done = {0};
                            return Async.loop(
                                    () -> done[0] < length,
                                    () -> {
                                        // What the device does not have of the last I/O unit is zero.
                                        memory.fill((byte) 0);
                                        long there = Math.min(chunk, length - done[0]);
                                        long unit = store.ioUnitSizeBytes();
                                        long whole = Math.min(chunk, (there + unit - 1) / unit * unit);
                                        long at = done[0];
                                        done[0] += there;
                                        return read(thread, channel, backing, begin + at, memory.asSlice(0, there))
                                                .thenCompose(_ ->
                                                        io.write(offsetOf(cluster) + at, memory.asSlice(0, whole)));
                                    });
                        })
                .whenComplete((_, _) -> channel.close());
    }

    private static CompletableFuture<Void> read(
            EmbeddedThread thread, EmbeddedChannel channel, BackingDevice backing, long offset, MemorySegment into) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        int size = backing.blockSize();
        thread.child(
                        null,
                        (_, status) -> {
                            if (status == 0) {
                                done.complete(null);
                            } else {
                                done.completeExceptionally(
                                        SpdkException.of(
                                                "reading '" + backing.device().name() + "', which a blob is a clone of",
                                                status));
                            }
                        })
                .range(IoType.READ, offset / size, into.byteSize() / size, size)
                .memory(into)
                .submit(channel);
        return done;
    }

    // ---- snapshots

    CompletableFuture<Long> snapshot(long id, Map<String, byte[]> xattrs) {
        return with(
                id,
                "a snapshot",
                blob -> {
                    if (blob.isReadOnly() || blob.mdReadOnly) {
                        throw BlobErrors.snapshotOfReadOnly(blob);
                    }
                    BlobMetadata meta = blob.meta;
                    BlobOptions how =
                            new BlobOptions(
                                    meta.clusters.count(),
                                    true,
                                    ClearMethod.DEFAULT,
                                    meta.extentPages != null,
                                    xattrs,
                                    java.util.Optional.empty());
                    return store.create(how, it -> it.setInternal(BlobMetadata.SNAPSHOT_IN_PROGRESS, id))
                            .thenCompose(newId ->
                                    store.take(newId)
                                            .thenCompose(snapshot -> {
                                                snapshot.locked = true;
                                                return settled(
                                                        store.quietly(List.of(blob), () -> handOver(blob, snapshot))
                                                                .thenApply(_ -> newId),
                                                        () -> {
                                                            snapshot.locked = false;
                                                            return store.give(snapshot);
                                                        });
                                            }));
                });
    }

    /** What a blob had before it handed its clusters over. */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares them
    private record Before(
            ClusterMap clusters, int[] table, long invalidFlags, Map<String, byte[]> internal, EmbeddedBlob parent) {
        static Before of(EmbeddedBlob blob) {
            return new Before(
                    blob.meta.clusters,
                    blob.meta.extentPages,
                    blob.meta.invalidFlags,
                    new java.util.LinkedHashMap<>(blob.meta.internalXattrs),
                    blob.parent);
        }

        void restore(EmbeddedBlob blob) {
            blob.meta.clusters = clusters;
            blob.meta.extentPages = table;
            blob.meta.invalidFlags = invalidFlags;
            blob.meta.internalXattrs.clear();
            blob.meta.internalXattrs.putAll(internal);
            blob.publish();
        }
    }

    private CompletableFuture<Void> handOver(EmbeddedBlob blob, EmbeddedBlob snapshot) {
        // What was not written yet has to be, so that the pages that are handed over are up to date.
        return blob.writing
                .run(() -> writer.persist(blob))
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> {
                    Before before = Before.of(blob);
                    Before empty = Before.of(snapshot);
                    give(blob, snapshot, before);
                    return persist(snapshot)
                            .thenCompose(_ -> {
                                cut(blob, snapshot, empty);
                                return persist(blob);
                            })
                            .handle((_, problem) -> problem)
                            .thenCompose(problem -> {
                                if (problem == null) {
                                    return finish(blob, snapshot);
                                }
                                before.restore(blob);
                                empty.restore(snapshot);
                                return takeBack(snapshot, Async.cause(problem));
                            });
                });
    }

    /** The snapshot gets everything that the blob has. */
    private static void give(EmbeddedBlob blob, EmbeddedBlob snapshot, Before had) {
        BlobMetadata to = snapshot.meta;
        to.invalidFlags = had.invalidFlags() | BlobMetadata.INTERNAL_XATTR;
        for (String name : List.of(BlobMetadata.PARENT, BlobMetadata.EXTERNAL_SNAPSHOT_ID)) {
            byte[] value = had.internal().get(name);
            if (value != null) {
                to.setInternal(name, value);
            }
        }
        to.clusters = had.clusters();
        to.extentPages = had.table();
        to.setClearMethod(blob.meta.clearMethod());
        snapshot.clearMethod = blob.clearMethod;
    }

    /** The blob becomes an empty clone of the snapshot. */
    private static void cut(EmbeddedBlob blob, EmbeddedBlob snapshot, Before empty) {
        BlobMetadata meta = blob.meta;
        meta.clusters = empty.clusters();
        meta.extentPages = empty.table();
        meta.removeInternal(BlobMetadata.EXTERNAL_SNAPSHOT_ID);
        meta.invalidFlags &= ~BlobMetadata.EXTERNAL_SNAPSHOT;
        meta.invalidFlags |= BlobMetadata.THIN;
        meta.setInternal(BlobMetadata.PARENT, snapshot.id());
    }

    private CompletableFuture<Void> finish(EmbeddedBlob blob, EmbeddedBlob snapshot) {
        snapshot.parent = blob.parent;
        snapshot.backing = blob.backing;
        blob.backing = null;
        blob.parent = snapshot;
        snapshot.children++;
        if (snapshot.parent != null) {
            parents.set(snapshot.id(), snapshot.parent.id());
        }
        parents.set(blob.id(), snapshot.id());
        snapshot.isSnapshot(true);
        snapshot.publish();
        blob.publish();
        snapshot.meta.removeInternal(BlobMetadata.SNAPSHOT_IN_PROGRESS);
        snapshot.meta.dataReadOnlyFlags |= BlobMetadata.READ_ONLY;
        snapshot.readOnlyAsSaid();
        return persist(snapshot);
    }

    /** Removes a snapshot that could not be finished. */
    private CompletableFuture<Void> takeBack(EmbeddedBlob snapshot, Throwable problem) {
        return erase(snapshot)
                .handle((_, _) -> {
                    throw new CompletionException(problem);
                });
    }

    private CompletableFuture<Void> erase(EmbeddedBlob blob) {
        blob.deleting = true;
        return blob.writing
                .run(() -> writer.erase(blob))
                .thenRun(() -> {
                    store.erased(blob.id());
                    blob.dirty = false;
                });
    }

    // ---- clones

    CompletableFuture<Long> cloneOf(long id, Map<String, byte[]> xattrs) {
        return sharing(
                id,
                "a clone",
                snapshot -> {
                    if (!snapshot.isReadOnly() || !snapshot.mdReadOnly) {
                        throw BlobErrors.cloneOfWritable(snapshot);
                    }
                    BlobOptions how =
                            new BlobOptions(
                                    snapshot.meta.clusters.count(),
                                    true,
                                    ClearMethod.DEFAULT,
                                    snapshot.meta.extentPages != null,
                                    xattrs,
                                    java.util.Optional.empty());
                    return store.create(how, it -> it.setInternal(BlobMetadata.PARENT, id))
                            .thenApply(newId -> {
                                parents.set(newId, id);
                                snapshot.isSnapshot(true);
                                return newId;
                            });
                });
    }

    CompletableFuture<Void> inflate(long id, boolean everything) {
        return with(
                id,
                "inflating",
                blob -> {
                    boolean all = everything || blob.meta.isExternalClone();
                    if (!all && blob.parent == null) {
                        throw invalid("taking " + blob + " off its parent, which it has none of");
                    }
                    if (!blob.meta.isThin()) {
                        return Async.done();
                    }
                    long needed = 0;
                    for (long i = next(blob, 0, all); i >= 0; i = next(blob, i + 1, all)) {
                        needed++;
                    }
                    store.space().require(needed, 0);
                    // What the parent has must not become more, nor its own parent another, until it is done.
                    EmbeddedBlob parent = blob.parent;
                    if (parent != null) {
                        store.share(parent, "inflating " + blob + ", a clone");
                    }
                    long[] at = {next(blob, 0, all)};
                    return Async.loop(
                                    () -> at[0] >= 0,
                                    () -> {
                                        List<CompletableFuture<Void>> several = new ArrayList<>();
                                        while (at[0] >= 0 && several.size() < CLUSTERS_AT_ONCE) {
                                            several.add(store.allocate(blob, at[0]));
                                            at[0] = next(blob, at[0] + 1, all);
                                        }
                                        return MetadataIo.all(several);
                                    })
                            .thenCompose(_ -> store.quietly(withDescendants(blob), () -> leaveParent(blob, all)))
                            .whenComplete((_, _) -> {
                                if (parent != null) {
                                    parent.shared--;
                                }
                            });
                });
    }

    /**
     * The next cluster that the blob needs of its own: all, or those that it would read otherwise without its parent.
     */
    private long next(EmbeddedBlob blob, long from, boolean all) {
        ClusterMap map = blob.meta.clusters;
        ClusterMap above = all ? null : blob.parent.meta.clusters;
        long end = all ? map.count() : Math.min(map.count(), Math.max(above.count(), shownBehind(blob.parent)));
        for (long i = from; i < end; i++) {
            if (above != null && i < above.count()) {
                long allocated = above.nextAllocated(i);
                i = allocated < 0 ? above.count() : allocated;
            }
            if (i < end && map.get(i) == 0) {
                return i;
            }
        }
        return -1;
    }

    /** Where what a parent hides by being smaller than its own ancestors ends: there it shows zeroes. */
    private long shownBehind(EmbeddedBlob parent) {
        long end = 0;
        EmbeddedBlob last = parent;
        for (EmbeddedBlob at = parent.parent; at != null; at = at.parent) {
            end = Math.max(end, at.meta.clusters.count());
            last = at;
        }
        return last.backing == null
                ? end
                : Math.max(end, (last.backing.sizeBytes() - 1) / store.clusterSizeBytes() + 1);
    }

    private CompletableFuture<Void> leaveParent(EmbeddedBlob blob, boolean all) {
        Before before = Before.of(blob);
        BlobMetadata meta = blob.meta;
        EmbeddedBlob old = blob.parent;
        EmbeddedBlob next = all || old == null ? null : old.parent;
        byte[] identity = all || old == null ? null : old.meta.internalXattrs.get(BlobMetadata.EXTERNAL_SNAPSHOT_ID);
        BackingDevice[] newBacking = {null};
        meta.removeInternal(BlobMetadata.EXTERNAL_SNAPSHOT_ID);
        meta.invalidFlags &= ~BlobMetadata.EXTERNAL_SNAPSHOT;
        if (all) {
            meta.removeInternal(BlobMetadata.PARENT);
            meta.invalidFlags &= ~BlobMetadata.THIN;
        } else if (next != null) {
            meta.setInternal(BlobMetadata.PARENT, next.id());
        } else {
            meta.removeInternal(BlobMetadata.PARENT);
            if (identity != null) {
                meta.setInternal(BlobMetadata.EXTERNAL_SNAPSHOT_ID, identity);
                meta.invalidFlags |= BlobMetadata.EXTERNAL_SNAPSHOT;
                try {
                    newBacking[0] = store.openBacking(meta);
                } catch (RuntimeException e) {
                    before.restore(blob);
                    throw e;
                }
            }
        }
        return persist(blob)
                .whenComplete((_, problem) -> {
                    if (problem != null) {
                        before.restore(blob);
                        if (newBacking[0] != null) {
                            newBacking[0].device().close();
                        }
                    }
                })
                .thenCompose(_ -> {
                    BackingDevice oldBacking = blob.backing;
                    blob.backing = newBacking[0];
                    blob.parent = next;
                    if (next != null) {
                        next.children++;
                        parents.set(blob.id(), next.id());
                    } else {
                        parents.remove(blob.id());
                    }
                    blob.publish();
                    if (oldBacking != null) {
                        oldBacking.device().close();
                    }
                    if (old == null) {
                        return Async.done();
                    }
                    old.isSnapshot(parents.hasClones(old.id()));
                    return store.give(old);
                });
    }

    // ---- deleting

    CompletableFuture<Void> delete(long id) {
        store.checkUsable();
        store.requireExists(id);
        return store.isClosed(id) && parents.isAlone(id)
                ? new DeletingClosed(id).begin()
                : store.counted(() -> deleteOpened(id));
    }

    /** Deletes a blob that nobody has open and that is in no family. It is not opened for that. */
    private final class DeletingClosed extends BlobReading<Void> {
        private static final int ERASE = READ + 1;
        private static final int LAST = ERASE + BlobWriter.Erasure.STEPS;

        private final Long id;
        private BlobWriter.Erasure erasure;

        DeletingClosed(Long id) {
            super(store, io, store.decoder(id));
            this.id = id;
            store.deletes(id, this);
        }

        @Override
        void step(int number) {
            if (number < READ) {
                super.step(number);
            } else if (number == READ) {
                if (meta().isExternalClone() || meta().internalXattrs.containsKey(BlobMetadata.PARENT)) {
                    // It depends on something that has to be there, or is damaged.
                    store.deletesNoMore(id, this);
                    await(store.counted(() -> deleteOpened(id)));
                    goTo(LAST);
                } else {
                    erasure = writer.erasure(meta(), chain(), EmbeddedBlobstore.methodOf(meta().clearMethod()));
                }
            } else if (number < LAST) {
                erasure.step(number - ERASE, this);
            } else {
                if (erasure != null) {
                    store.space().blobIds().clear(MetadataPage.firstPage(id));
                    store.deletesNoMore(id, this);
                }
                end(null);
            }
        }

        @Override
        void failed(Throwable cause) {
            if (erasure != null) {
                store.failStop(cause);
            }
            store.deletesNoMore(id, this);
            super.failed(store.opened(cause));
        }
    }

    private CompletableFuture<Void> deleteOpened(long id) {
        return with(
                id,
                "deleting",
                blob -> {
                    List<Long> clones = parents.clonesOf(id);
                    if (clones.size() > 1) {
                        throw new SpdkException.Busy(
                                "%s can't be deleted: %d clones need it; delete or inflate all but one"
                                        .formatted(blob, clones.size()),
                                -Errno.EBUSY);
                    }
                    EmbeddedBlob openClone = clones.isEmpty() ? null : store.openNow(clones.getFirst());
                    int expected = openClone == null ? 1 : 2;
                    requireUnused(blob, expected);
                    if (clones.isEmpty()) {
                        return erase(blob);
                    }
                    return with(
                            clones.getFirst(),
                            "deleting the snapshot",
                            clone -> store.quietly(withDescendants(clone), () -> merge(blob, clone)));
                });
    }

    private static void requireUnused(EmbeddedBlob blob, int children) {
        if (blob.opens > 0 || blob.children > children) {
            throw new SpdkException.Busy(blob + " can't be deleted: it is open; close it first", -Errno.EBUSY);
        }
    }

    /** From here on nobody opens the snapshot; it may have been opened since it was looked at. */
    private CompletableFuture<Void> merge(EmbeddedBlob snapshot, EmbeddedBlob clone) {
        requireUnused(snapshot, 2);
        snapshot.deleting = true;
        return mergeNow(snapshot, clone)
                .whenComplete((_, problem) -> {
                    if (problem != null) {
                        snapshot.deleting = false;
                    }
                });
    }

    /** Gives a clone what it needs of its snapshot, and erases the snapshot. */
    private CompletableFuture<Void> mergeNow(EmbeddedBlob snapshot, EmbeddedBlob clone) {
        Before before = Before.of(clone);
        BitSet adopted = new BitSet();
        return clone.writing
                .run(() -> writer.persist(clone))
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> {
                    snapshot.meta.setInternal(BlobMetadata.PENDING_REMOVAL, clone.id());
                    return persist(snapshot);
                })
                .thenCompose(_ -> {
                    takeClusters(snapshot, clone, adopted);
                    return persist(clone);
                })
                .handle((_, problem) -> problem)
                .thenCompose(problem -> {
                    if (problem != null) {
                        before.restore(clone);
                        clone.unwritten().pieces.clear();
                        snapshot.meta.removeInternal(BlobMetadata.PENDING_REMOVAL);
                        return persist(snapshot)
                                .handle((_, _) -> {
                                    throw new CompletionException(Async.cause(problem));
                                });
                    }
                    takePlace(snapshot, clone, adopted);
                    return erase(snapshot);
                });
    }

    private static void takeClusters(EmbeddedBlob snapshot, EmbeddedBlob clone, BitSet adopted) {
        BlobMetadata from = snapshot.meta;
        BlobMetadata to = clone.meta;
        ClusterMap merged = to.clusters.copy();
        BitSet changed = new BitSet();
        for (long i = from.clusters.nextAllocated(0);
                i >= 0 && i < merged.count();
                i = from.clusters.nextAllocated(i + 1)) {
            if (merged.get(i) == 0) {
                merged.set(i, from.clusters.get(i));
                changed.set(ClusterMap.pieceOf(i));
            }
        }
        to.clusters = merged;
        if (to.extentPages != null) {
            to.extentPages = to.extentPages.clone();
            for (int piece = changed.nextSetBit(0); piece >= 0; piece = changed.nextSetBit(piece + 1)) {
                // An extent page of the snapshot serves as it is when the clone has none and has as many clusters.
                if (to.extentPages[piece] == 0
                        && from.extentPages != null
                        && inPiece(from.clusters, piece) == inPiece(merged, piece)) {
                    to.extentPages[piece] = from.extentPages[piece];
                    adopted.set(piece);
                } else {
                    clone.unwritten().pieces.set(piece);
                }
            }
        }
        to.removeInternal(BlobMetadata.PARENT);
        for (String name : List.of(BlobMetadata.PARENT, BlobMetadata.EXTERNAL_SNAPSHOT_ID)) {
            byte[] value = from.internalXattrs.get(name);
            if (value != null) {
                to.setInternal(name, value);
            }
        }
        to.invalidFlags |= from.invalidFlags & BlobMetadata.EXTERNAL_SNAPSHOT;
    }

    private static long inPiece(ClusterMap map, int piece) {
        return Math.min(ClusterMap.PIECE, map.count() - (long) piece * ClusterMap.PIECE);
    }

    /** The clone stands where the snapshot stood; what it has taken is not the snapshot's any more. */
    private void takePlace(EmbeddedBlob snapshot, EmbeddedBlob clone, BitSet adopted) {
        ClusterMap had = snapshot.meta.clusters;
        for (long i = had.nextAllocated(0); i >= 0; i = had.nextAllocated(i + 1)) {
            if (clone.meta.clusters.get(i) == had.get(i)) {
                had.set(i, 0);
            }
        }
        adopted.stream().forEach(piece -> snapshot.meta.extentPages[piece] = 0);
        clone.parent = snapshot.parent;
        clone.backing = snapshot.backing;
        snapshot.parent = null;
        snapshot.backing = null;
        snapshot.children--;
        parents.remove(snapshot.id());
        if (clone.parent != null) {
            parents.set(clone.id(), clone.parent.id());
        } else {
            parents.remove(clone.id());
        }
        clone.publish();
    }

    // ---- after a power cut

    /** Finishes a snapshot that was being made, or takes back the deletion of one. */
    CompletableFuture<Void> repair(long id) {
        return store.take(id)
                .thenCompose(snapshot -> {
                    BlobMetadata meta = snapshot.meta;
                    List<Long> clones = parents.clonesOf(id);
                    meta.removeInternal(BlobMetadata.PENDING_REMOVAL);
                    meta.removeInternal(BlobMetadata.SNAPSHOT_IN_PROGRESS);
                    meta.dataReadOnlyFlags |= BlobMetadata.READ_ONLY;
                    snapshot.readOnlyAsSaid();
                    CompletableFuture<Void> clean = Async.done();
                    for (long clone : clones) {
                        clean =
                                clean.thenCompose(_ ->
                                        store.take(clone)
                                                .thenCompose(
                                                        it -> settled(unshare(snapshot, it), () -> store.give(it))));
                    }
                    return settled(clean.thenCompose(_ -> persist(snapshot)), () -> store.give(snapshot));
                });
    }

    /** A clone that was given clusters of its snapshot, which stays, gives them back. */
    private CompletableFuture<Void> unshare(EmbeddedBlob snapshot, EmbeddedBlob clone) {
        ClusterMap map = clone.meta.clusters;
        boolean changed = false;
        for (long i = map.nextAllocated(0); i >= 0; i = map.nextAllocated(i + 1)) {
            if (map.get(i) == snapshot.meta.clusters.get(i)) {
                map.set(i, 0);
                if (clone.meta.extentPages != null) {
                    clone.unwritten().pieces.set(ClusterMap.pieceOf(i));
                }
                changed = true;
            }
        }
        return changed ? persist(clone) : Async.done();
    }
}
