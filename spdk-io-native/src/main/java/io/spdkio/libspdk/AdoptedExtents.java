package io.spdkio.libspdk;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The extent page that a clone takes over when its snapshot is deleted, made to fit.
 *
 * <p>Where the clone has no extent page of its own SPDK (v26.01) gives it that of the snapshot as it is. When one of
 * them was resized since they had the same clusters, the last page of the smaller one has not as many as the clone
 * needs. All is well in memory then, but what is opened later has another size, has clusters that may be another blob's
 * by now, or can't be opened at all.
 *
 * <p>A page that has too few is made longer before anything else happens, so that the clone never refers to one that is
 * too short; a page that has too many is cut off afterwards, so that the snapshot has what it had until then. After a
 * power cut in between a page is too long for its blob, which {@link UnfinishedResizes} mends.
 *
 * <p>On the metadata thread, while nothing else uses the two and the clone is open.
 */
final class AdoptedExtents {
    private final MetadataPages pages;
    private final Runnable giveUp;

    /** Empty when none has to be changed. */
    private OptionalLong page = OptionalLong.empty();

    private int has;
    private int needs;

    private AdoptedExtents(MetadataPages pages, Runnable giveUp) {
        this.pages = pages;
        this.giveUp = giveUp;
    }

    /**
     * Does something that gives a clone what it needs of its snapshot.
     *
     * @param io the store's device
     * @param head of the store
     * @param memory where pages are read to
     * @param deletion deletes the snapshot, or fails and leaves it as it was
     * @param giveUp called when what is on the device is not what blobstore takes it for: nothing may be written then
     */
    static CompletableFuture<Void> fit(
            StoreIo io,
            StoreHead head,
            Memory memory,
            long snapshot,
            long clone,
            Supplier<CompletableFuture<Void>> deletion,
            Runnable giveUp) {
        Arena arena = Arena.ofShared();
        MemorySegment buffer = memory.allocate(MetadataPage.SIZE_BYTES, MetadataPage.SIZE_BYTES, arena);
        AdoptedExtents extents = new AdoptedExtents(new MetadataPages(io, head, buffer), giveUp);
        return extents.look(snapshot, clone)
                .thenCompose(_ -> extents.lengthen())
                .thenCompose(_ -> deletion.get().exceptionallyCompose(extents::undo))
                .thenCompose(_ -> extents.cutOff())
                .whenComplete((_, _) -> arena.close());
    }

    private CompletableFuture<Void> look(long snapshot, long clone) {
        return pages.blob(snapshot)
                .thenCompose(from ->
                        pages.blob(clone)
                                .thenAccept(to -> {
                                    if (from.isWhole() && to.isWhole()) {
                                        compare(from, to);
                                    }
                                }));
    }

    private void compare(BlobPages snapshot, BlobPages clone) {
        int last = (int) MetadataPage.entriesFor(Math.min(snapshot.leastClusters(), clone.leastClusters())) - 1;
        if (last < 0 || clone.extentPage(last).isPresent()) {
            return;
        }
        page = snapshot.extentPage(last);
        if (page.isPresent()) {
            has = MetadataPage.clustersIn(last, snapshot.leastClusters());
            needs = MetadataPage.clustersIn(last, clone.leastClusters());
        }
    }

    /** Blobstore may not have written anything since it loaded the store. */
    private CompletableFuture<Void> lengthen() {
        return needs > has
                ? pages.markDirty().thenCompose(_ -> resize(needs))
                : CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> undo(Throwable problem) {
        CompletableFuture<Void> undone = needs > has ? orGiveUp(resize(has)) : CompletableFuture.completedFuture(null);
        return undone.handle((_, _) -> null).thenCompose(_ -> CompletableFuture.failedFuture(problem));
    }

    private CompletableFuture<Void> cutOff() {
        return needs < has ? orGiveUp(resize(needs)) : CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> orGiveUp(CompletableFuture<Void> resized) {
        return resized.whenComplete((_, problem) -> {
            if (problem != null) {
                giveUp.run();
            }
        });
    }

    private CompletableFuture<Void> resize(int count) {
        return pages.resizeExtents(page.orElseThrow(), count);
    }
}
