package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.embedded.EmbeddedMemory;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.Bits;
import io.spdkio.embedded.blob.format.CorruptStoreException;
import io.spdkio.embedded.blob.format.MetadataPage;
import io.spdkio.embedded.blob.format.StoreScan;
import io.spdkio.embedded.blob.format.SuperBlock;
import io.spdkio.embedded.blob.format.UsedMask;
import io.spdkio.spi.EngineBlobstore;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

/** Makes and loads stores. */
public final class StoreLoader {
    private final EmbeddedThread mdThread;
    private final BaseDevice base;
    private final BlobstoreOptions options;
    private final Function<String, BaseDevice> backingDevices;
    private final MetadataIo io;

    private StoreLoader(
            EmbeddedThread mdThread,
            BaseDevice base,
            BlobstoreOptions options,
            Function<String, BaseDevice> backingDevices) {
        this.mdThread = mdThread;
        this.base = base;
        this.options = options;
        this.backingDevices = backingDevices;
        this.io = new MetadataIo(base, mdThread);
    }

    /**
     * Makes a store.
     *
     * @param mdThread the calling thread
     * @param base the device, claimed; closed with the store, or when this fails
     * @param options its shape
     * @param backingDevices opens a device that a blob is a clone of, by name
     * @return completes with the store
     */
    public static CompletionStage<? extends EngineBlobstore> init(
            EmbeddedThread mdThread,
            BaseDevice base,
            BlobstoreOptions options,
            Function<String, BaseDevice> backingDevices) {
        return open(mdThread, base, options, backingDevices, StoreLoader::init);
    }

    /**
     * Loads a store.
     *
     * @param mdThread the calling thread
     * @param base the device, claimed; closed with the store, or when this fails
     * @param options what is expected
     * @param backingDevices opens a device that a blob is a clone of, by name
     * @return completes with the store
     */
    public static CompletionStage<? extends EngineBlobstore> load(
            EmbeddedThread mdThread,
            BaseDevice base,
            BlobstoreOptions options,
            Function<String, BaseDevice> backingDevices) {
        return open(mdThread, base, options, backingDevices, StoreLoader::load);
    }

    private static CompletableFuture<EmbeddedBlobstore> open(
            EmbeddedThread mdThread,
            BaseDevice base,
            BlobstoreOptions options,
            Function<String, BaseDevice> backingDevices,
            Function<StoreLoader, CompletableFuture<EmbeddedBlobstore>> how) {
        StoreLoader loader;
        try {
            loader = new StoreLoader(mdThread, base, options, backingDevices);
        } catch (Throwable e) {
            base.close();
            throw e;
        }
        CompletableFuture<EmbeddedBlobstore> opened;
        try {
            opened = how.apply(loader);
        } catch (Throwable e) {
            opened = CompletableFuture.failedFuture(e);
        }
        return opened.handle((store, problem) -> {
            if (problem == null) {
                return store;
            }
            loader.io.close();
            base.close();
            Throwable cause = Async.cause(problem);
            throw new CompletionException(
                    cause instanceof CorruptStoreException ? EmbeddedBlobstore.corrupt(base.name(), cause) : cause);
        });
    }

    private EmbeddedBlobstore store(SuperBlock superBlock, boolean clean, Space space, Map<Long, Long> parents) {
        return new EmbeddedBlobstore(
                mdThread, base, io, options, backingDevices, superBlock, clean, space, new Parents(parents));
    }

    private static SpdkException tooSmall(String what) {
        return SpdkException.withMessage(what + ": ENOSPC", -Errno.ENOSPC);
    }

    // ---- making

