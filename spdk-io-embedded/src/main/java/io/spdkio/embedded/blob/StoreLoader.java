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
import io.spdkio.spi.BlobErrors;
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
        if (io.deviceBytes() < SuperBlock.SIZE_BYTES) {
            throw new CorruptStoreException("the device is too small for a super block");
        }
        return new Loading().begin();
    }

    private final class Loading extends Steps<EmbeddedBlobstore> {
        private static final int RECOVER = 5;

        private final Arena arena = Arena.ofShared();
        private SuperBlock block;
        private MemorySegment memory;
        private MemorySegment clusterMask;
        private MemorySegment blobIdMask;
        private Space space;
        private StoreScan scan;
        private EmbeddedBlobstore store;

        @Override
        void step(int number) {
            switch (number) {
                case 0 -> {
                    memory = allocate(SuperBlock.SIZE_BYTES);
                    io.read(0, memory, more());
                }
                case 1 -> {
                    block = SuperBlock.decode(memory, io.deviceBytes());
                    checkShape(block);
                    if (!block.isClean() || !block.hasBlobIdMask() || options.forceRecovery()) {
                        goTo(RECOVER);
                    }
                }
                case 2 -> {
                    memory = readMask(block.usedPageMaskStart(), block.usedPageMaskPages());
                    clusterMask = readMask(block.usedClusterMaskStart(), block.usedClusterMaskPages());
                    blobIdMask = readMask(block.usedBlobIdMaskStart(), block.usedBlobIdMaskPages());
                }
                case 3 -> {
                    Bits pages = UsedMask.PAGES.decode(memory, block.mdPages(), false);
                    Bits clusters = UsedMask.CLUSTERS.decode(clusterMask, block.totalClusters(), true);
                    Bits blobIds = UsedMask.BLOB_IDS.decode(blobIdMask, block.mdPages(), false);
                    checkMasks(block, pages, clusters, blobIds);
                    space = space(pages, blobIds, clusters);
                    scan = new StoreScan(block, io::read, this::allocate, blobIds, false, StoreLoader.this::warn);
                    await(scan.run());
                }
                case 4 -> {
                    if (!scan.foundUnfinished()) {
                        arena.close();
                        end(store(block, true, space, scan.parents()));
                    }
                }
                case RECOVER -> {
                    scan = new StoreScan(block, io::read, this::allocate, null, true, StoreLoader.this::refuse);
                    await(scan.run());
                }
                case RECOVER + 1 -> {
                    space = space(scan.pages(), scan.blobIds(), scan.clusters());
                    store = store(block, block.isClean(), space, scan.parents());
                    await(finish(scan, store));
                }
                default -> {
                    arena.close();
                    end(store);
                }
            }
        }

        @Override
        void failed(Throwable cause) {
            arena.close();
            fail(cause);
        }

        private MemorySegment allocate(long sizeBytes) {
            return EmbeddedMemory.allocate("loading a blobstore", sizeBytes, 4096, arena);
        }

        private MemorySegment readMask(long startPage, long pages) {
            MemorySegment mask = allocate(pages * block.pageSizeBytes());
            io.read(startPage * block.pageSizeBytes(), mask, more());
            return mask;
        }
    }

    private void checkShape(SuperBlock superBlock) {
        BlobErrors.checkIoUnits(base.name(), io.blockSize(), superBlock.ioUnitSizeBytes());
        if (!options.type().isEmpty() && !options.type().equals(superBlock.type())) {
            throw SpdkException.withMessage(
                    "'%s' holds a blobstore of type '%s' and not '%s': ENXIO. Load it with the right type, or the empty string for any"
                            .formatted(base.name(), superBlock.type(), options.type()),
                    -Errno.ENXIO);
        }
    }

    private static void checkMasks(SuperBlock block, Bits pages, Bits clusters, Bits blobIds) {
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

    /** Ends what a power cut has left unfinished. */
    private CompletableFuture<Void> finish(StoreScan scan, EmbeddedBlobstore store) {
        List<Long> dropped = scan.dropped();
        if (dropped.isEmpty() && scan.kept().isEmpty() && scan.halfResized().isEmpty()) {
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
                .thenCompose(_ -> each(scan.kept(), id -> store.families().repair(id)))
                .thenCompose(_ -> each(scan.halfResized(), id -> new Resizing(scan, store, id).begin()));
    }

    /**
     * Writes a blob as it was read that was being resized. Its parent is of no interest. Where there is no room for
     * that, it is read the same the next time, as nobody gets its extent pages.
     */
    private final class Resizing extends BlobReading<Void> {
        private final StoreScan scan;
        private final EmbeddedBlobstore store;

        Resizing(StoreScan scan, EmbeddedBlobstore store, long id) {
            super(store, io, store.decoder(id));
            this.scan = scan;
            this.store = store;
        }

        @Override
        void step(int number) {
            switch (number) {
                case READ -> {
                    if (chain().length - 1 > scan.pages().clearCount()) {
                        warn(
                                new CorruptStoreException(
                                        "blob 0x%x is half resized, and stays so: no metadata page is free"
                                                .formatted(meta().id)));
                        return;
                    }
                    EmbeddedBlob blob = new EmbeddedBlob(store, meta());
                    blob.chain = chain();
                    blob.unwritten().pieces.or(decoded().unfitPieces());
                    for (int page : decoded().pagesBehindEnd()) {
                        blob.unwritten().lostPages.add(page);
                    }
                    blob.dirty = true;
                    await(store.writer().persist(blob));
                }
                case READ + 1 -> end(null);
                default -> super.step(number);
            }
        }
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
