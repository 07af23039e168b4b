package io.spdkio.libspdk;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Ends what a power cut has left unfinished, before SPDK loads the store, where its own recovery would lose something
 * or end the process: {@link UnfinishedSnapshots} and {@link UnfinishedResizes}.
 *
 * <p>Of a store that was unloaded it reads the super block and no more. Of others it reads all metadata, a megabyte at
 * a time, and then those pages again that belong to what may be unfinished.
 */
final class StoreRepair {
    private static final int CHUNK_BYTES = StoreHead.MAX_PAGE_BYTES;

    private final StoreIo io;
    private final Memory memory;
    private final boolean always;

    /** Recovery is certain when the user has asked for it. */
    StoreRepair(StoreIo io, Memory memory, boolean always) {
        this.io = io;
        this.memory = memory;
        this.always = always;
    }

    /**
     * Does it.
     *
     * @param met told of the store first, if there is one; what it throws ends this
     */
    CompletableFuture<Void> run(Consumer<StoreHead> met) {
        if (io.sizeBytes() < StoreHead.SUPER_BLOCK_BYTES) {
            return CompletableFuture.completedFuture(null);
        }
        Arena arena = Arena.ofShared();
        MemorySegment buffer = memory.allocate(CHUNK_BYTES, StoreHead.SUPER_BLOCK_BYTES, arena);
        return io.read(buffer.asSlice(0, StoreHead.SUPER_BLOCK_BYTES), 0)
                .thenCompose(_ -> {
                    Optional<StoreHead> head = StoreHead.in(buffer);
                    head.ifPresent(met);
                    return head.filter(this::needsRecovery)
                            .map(it -> repair(new MetadataPages(io, it, buffer)))
                            .orElseGet(() -> CompletableFuture.completedFuture(null));
                })
                .whenComplete((_, _) -> arena.close());
    }

    private boolean needsRecovery(StoreHead head) {
        return (always || head.needsRecovery())
                && (head.mdStart() + head.mdPages()) * head.pageBytes() <= io.sizeBytes();
    }

    /** Snapshots first: those that are dropped have their extent pages in common with other blobs. */
    private static CompletableFuture<Void> repair(MetadataPages pages) {
        UnfinishedSnapshots snapshots = new UnfinishedSnapshots(pages);
        UnfinishedResizes resizes = new UnfinishedResizes(pages);
        Seen seen = new Seen();
        return pages.scan(
                        (number, page) -> {
                            if (page.isExtentPage()) {
                                resizes.lookAtExtents(number, page);
                                return;
                            }
                            seen.begin();
                            page.visit(seen);
                            if (seen.unfinished) {
                                snapshots.suspect(page.id());
                            }
                            if (seen.clusters >= 0) {
                                resizes.lookAtTable(page.id(), seen.clusters, seen.entries, seen.last);
                            }
                        })
                .thenCompose(_ -> snapshots.end())
                .thenCompose(_ -> resizes.end());
    }

    /** What a page says, as far as repairs are about it. There are many pages, so this is used again for each. */
    private static final class Seen implements MetadataPage.Visitor {
        private boolean unfinished;

        /** Negative when there is no part of an extent table. */
        private long clusters;

        private long entries;
        private long last;

        void begin() {
            unfinished = false;
            clusters = -1;
            entries = 0;
            last = 0;
        }

        @Override
        public void internalId(String name, long value) {
            unfinished |= BlobPages.isOfUnfinished(name);
        }

        @Override
        public void table(long count) {
            clusters = count;
        }

        @Override
        public void extentPages(long page, long count) {
            entries += count;
            last = page;
        }
    }
}