    private CompletableFuture<EmbeddedBlobstore> init() {
        long deviceBytes = io.deviceBytes();
        int pageBytes = options.metadataPageSizeBytes();
        if (pageBytes % io.blockSize() != 0 || SuperBlock.SIZE_BYTES % io.blockSize() != 0) {
            throw new SpdkException.Unsupported(
                    "'%s' has blocks of %,d bytes; a blobstore needs blocks that divide %,d"
                            .formatted(base.name(), io.blockSize(), MetadataPage.SIZE_BYTES),
                    -Errno.EOPNOTSUPP);
        }
        if (!base.supports(IoType.WRITE)) {
            throw new SpdkException.Busy("'" + base.name() + "' can only be read", -Errno.EPERM);
        }
        long clusters = deviceBytes / options.clusterSizeBytes();
        if (clusters == 0) {
            throw tooSmall(
                    "'%s' has %,d bytes and a cluster %,d; make clusters smaller"
                            .formatted(base.name(), deviceBytes, options.clusterSizeBytes()));
        }
        SuperBlock superBlock =
                SuperBlock.layOut(
                        deviceBytes,
                        io.blockSize(),
                        options.clusterSizeBytes(),
                        pageBytes,
                        options.metadataPages(),
                        options.type());
        long mdBytes = (superBlock.mdStart() + superBlock.mdPages()) * pageBytes;
        if (superBlock.metadataClusters() > clusters || clusters > 0xffff_ffffL) {
            throw tooSmall(
                    "'%s' has %,d clusters of %,d bytes, and the metadata of %,d pages alone needs %,d; make clusters larger or fewer metadata pages"
                            .formatted(
                                    base.name(),
                                    clusters,
                                    options.clusterSizeBytes(),
                                    superBlock.mdPages(),
                                    superBlock.metadataClusters()));
        }
        Bits used = new Bits(clusters);
        for (long i = 0; i < superBlock.metadataClusters(); i++) {
            used.set(i);
        }
        Space space = space(new Bits(superBlock.mdPages()), new Bits(superBlock.mdPages()), used);
        return MetadataIo.all(List.of(io.writeZeroes(0, mdBytes), clearData(mdBytes, deviceBytes - mdBytes)))
                .thenCompose(_ -> io.flush())
                .thenCompose(_ -> {
                    MemorySegment page = io.takePage();
                    superBlock.encode(page);
                    return io.write(0, page).whenComplete((_, _) -> io.giveBack(page));
                })
                .thenCompose(_ -> io.flush())
                .thenApply(_ -> store(superBlock, false, space, Map.of()));
    }

    private Space space(Bits pages, Bits blobIds, Bits clusters) {
        return new Space("the blobstore on '" + base.name() + "'", pages, blobIds, clusters);
    }

    private CompletableFuture<Void> clearData(long offset, long length) {
        if (length == 0) {
            return Async.done();
        }
        return switch (options.clearMethod()) {
            case DEFAULT, UNMAP -> io.unmaps() ? io.unmap(offset, length) : Async.done();
            case WRITE_ZEROES -> io.writeZeroes(offset, length);
            case NONE -> Async.done();
        };
    }

    // ---- loading

    private CompletableFuture<EmbeddedBlobstore> load() {
        if (SuperBlock.SIZE_BYTES % io.blockSize() != 0) {
            throw new SpdkException.Unsupported(
                    "'%s' has blocks of %,d bytes; a blobstore needs blocks that divide %,d"
                            .formatted(base.name(), io.blockSize(), MetadataPage.SIZE_BYTES),
                    -Errno.EOPNOTSUPP);
        }
        if (io.deviceBytes() < SuperBlock.SIZE_BYTES) {
            throw new CorruptStoreException("the device is too small for a super block");
        }
        MemorySegment page = io.takePage();
        return io.read(0, page)
                .thenApply(_ -> SuperBlock.decode(page, io.deviceBytes()))
                .whenComplete((_, _) -> io.giveBack(page))
                .thenCompose(this::load);
    }

    private CompletableFuture<EmbeddedBlobstore> load(SuperBlock superBlock) {
        if (!options.type().isEmpty() && !options.type().equals(superBlock.type())) {
            throw SpdkException.withMessage(
                    "'%s' holds a blobstore of type '%s' and not '%s': ENXIO. Load it with the right type, or the empty string for any"
                            .formatted(base.name(), superBlock.type(), options.type()),
                    -Errno.ENXIO);
        }
        if (superBlock.ioUnitSizeBytes() % io.blockSize() != 0 || superBlock.pageSizeBytes() % io.blockSize() != 0) {
            throw new CorruptStoreException(
                    "super block: the store has I/O units of %d bytes and the device blocks of %d"
                            .formatted(superBlock.ioUnitSizeBytes(), io.blockSize()));
        }
        boolean clean = superBlock.isClean() && superBlock.hasBlobIdMask() && !options.forceRecovery();
        return clean ? loadClean(superBlock) : recover(superBlock);
    }

    private CompletableFuture<Bits> readMask(
            UsedMask mask, long startPage, long pages, long bits, boolean mayBeLonger, int pageBytes) {
        return io.withMemory(
                pages * pageBytes,
                memory ->
                        io.read(startPage * pageBytes, memory).thenApply(_ -> mask.decode(memory, bits, mayBeLonger)));
    }

    private CompletableFuture<EmbeddedBlobstore> loadClean(SuperBlock block) {
        int pageBytes = block.pageSizeBytes();
        return readMask(
                        UsedMask.PAGES,
                        block.usedPageMaskStart(),
                        block.usedPageMaskPages(),
                        block.mdPages(),
                        false,
                        pageBytes)
                .thenCompose(pages ->
                        readMask(
                                        UsedMask.CLUSTERS,
                                        block.usedClusterMaskStart(),
                                        block.usedClusterMaskPages(),
                                        block.totalClusters(),
                                        true,
                                        pageBytes)
                                .thenCompose(clusters ->
                                        readMask(
                                                        UsedMask.BLOB_IDS,
                                                        block.usedBlobIdMaskStart(),
                                                        block.usedBlobIdMaskPages(),
                                                        block.mdPages(),
                                                        false,
                                                        pageBytes)
                                                .thenCompose(blobIds -> loadClean(block, pages, clusters, blobIds))));
    }

