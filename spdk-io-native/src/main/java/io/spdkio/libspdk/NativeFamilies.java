package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.spi.BlobErrors;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.spdk_blob_xattr_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Snapshots, clones and what becomes of them. Blobs are deleted here, too, as an only clone takes over what its
 * snapshot has. On the metadata thread.
 */
final class NativeFamilies {
    private final NativeBlobstore store;
    private final SpdkRuntime runtime;
    private final BlobIds ids;
    private final NewBlobs newBlobs;
    private final BlobRelations relations;
    private final BlobExclusion exclusion;

    /** What blobstore still reads from. */
    private final Set<Arena> inUse = new HashSet<>();

    NativeFamilies(
            NativeBlobstore store,
            SpdkRuntime runtime,
            BlobIds ids,
            NewBlobs newBlobs,
            BlobRelations relations,
            BlobExclusion exclusion) {
        this.store = store;
        this.runtime = runtime;
        this.ids = ids;
        this.newBlobs = newBlobs;
        this.relations = relations;
        this.exclusion = exclusion;
    }

    /** What is known of those of the family that are open is taken anew at the end: of its members before and then. */
    private <T> CompletableFuture<T> changing(long id, Supplier<CompletableFuture<T>> operation) {
        Set<Long> before = store.openBlobs().areNone() ? Set.of() : relations.family(id);
        return operation
                .get()
                .whenComplete((_, _) -> {
                    if (!store.openBlobs().areNone() && !store.bs().isGone()) {
                        before.forEach(store.openBlobs()::refresh);
                        relations.family(id).forEach(store.openBlobs()::refresh);
                    }
                });
    }

    // ---- deleting

    CompletionStage<Void> delete(long id) {
        store.requireBlob(id);
        String what = "deleting " + BlobIds.name(id) + " of " + store;
        // An only clone takes over what the blob has.
        List<Long> clones = relations.clonesOf(id);
        Supplier<CompletableFuture<Void>> delete =
                () ->
                        store.operations()
                                .runWithoutExternal(
                                        what,
                                        argument ->
                                                BlobH.spdk_bs_delete_blob(
                                                        store.bs().pointer(), id, store.calls().onStatus(), argument))
                                .thenRun(() -> ids.remove(id));
        CompletableFuture<Void> deletion =
                changing(
                        id,
                        () ->
                                clones.size() == 1
                                        ? merge(what, id, clones.getFirst(), delete)
                                        : exclusion.exclusively(
                                                what,
                                                List.of(id),
                                                OptionalLong.empty(),
                                                () -> exclusion.inTurn(id, delete)));
        return ids.deleting(id, deletion);
    }

    /** Deletes a snapshot with one clone. */
    private CompletableFuture<Void> merge(String what, long id, long clone, Supplier<CompletableFuture<Void>> delete) {
        Supplier<CompletableFuture<Void>> reserved =
                () ->
                        store.room()
                                .reserve(
                                        what,
                                        () -> store.room().toMerge(id, clone),
                                        () -> mergeNow(what, id, clone, delete));
        Supplier<CompletableFuture<Void>> quiet =
                () -> exclusion.quietly(clone, () -> store.openBlobs().written(clone, reserved));
        return exclusion.exclusively(
                what,
                List.of(id, clone),
                OptionalLong.empty(),
                () -> exclusion.inTurn(id, () -> exclusion.inTurn(clone, quiet)));
    }

    private CompletableFuture<Void> mergeNow(
            String what, long id, long clone, Supplier<CompletableFuture<Void>> delete) {
        store.checkUsable();
        StoreHead head =
                store.device().superBlock().flatMap(bytes -> StoreHead.in(MemorySegment.ofArray(bytes))).orElseThrow();
        StoreIo io = new StoreIo(runtime, store.thread(), store.bdev(), store.device(), what);
        return store.operations()
                .holding(
                        what,
                        clone,
                        _ -> AdoptedExtents.fit(io, head, runtime.memory(), id, clone, delete, store.device()::fail));
    }

    // ---- snapshots and clones

    private interface Deriving {
        void call(MemorySegment bs, long id, MemorySegment xattrs, MemorySegment onValue, MemorySegment argument);
    }

    /**
     * What makes a blob of another one; blobstore says {@code -EINVAL} when that is of the wrong kind, and only then.
     */
    private CompletionStage<Long> derive(
            String what,
            long id,
            boolean changes,
            Map<String, byte[]> xattrs,
            Supplier<MetadataRoom.Need> pages,
            Function<Object, SpdkException> wrongKind,
            Deriving start) {
        store.requireBlob(id);
        newBlobs.requireXattrs(xattrs);
        // Blobstore reads the attributes in the middle of its work.
        Arena arena = Arena.ofAuto();
        MemorySegment struct = spdk_blob_xattr_opts.allocate(arena);
        StoreDevice.xattrs(struct, xattrs, arena);
        String named = BlobIds.name(id) + " of " + store;
        String all = what + " of " + named;
        Supplier<CompletableFuture<Long>> made =
                () -> {
                    // Not before, as who is refused with an exception would leave it there.
                    inUse.add(arena);
                    int before = store.writesOf(id);
                    BlobCalls.Start call =
                            argument -> start.call(store.bs().pointer(), id, struct, store.calls().onValue(), argument);
                    return store.room()
                            .reserve(all, pages, () -> deriveNow(all, call))
                            .thenCompose(newId -> {
                                if (changes) {
                                    newBlobs.requireWritten(all, id, before);
                                }
                                return newBlobs.created(all, newId);
                            });
                };
        return changing(
                id,
                () ->
                        (changes
                                        ? store.exclusively(all, id, OptionalLong.empty(), made)
                                        : exclusion.exclusively(all, List.of(), OptionalLong.of(id), made))
                                .exceptionallyCompose(problem ->
                                        CompletableFuture.failedFuture(
                                                StoreErrors.unwrapped(problem) instanceof SpdkException refused
                                                                && refused.status() == -Errno.EINVAL
                                                        ? wrongKind.apply(named)
                                                        : problem))
                                .whenComplete((_, _) -> inUse.remove(arena)));
    }

