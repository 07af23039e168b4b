package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;

/**
 * Looks at a store that is not loaded and lists what is wrong with it: checksums, chains of metadata that are broken,
 * clusters that two blobs have, parents that are not there, and, after a clean unload, what the maps of what is used
 * say that is not so.
 */
public final class StoreChecker {
    private final PageSource source;
    private final long deviceBytes;
    private final List<String> problems = new ArrayList<>();

    private StoreChecker(PageSource source, long deviceBytes) {
        this.source = source;
        this.deviceBytes = deviceBytes;
    }

    /**
     * Checks a store.
     *
     * @param source where it lies
     * @param deviceBytes how large that is
     * @param memory gives memory to read into, of a number of bytes; it is used until this has completed
     * @return completes with what is wrong, one line each; empty when nothing is
     */
    public static CompletableFuture<List<String>> check(
            PageSource source, long deviceBytes, LongFunction<MemorySegment> memory) {
        StoreChecker checker = new StoreChecker(source, deviceBytes);
        CompletableFuture<Void> done;
        try {
            done = checker.check(memory);
        } catch (RuntimeException e) {
            done = CompletableFuture.failedFuture(e);
        }
        return done.handle((_, problem) -> {
            Throwable cause = problem == null ? null : Async.cause(problem);
            if (cause instanceof CorruptStoreException) {
                checker.problems.add(cause.getMessage());
            } else if (problem != null) {
                throw new java.util.concurrent.CompletionException(cause);
            }
            return checker.problems;
        });
    }

    private CompletableFuture<Void> check(LongFunction<MemorySegment> memory) {
        if (deviceBytes < SuperBlock.SIZE_BYTES) {
            throw new CorruptStoreException("there are only " + deviceBytes + " bytes");
        }
        MemorySegment page = memory.apply(SuperBlock.SIZE_BYTES);
        return source.read(0, page)
                .thenCompose(_ -> {
                    SuperBlock superBlock = SuperBlock.decode(page, deviceBytes);
                    StoreScan scan =
                            new StoreScan(
                                    superBlock,
                                    source,
                                    memory,
                                    null,
                                    true,
                                    problem -> problems.add(problem.getMessage()));
                    scan.visit(this::look);
                    return scan.run()
                            .thenCompose(_ -> {
                                checkParents(scan);
                                return superBlock.isClean() && superBlock.hasBlobIdMask()
                                        ? checkMasks(superBlock, scan, memory)
                                        : Async.done();
                            });
                });
    }

    private void look(BlobMetadata blob) {
        if (blob.isExternalClone() && !blob.internalXattrs.containsKey(BlobMetadata.EXTERNAL_SNAPSHOT_ID)) {
            problems.add("blob 0x%x: it is a clone of another device and does not say of which".formatted(blob.id));
        }
        if (!blob.isThin() && blob.internalXattrs.containsKey(BlobMetadata.PARENT)) {
            problems.add("blob 0x%x: it has a parent and is not thin".formatted(blob.id));
        }
    }

    private void checkParents(StoreScan scan) {
        Map<Long, Long> parents = scan.parents();
        parents.forEach((id, parent) -> {
            long page = MetadataPage.firstPage(parent);
            if (parent != MetadataPage.blobId(page) || !scan.blobIds().get(page)) {
                problems.add("blob 0x%x: its parent 0x%x does not exist".formatted(id, parent));
            }
            Long at = parent;
            for (int steps = 0; at != null; steps++) {
                if (at.equals(id) || steps > parents.size()) {
                    problems.add("blob 0x%x: it is a clone of itself".formatted(id));
                    break;
                }
                at = parents.get(at);
            }
        });
    }

    private CompletableFuture<Void> checkMasks(SuperBlock block, StoreScan scan, LongFunction<MemorySegment> memory) {
        if (scan.foundUnfinished()) {
            problems.add("the store was unloaded with a snapshot half made or half deleted");
        }
        scan.halfResized()
                .forEach(id -> problems.add("blob 0x%x: the store was unloaded with it half resized".formatted(id)));
        return mask(UsedMask.PAGES, block, block.usedPageMaskStart(), block.usedPageMaskPages(), scan.pages(), memory)
                .thenCompose(_ ->
                        mask(
                                UsedMask.BLOB_IDS,
                                block,
                                block.usedBlobIdMaskStart(),
                                block.usedBlobIdMaskPages(),
                                scan.blobIds(),
                                memory))
                .thenCompose(_ ->
                        mask(
                                UsedMask.CLUSTERS,
                                block,
                                block.usedClusterMaskStart(),
                                block.usedClusterMaskPages(),
                                scan.clusters(),
                                memory));
    }

    private CompletableFuture<Void> mask(
            UsedMask kind,
            SuperBlock block,
            long startPage,
            long pages,
            Bits found,
            LongFunction<MemorySegment> memory) {
        MemorySegment mask = memory.apply(pages * block.pageSizeBytes());
        return source.read(startPage * block.pageSizeBytes(), mask)
                .thenRun(() -> {
                    Bits said = kind.decode(mask, found.capacity(), kind == UsedMask.CLUSTERS);
                    compare(kind, said, found);
                });
    }

    /** One line for each run. */
    private void compare(UsedMask kind, Bits said, Bits found) {
        long capacity = found.capacity();
        for (long i = 0; i < capacity; ) {
            boolean used = found.get(i);
            if (said.get(i) == used) {
                i++;
                continue;
            }
            long end = i + 1;
            while (end < capacity && found.get(end) == used && said.get(end) != used) {
                end++;
            }
            problems.add(
                    "the map of used %s says that %s %s, %s"
                            .formatted(
                                    kind.label(),
                                    end == i + 1 ? i + " is" : i + " to " + (end - 1) + " are",
                                    used ? "free" : "used",
                                    used ? "and a blob has that" : "and no blob has that: a leak"));
            i = end;
        }
    }
}