    private CompletableFuture<EmbeddedBlobstore> loadClean(SuperBlock block, Bits pages, Bits clusters, Bits blobIds) {
        for (long i = 0; i < block.metadataClusters(); i++) {
            if (!clusters.get(i)) {
                throw new CorruptStoreException(
                        "the map of used clusters says that cluster " + i + " is free, which holds metadata");
            }
        }
        for (long page = blobIds.nextSet(0); page >= 0; page = blobIds.nextSet(page + 1)) {
            if (!pages.get(page)) {
                throw new CorruptStoreException(
                        "the map of used metadata pages says that page %d is free, which is the first of blob 0x%x"
                                .formatted(page, MetadataPage.blobId(page)));
            }
        }
        return withScanMemory(
                        memory -> {
                            StoreScan scan = new StoreScan(block, io::read, memory, blobIds, false, this::warn);
                            return scan.run().thenApply(_ -> scan);
                        })
                .thenCompose(scan ->
                        scan.foundUnfinished()
                                ? recover(block)
                                : CompletableFuture.completedFuture(
                                        store(block, true, space(pages, blobIds, clusters), scan.parents())));
    }

    /** One blob that is damaged does not keep the others from being used; it can't be opened. */
    private void warn(CorruptStoreException problem) {
        System.getLogger("io.spdkio")
                .log(System.Logger.Level.WARNING, "blobstore on ''{0}'': {1}", base.name(), problem.getMessage());
    }

    /** In recovery it does: nobody knows which clusters it has. */
    private void refuse(CorruptStoreException problem) {
        if (!problem.isHarmless()) {
            throw problem;
        }
        warn(problem);
    }

    private <T> CompletableFuture<T> withScanMemory(
            Function<java.util.function.LongFunction<MemorySegment>, CompletableFuture<T>> body) {
        Arena arena = Arena.ofShared();
        CompletableFuture<T> result;
        try {
            result = body.apply(size -> EmbeddedMemory.allocate("loading a blobstore", size, 4096, arena));
        } catch (Throwable e) {
            result = CompletableFuture.failedFuture(e);
        }
        return result.whenComplete((_, _) -> arena.close());
    }

    private CompletableFuture<EmbeddedBlobstore> recover(SuperBlock block) {
        return withScanMemory(
                        memory -> {
                            StoreScan scan = new StoreScan(block, io::read, memory, null, true, this::refuse);
                            return scan.run().thenApply(_ -> scan);
                        })
                .thenCompose(scan -> {
                    EmbeddedBlobstore store =
                            store(
                                    block,
                                    block.isClean(),
                                    space(scan.pages(), scan.blobIds(), scan.clusters()),
                                    scan.parents());
                    return finish(scan, store).thenApply(_ -> store);
                });
    }

    /** Ends what a power cut has left unfinished. */
    private CompletableFuture<Void> finish(StoreScan scan, EmbeddedBlobstore store) {
        List<Long> dropped = scan.dropped();
        if (dropped.isEmpty() && scan.kept().isEmpty()) {
            return Async.done();
        }
        Supplier<CompletableFuture<Void>> drop =
                () ->
                        each(dropped, id -> zeroFirst(store, id))
                                .thenCompose(_ -> io.flush())
                                .thenCompose(_ -> each(dropped, id -> zeroRest(scan, store, id)))
                                .thenCompose(_ -> io.flush());
        return store.markDirty()
                .thenCompose(_ -> drop.get())
                .thenCompose(_ -> each(scan.kept(), id -> store.families().repair(id)));
    }

    private static CompletableFuture<Void> each(List<Long> ids, Function<Long, CompletableFuture<Void>> step) {
        int[] at = {0};
        return Async.loop(() -> at[0] < ids.size(), () -> step.apply(ids.get(at[0]++)));
    }

    private CompletableFuture<Void> zeroFirst(EmbeddedBlobstore store, long id) {
        return io.writeZeroes(store.pageOffset((int) MetadataPage.firstPage(id)), store.pageSizeBytes());
    }

    /** Pages of its chain that nobody else has. */
    private CompletableFuture<Void> zeroRest(StoreScan scan, EmbeddedBlobstore store, long id) {
        List<CompletableFuture<Void>> writes = new java.util.ArrayList<>();
        for (int page : scan.chainOf(id)) {
            if (page != (int) MetadataPage.firstPage(id) && !scan.pages().get(page)) {
                writes.add(io.writeZeroes(store.pageOffset(page), store.pageSizeBytes()));
            }
        }
        return MetadataIo.all(writes);
    }
}