    /** Blobstore opens the blob that it has just created, which must not fail. */
    private CompletableFuture<Long> deriveNow(String what, BlobCalls.Start start) {
        store.device().remember(true);
        CompletableFuture<Long> derived =
                CompletableFuture.<Void>completedFuture(null)
                        .thenCompose(_ -> store.operations().begin(what, start))
                        .whenComplete((_, _) -> store.device().remember(false));
        return MissingRoom.explain(store, what, () -> 0, derived);
    }

    CompletionStage<Long> snapshot(long id, Map<String, byte[]> xattrs) {
        return derive(
                "a snapshot",
                id,
                true,
                xattrs,
                () -> store.room().toSnapshot(id, xattrs),
                BlobErrors::snapshotOfReadOnly,
                BlobH::spdk_bs_create_snapshot);
    }

    CompletionStage<Long> cloneOf(long id, Map<String, byte[]> xattrs) {
        return derive(
                "a clone",
                id,
                false,
                xattrs,
                () -> store.room().toClone(xattrs),
                BlobErrors::cloneOfWritable,
                BlobH::spdk_bs_create_clone);
    }

    // ---- letting go of the parent

    private interface Copying {
        void call(MemorySegment bs, MemorySegment channel, long id, MemorySegment onStatus, MemorySegment argument);
    }

    /** An operation that does blob I/O, for which it needs a channel. */
    private CompletionStage<Void> copying(
            String what, long id, Supplier<CompletableFuture<Void>> check, Copying start) {
        store.requireBlob(id);
        return changing(
                id,
                () ->
                        store.exclusively(
                                what,
                                id,
                                relations.parentOf(id),
                                () ->
                                        check.get()
                                                .thenCompose(_ ->
                                                        exclusion.copying(() ->
                                                                store.room()
                                                                        .reserve(
                                                                                what,
                                                                                () -> store.room().toAllocate(id),
                                                                                () -> copy(what, id, start))))));
    }

    private CompletableFuture<Void> copy(String what, long id, Copying start) {
        store.checkUsable();
        MemorySegment channel = store.thread().as(() -> BlobH.spdk_bs_alloc_io_channel(store.bs().pointer()));
        if (channel.address() == 0) {
            throw store.errors().of(what, -Errno.ENOMEM);
        }
        // The device may have gone since, but the channel is there.
        return CompletableFuture.<Void>completedFuture(null)
                .thenCompose(_ ->
                        store.operations()
                                .run(
                                        what,
                                        argument ->
                                                start.call(
                                                        store.bs().pointer(),
                                                        channel,
                                                        id,
                                                        store.calls().onStatus(),
                                                        argument)))
                .whenComplete((_, _) ->
                        store.thread()
                                .as(() -> {
                                    BlobH.spdk_bs_free_io_channel(channel);
                                    return null;
                                }));
    }

    CompletionStage<Void> inflate(long id) {
        String what = "inflating " + BlobIds.name(id) + " of " + store;
        return MissingRoom.explainCopying(
                store,
                what,
                id,
                OptionalLong.empty(),
                copying(what, id, () -> CompletableFuture.completedFuture(null), BlobH::spdk_bs_inflate_blob));
    }

    CompletionStage<Void> decouple(long id) {
        String what = "decoupling " + BlobIds.name(id) + " of " + store + " from its parent";
        CompletionStage<Void> done =
                copying(what, id, () -> requireNoLarger(what, id), BlobH::spdk_bs_blob_decouple_parent);
        return MissingRoom.explainCopying(store, what, id, relations.parentOf(id), done)
                .exceptionallyCompose(problem -> {
                    // Of the parent's parent it knows only that it is no blob, and looks for one all the same.
                    boolean external =
                            StoreErrors.unwrapped(problem) instanceof SpdkException refused
                                    && refused.status() == -Errno.ENOENT;
                    return CompletableFuture.failedFuture(
                            external
                                    ? cannotDecouple(
                                            what,
                                            "The parent is a clone of another device, which SPDK does not hand on")
                                    : problem);
                });
    }

    private static SpdkException cannotDecouple(String what, String why) {
        return SpdkException.withMessage(what + ": EOPNOTSUPP. " + why + "; inflate the blob", -Errno.EOPNOTSUPP);
    }

    /** Up to v26.01 at least blobstore reads past the end of what it knows of a parent that is smaller. */
    private CompletableFuture<Void> requireNoLarger(String what, long id) {
        OptionalLong parent = relations.parentOf(id);
        if (parent.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        return clustersOf(parent.getAsLong())
                .thenCombine(
                        clustersOf(id),
                        (there, mine) -> {
                            if (mine > there) {
                                throw cannotDecouple(what, "It is larger than its parent, and SPDK can't then");
                            }
                            return null;
                        });
    }

    private CompletableFuture<Long> clustersOf(long id) {
        Optional<NativeBlob> opened = store.openBlobs().get(id);
        if (opened.isPresent()) {
            return CompletableFuture.completedFuture(opened.get().clusters());
        }
        String what = "looking at " + BlobIds.name(id) + " of " + store;
        return store.operations()
                .holding(
                        what,
                        id,
                        address ->
                                CompletableFuture.completedFuture(
                                        BlobH.spdk_blob_get_num_clusters(MemorySegment.ofAddress(address))));
    }
}
