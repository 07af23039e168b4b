package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.embedded.EmbeddedChannel;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.Bits;
import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.CorruptStoreException;
import io.spdkio.embedded.blob.format.MetadataPage;
import io.spdkio.embedded.blob.format.SuperBlock;
import io.spdkio.embedded.blob.format.UsedMask;
import io.spdkio.embedded.blob.format.XattrNames;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.EngineBlobstore;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A loaded store: its super block, what is used, which blobs are open and who is whose clone. Everything but what says
 * otherwise is called on the metadata thread.
 */
final class EmbeddedBlobstore implements EngineBlobstore {
    private final EmbeddedThread mdThread;
    private final BaseDevice base;
    private final MetadataIo io;
    private final BlobstoreOptions options;
    private final Function<String, BaseDevice> backingDevices;
    private final String type;
    private final long clusterBytes;
    private final int ioUnitBytes;
    private final int pageBytes;
    private final Space space;
    private final BlobWriter writer;
    private final Families families;
    private final BlobSizes sizes;
    private final ThinClusters thinClusters;

    private final AsyncLock superLock = new AsyncLock();
    private SuperBlock superBlock;
    private boolean cleanOnDevice;
    private CompletableFuture<Void> markingDirty;

    private final Map<Long, EmbeddedBlob> open = new HashMap<>();

    /** Blobs that are being opened, or deleted without being opened. */
    private final Map<Long, BlobReading<?>> reading = new HashMap<>();

    private final Parents parents;

    /** Operations under way that have blobs open, or will. */
    private int underWay;

    private final BiConsumer<Object, Throwable> uncounted = (_, _) -> underWay--;

    private volatile long totalDataClusters;
    private Throwable failure;
    private boolean closing;
    private volatile boolean abandoned;

    /** Channels of other threads, and the metadata thread's own use. */
    private final AtomicInteger users = new AtomicInteger(1);

    EmbeddedBlobstore(
            EmbeddedThread mdThread,
            BaseDevice base,
            MetadataIo io,
            BlobstoreOptions options,
            Function<String, BaseDevice> backingDevices,
            SuperBlock superBlock,
            boolean cleanOnDevice,
            Space space,
            Parents parents) {
        this.mdThread = mdThread;
        this.base = base;
        this.io = io;
        this.options = options;
        this.backingDevices = backingDevices;
        this.superBlock = superBlock;
        this.cleanOnDevice = cleanOnDevice;
        this.space = space;
        this.parents = parents;
        this.type = superBlock.type();
        this.clusterBytes = superBlock.clusterSizeBytes();
        this.ioUnitBytes = superBlock.ioUnitSizeBytes();
        this.pageBytes = superBlock.pageSizeBytes();
        this.totalDataClusters = superBlock.totalClusters() - superBlock.metadataClusters();
        this.writer = new BlobWriter(this, io, space);
        this.families = new Families(this, writer, io, parents);
        this.sizes = new BlobSizes(space);
        this.thinClusters = new ThinClusters(this, io, space, writer, families);
    }

    // ---- what it is

    String device() {
        return base.name();
    }

    @Override
    public String type() {
        return type;
    }

    @Override
    public long clusterSizeBytes() {
        return clusterBytes;
    }

    @Override
    public int pageSizeBytes() {
        return pageBytes;
    }

    @Override
    public int ioUnitSizeBytes() {
        return ioUnitBytes;
    }

    @Override
    public long totalDataClusters() {
        return totalDataClusters;
    }

    @Override
    public long freeClusters() {
        return space.freeClusters();
    }

    Space space() {
        return space;
    }

    BlobWriter writer() {
        return writer;
    }

    int blockSize() {
        return io.blockSize();
    }

    boolean unmaps() {
        return io.unmaps();
    }

    boolean isRemoved() {
        return base.isRemoved();
    }

    long pageOffset(int page) {
        return (superBlock.mdStart() + (page & 0xffff_ffffL)) * pageBytes;
    }

    @Override
    public String toString() {
        return "the blobstore on '" + base.name() + "'";
    }

    // ---- threads and channels

    /** Runs something on the metadata thread: now if the caller is on it. False when that has exited. */
    boolean onMdThread(Runnable task) {
        if (mdThread.context().isCurrent()) {
            task.run();
            return true;
        }
        return !abandoned && mdThread.context().post(task);
    }

    /** A channel to the device for a thread, which is the caller's. */
    EmbeddedChannel openChannel(EmbeddedThread thread) {
        users.incrementAndGet();
        return base.openChannel(thread);
    }

    void channelClosed(EmbeddedChannel channel) {
        channel.close();
        letGo();
    }

    /** The device is let go of with the last user. */
    private void letGo() {
        if (users.decrementAndGet() == 0) {
            base.close();
        }
    }

    // ---- failing

    /** Throws when metadata can't be changed any more. */
    void checkUsable() {
        if (base.isRemoved()) {
            throw new SpdkException.NotFound(
                    "bdev '" + base.name() + "' was removed under its blobstore; unload the store", -Errno.ENODEV);
        }
        if (failure != null) {
            int status = failure instanceof SpdkException e && e.status() != 0 ? e.status() : -Errno.EIO;
            throw SpdkException.withMessage(
                    this
                            + " takes no changes since a write of metadata failed ("
                            + failure.getMessage()
                            + "); unload it, and load it again",
                    status);
        }
    }

    /** Whether metadata can't be changed any more because a write of it failed. */
    boolean hasFailed() {
        return failure != null;
    }

    /** What is on the device is not known after this: nothing is changed any more before the store is loaded again. */
    void failStop(Throwable problem) {
        if (failure == null) {
            failure = problem;
        }
    }

    // ---- the super block

    /** Notes on the device that the maps of what is used do not hold, before the first change. */
    CompletableFuture<Void> markDirty() {
        checkUsable();
        if (!cleanOnDevice) {
            return Async.done();
        }
        if (markingDirty == null) {
            markingDirty =
                    changeSuper(block -> block.setClean(false))
                            .whenComplete((_, problem) -> {
                                markingDirty = null;
                                if (problem == null) {
                                    cleanOnDevice = false;
                                } else {
                                    failStop(Async.cause(problem));
                                }
                            });
        }
        return markingDirty == null ? Async.done() : markingDirty;
    }

    private CompletableFuture<Void> changeSuper(Consumer<SuperBlock> change) {
        return superLock.run(() -> {
            SuperBlock changed = superBlock.copy();
            change.accept(changed);
            MemorySegment page = io.takePage();
            changed.encode(page);
            return io.write(0, page)
                    .whenComplete((_, _) -> io.giveBack(page))
                    .thenCompose(_ -> io.flush())
                    .thenRun(() -> superBlock = changed);
        });
    }

    @Override
    public OptionalLong superBlob() {
        return superBlock.superBlob();
    }

    @Override
    public CompletionStage<Void> setSuperBlob(OptionalLong id) {
        checkUsable();
        return changeSuper(block -> block.setSuperBlob(id));
    }

    @Override
    public CompletionStage<Void> grow() {
        checkUsable();
        long deviceBytes = io.deviceBytes();
        if (deviceBytes == superBlock.sizeBytes()) {
            return Async.done();
        }
        long total = deviceBytes / clusterBytes;
        long maskPages = superBlock.clusterMaskPagesFor(total);
        if (deviceBytes < superBlock.sizeBytes()
                || maskPages > superBlock.clusterMaskRoomPages()
                || total > 0xffff_ffffL) {
            throw SpdkException.withMessage(
                    "%s can't grow from %,d to %,d bytes: ENOSPC. Its map of clusters has room for %,d bytes"
                            .formatted(
                                    this,
                                    superBlock.sizeBytes(),
                                    deviceBytes,
                                    UsedMask.capacity(superBlock.clusterMaskRoomPages() * pageBytes) * clusterBytes),
                    -Errno.ENOSPC);
        }
        return changeSuper(
                        block -> {
                            block.setClean(false);
                            block.setSizeBytes(deviceBytes);
                            block.setUsedClusterMaskPages(maskPages);
                        })
                .thenRun(() -> {
                    cleanOnDevice = false;
                    space.grow(total);
                    totalDataClusters = total - superBlock.metadataClusters();
                });
    }

    // ---- the end

    private void requireNothingOpen(String what) {
        if (!open.isEmpty() || !reading.isEmpty() || underWay != 0) {
            String names =
                    String.join(", ", open.keySet().stream().limit(8).map(id -> "0x" + Long.toHexString(id)).toList());
            throw new SpdkException.Busy(
                    this + " can't be " + what + ": blobs are open or being changed (" + names + "); close them first",
                    -Errno.EBUSY);
        }
    }

    @Override
    public CompletionStage<Void> unload() {
        requireNothingOpen("unloaded");
        closing = true;
        CompletableFuture<Void> written;
        if (base.isRemoved()) {
            written = Async.done();
        } else if (failure != null) {
            // The maps of what is used may not fit what is on the device: the next load makes them anew.
            written = Async.done();
        } else {
            written =
                    writeMasks(
                                    UsedMask.PAGES,
                                    space.pages(),
                                    superBlock.usedPageMaskStart(),
                                    superBlock.usedPageMaskPages())
                            .thenCompose(_ ->
                                    superBlock.hasBlobIdMask()
                                            ? writeMasks(
                                                    UsedMask.BLOB_IDS,
                                                    space.blobIds(),
                                                    superBlock.usedBlobIdMaskStart(),
                                                    superBlock.usedBlobIdMaskPages())
                                            : Async.done())
                            .thenCompose(_ ->
                                    writeMasks(
                                            UsedMask.CLUSTERS,
                                            space.clusters(),
                                            superBlock.usedClusterMaskStart(),
                                            superBlock.usedClusterMaskPages()))
                            .thenCompose(_ -> io.flush())
                            .thenCompose(_ -> changeSuper(block -> block.setClean(true)));
        }
        return ended(written);
    }

    private CompletableFuture<Void> writeMasks(UsedMask mask, Bits bits, long startPage, long pages) {
        return io.withMemory(
                pages * pageBytes,
                memory -> {
                    mask.encode(bits, memory);
                    return io.write(startPage * pageBytes, memory);
                });
    }

    @Override
    public CompletionStage<Void> destroy() {
        requireNothingOpen("destroyed");
        closing = true;
        return ended(
                base.isRemoved()
                        ? Async.done()
                        : io.writeZeroes(0, SuperBlock.SIZE_BYTES).thenCompose(_ -> io.flush()));
    }

    private CompletableFuture<Void> ended(CompletableFuture<Void> written) {
        return written.handle((_, problem) -> {
            io.close();
            letGo();
            if (problem != null && !base.isRemoved()) {
                throw new java.util.concurrent.CompletionException(Async.cause(problem));
            }
            return null;
        });
    }

    @Override
    public void abandon() {
        if (!closing) {
            closing = true;
            abandoned = true;
            SpdkException problem =
                    SpdkException.withMessage(
                            this + " was left behind when its metadata thread exited: ECANCELED", -Errno.ECANCELED);
            open.values().forEach(blob -> blob.abandon(problem));
            io.abandon();
            letGo();
        }
    }

    // ---- blobs

    @Override
    public CompletionStage<OptionalLong> nextBlob(OptionalLong after) {
        long from = after.isPresent() ? MetadataPage.firstPage(after.getAsLong()) + 1 : 0;
        long page = space.blobIds().nextSet(from);
        return CompletableFuture.completedFuture(
                page < 0 ? OptionalLong.empty() : OptionalLong.of(MetadataPage.blobId(page)));
    }

    /** Counts an operation that has blobs open until its end. */
    <T> CompletableFuture<T> counted(Supplier<CompletableFuture<T>> operation) {
        underWay++;
        CompletableFuture<T> result;
        try {
            result = operation.get();
        } catch (Throwable e) {
            result = CompletableFuture.failedFuture(e);
        }
        return result.whenComplete(uncounted);
    }

    @Override
    public CompletionStage<Long> createBlob(BlobOptions blob) {
        return counted(() -> create(blob, _ -> {}));
    }

    /** Creates a blob; {@code more} may add to its metadata. */
    CompletableFuture<Long> create(BlobOptions how, Consumer<BlobMetadata> more) {
        checkUsable();
        int first = space.takePage();
        EmbeddedBlob blob;
        try {
            BlobMetadata meta = new BlobMetadata(MetadataPage.blobId(first));
            how.xattrs()
                    .forEach((name, value) -> {
                        String key = XattrNames.fromText(name);
                        EmbeddedBlob.requireFits(key, value);
                        meta.xattrs.put(key, value);
                    });
            if (how.extentTable()) {
                meta.invalidFlags |= BlobMetadata.EXTENT_TABLE;
                meta.extentPages = new int[0];
            }
            if (how.thin()) {
                meta.invalidFlags |= BlobMetadata.THIN;
            }
            meta.setClearMethod(numberOf(how.clearMethod()));
            if (how.externalSnapshot().isPresent()) {
                byte[] identity = how.externalSnapshot().get();
                EmbeddedBlob.requireFits(BlobMetadata.EXTERNAL_SNAPSHOT_ID, identity);
                meta.invalidFlags |= BlobMetadata.EXTERNAL_SNAPSHOT;
                meta.setInternal(BlobMetadata.EXTERNAL_SNAPSHOT_ID, identity);
            }
            more.accept(meta);
            blob = new EmbeddedBlob(this, meta);
            blob.clearMethod = how.clearMethod();
            sizes.change(blob, how.clusters());
            blob.dirty = true;
        } catch (Throwable e) {
            space.releasePage(first);
            throw e;
        }
        return new Creating(blob).begin();
    }

    /** Writes a new blob, which nobody else knows. */
    private final class Creating extends Steps<Long> {
        private final EmbeddedBlob blob;

        Creating(EmbeddedBlob blob) {
            this.blob = blob;
        }

        @Override
        void step(int number) {
            if (number == 0) {
                await(writer.persist(blob));
            } else {
                space.blobIds().set(MetadataPage.firstPage(blob.id()));
                end(blob.id());
            }
        }

        @Override
        void failed(Throwable cause) {
            undoCreate(blob, (int) MetadataPage.firstPage(blob.id()));
            fail(cause);
        }
    }

    private void undoCreate(EmbeddedBlob blob, int first) {
        ClusterMap map = blob.meta.clusters;
        for (long at = map.nextAllocated(0); at >= 0; at = map.nextAllocated(at + 1)) {
            space.releaseCluster(map.get(at));
        }
        releaseFreshPages(blob);
        space.releasePage(first);
    }

    /** Gives extent pages back that nothing on the device refers to. */
    private void releaseFreshPages(EmbeddedBlob blob) {
        if (blob.unwritten != null) {
            blob.unwritten.freshPages.forEach(space::releasePage);
        }
    }

    private static int numberOf(ClearMethod method) {
        return switch (method) {
            case DEFAULT -> 0;
            case NONE -> 1;
            case UNMAP -> 2;
            case WRITE_ZEROES -> 3;
        };
    }

    static ClearMethod methodOf(int number) {
        return switch (number) {
            case 1 -> ClearMethod.NONE;
            case 2 -> ClearMethod.UNMAP;
            case 3 -> ClearMethod.WRITE_ZEROES;
            default -> ClearMethod.DEFAULT;
        };
    }

    SpdkException.NotFound noBlob(long id) {
        return new SpdkException.NotFound(
                "there is no blob 0x%x in %s; list them with Blobstore.blobs".formatted(id, this), -Errno.ENOENT);
    }

    void requireExists(long id) {
        long page = MetadataPage.firstPage(id);
        if (id != MetadataPage.blobId(page) || !space.blobIds().get(page)) {
            throw noBlob(id);
        }
    }

    /** The blob when it is open. */
    EmbeddedBlob openNow(long id) {
        return open.get(id);
    }

    /** Whether nobody has the blob open, or is about to have, or deletes it. */
    boolean isClosed(Long id) {
        return !open.containsKey(id) && !reading.containsKey(id);
    }

    /** A blob is being deleted without being opened, which nobody can do meanwhile. */
    void deletes(Long id, BlobReading<?> operation) {
        reading.put(id, operation);
    }

    /** The same is over. */
    void deletesNoMore(Long id, BlobReading<?> operation) {
        reading.remove(id, operation);
    }

    Iterable<EmbeddedBlob> openBlobs() {
        return open.values();
    }

    @Override
    public CompletionStage<EmbeddedBlob> openBlob(long id, ClearMethod clearMethod) {
        return counted(() ->
                take(id).thenApply(blob -> {
                    blob.opens++;
                    blob.children--;
                    if (clearMethod != ClearMethod.DEFAULT) {
                        blob.clearMethod = clearMethod;
                    }
                    return blob;
                }));
    }

    /**
     * Opens a blob for the store's own use, or for a clone of it: counted as a child, given back with {@link #give}.
     */
    CompletableFuture<EmbeddedBlob> take(long id) {
        requireExists(id);
        EmbeddedBlob there = open.get(id);
        if (there != null) {
            if (there.deleting) {
                throw noBlob(id);
            }
            there.children++;
            return CompletableFuture.completedFuture(there);
        }
        BlobReading<?> under = reading.get(id);
        if (under instanceof Opening opening) {
            opening.takers++;
            return opening;
        }
        if (under != null) {
            throw noBlob(id);
        }
        checkPresent();
        try {
            parents.requireNoCycle(id);
        } catch (CorruptStoreException e) {
            return CompletableFuture.failedFuture(opened(e));
        }
        Opening opening = new Opening(id);
        reading.put(id, opening);
        return opening.begin();
    }

    /** Reads a blob, for all who ask for it meanwhile. */
    private final class Opening extends BlobReading<EmbeddedBlob> {
        private final long id;
        private EmbeddedBlob blob;
        private int takers = 1;

        Opening(long id) {
            super(EmbeddedBlobstore.this, io, decoder(id));
            this.id = id;
        }

        @Override
        void step(int number) {
            switch (number) {
                case READ -> {
                    blob = new EmbeddedBlob(EmbeddedBlobstore.this, meta());
                    blob.chain = chain();
                    blob.clearMethod = methodOf(blob.meta.clearMethod());
                    blob.isSnapshot(parents.hasClones(id));
                    await(attachParent(blob));
                }
                case READ + 1 -> {
                    reading.remove(id, this);
                    open.put(id, blob);
                    blob.children = takers;
                    end(blob);
                }
                default -> super.step(number);
            }
        }

        @Override
        void failed(Throwable cause) {
            reading.remove(id, this);
            super.failed(opened(cause));
        }
    }

    BlobMetadata.Decoder decoder(long id) {
        return new BlobMetadata.Decoder(id, superBlock.totalClusters(), superBlock.mdPages(), false);
    }

    Throwable opened(Throwable problem) {
        Throwable cause = Async.cause(problem);
        return cause instanceof CorruptStoreException ? corrupt(base.name(), cause) : cause;
    }

    static SpdkException corrupt(String device, Throwable cause) {
        return SpdkException.withMessage(
                "'" + device + "': " + cause.getMessage() + ": EILSEQ. Look at it with the offline checker",
                -Errno.EILSEQ);
    }

    private void checkPresent() {
        if (base.isRemoved()) {
            checkUsable();
        }
    }

    /** Opens what the blob is a clone of. */
    private CompletableFuture<Void> attachParent(EmbeddedBlob blob) {
        BlobMetadata meta = blob.meta;
        if (meta.isExternalClone()) {
            blob.backing = openBacking(meta);
            return Async.done();
        }
        OptionalLong parent = meta.isThin() ? meta.internalId(BlobMetadata.PARENT) : OptionalLong.empty();
        if (parent.isEmpty()) {
            return Async.done();
        }
        long id = parent.getAsLong();
        if (!space.blobIds().get(MetadataPage.firstPage(id)) || parents.of(blob.id()).orElse(-1) != id) {
            throw new CorruptStoreException("%s: its parent 0x%x does not exist".formatted(blob, id));
        }
        return take(id).thenAccept(snapshot -> blob.parent = snapshot);
    }

    BackingDevice openBacking(BlobMetadata meta) {
        byte[] identity = meta.internalXattrs.get(BlobMetadata.EXTERNAL_SNAPSHOT_ID);
        if (identity == null) {
            throw new CorruptStoreException(
                    "blob 0x%x is a clone of another device and does not say of which".formatted(meta.id));
        }
        String name =
                options.externalSnapshots()
                        .bdevOf(new io.spdkio.blob.BlobId(meta.id), identity.clone())
                        .orElseThrow(() ->
                                new SpdkException.Unsupported(
                                        "blob 0x%x is a clone of another device, which was not found; load the store with BlobstoreOptions.withExternalSnapshots"
                                                .formatted(meta.id),
                                        -Errno.EOPNOTSUPP));
        BaseDevice device = backingDevices.apply(name);
        if (ioUnitBytes % device.geometry().blockSize() != 0) {
            int blockSize = device.geometry().blockSize();
            device.close();
            throw SpdkException.withMessage(
                    "'%s' has blocks of %d bytes and can't be the parent of a blob with I/O units of %d: EINVAL"
                            .formatted(name, blockSize, ioUnitBytes),
                    -Errno.EINVAL);
        }
        return new BackingDevice(device);
    }

    CompletableFuture<Void> close(EmbeddedBlob blob) {
        return counted(() -> {
            blob.opens--;
            blob.children++;
            return give(blob);
        });
    }

    /** Gives back what {@link #take} gave: with the last one the blob is written and closed. */
    CompletableFuture<Void> give(EmbeddedBlob blob) {
        if (blob.opens + blob.children > 1 || base.isRemoved() || failure != null) {
            finishClose(blob);
            return Async.done();
        }
        if (!blob.dirty && blob.writing.isFree() && ThinClusters.settled(blob) == Async.done()) {
            finishClose(blob);
            return Async.done();
        }
        CompletableFuture<Void> result = new CompletableFuture<>();
        Async.whenDone(
                ThinClusters.settled(blob).thenCompose(_ -> blob.writing.run(() -> writer.persist(blob))),
                (_, problem) -> written(blob, problem, result));
        return result;
    }

    /** The last one to have it open is about to close it; somebody may have opened and changed it meanwhile. */
    private void written(EmbeddedBlob blob, Throwable problem, CompletableFuture<Void> result) {
        boolean usable = failure == null && !base.isRemoved();
        CompletableFuture<Void> more =
                !usable || !blob.dirty || blob.opens + blob.children > 1
                        ? null
                        : problem == null ? give(blob) : dropUnwritten(blob);
        if (more == null) {
            finishClose(blob);
            more = Async.done();
        } else if (problem != null) {
            more = more.whenComplete((_, _) -> finishClose(blob));
        }
        Async.whenDone(
                more,
                (_, another) -> {
                    Throwable first = problem != null ? problem : another;
                    if (first == null) {
                        result.complete(null);
                    } else {
                        result.completeExceptionally(Async.cause(first));
                    }
                });
    }

    private void finishClose(EmbeddedBlob blob) {
        EmbeddedBlob at = blob;
        // A clone keeps its parent open, which may keep another one open.
        while (at != null) {
            at.children--;
            if (at.opens + at.children > 0) {
                return;
            }
            if (open.get(at.id()) == at) {
                open.remove(at.id());
            }
            if (at.backing != null) {
                at.backing.device().close();
                at.backing = null;
            }
            EmbeddedBlob next = at.parent;
            at.parent = null;
            at = next;
        }
    }

    /** A blob is not on the device any more. */
    void erased(long id) {
        space.blobIds().clear(MetadataPage.firstPage(id));
        OptionalLong parent = parents.of(id);
        parents.remove(id);
        if (parent.isPresent() && open.get(parent.getAsLong()) != null) {
            open.get(parent.getAsLong()).isSnapshot(parents.hasClones(parent.getAsLong()));
        }
    }

    /** A blob is closed and could not be written for want of metadata pages: what it took beyond that is free again. */
    private CompletableFuture<Void> dropUnwritten(EmbeddedBlob blob) {
        return new DroppingUnwritten(blob).begin();
    }

    private final class DroppingUnwritten extends BlobReading<Void> {
        private final EmbeddedBlob blob;

        DroppingUnwritten(EmbeddedBlob blob) {
            super(EmbeddedBlobstore.this, io, decoder(blob.id()));
            this.blob = blob;
        }

        @Override
        void step(int number) {
            if (number != READ) {
                super.step(number);
                return;
            }
            ClusterMap map = blob.meta.clusters;
            for (long at = map.nextAllocated(0); at >= 0; at = map.nextAllocated(at + 1)) {
                if (map.get(at) != meta().clusters.get(at)) {
                    space.releaseCluster(map.get(at));
                }
            }
            releaseFreshPages(blob);
            blob.dirty = false;
            end(null);
        }

        /** Nobody knows what it has; it is closed all the same. */
        @Override
        void failed(Throwable cause) {
            failStop(cause);
            end(null);
        }
    }

    // ---- operations on one blob

    CompletableFuture<Void> sync(EmbeddedBlob blob) {
        checkUsable();
        return blob.writing.run(() -> blob.dirty ? writer.persist(blob) : io.flush()).thenRun(blob::readOnlyAsSaid);
    }

    CompletableFuture<Void> resize(EmbeddedBlob blob, long count) {
        blob.requireWritable("resize");
        checkUsable();
        if (count == blob.meta.clusters.count()) {
            return Async.done();
        }
        lock(blob, "resize");
        return quietly(
                        List.of(blob),
                        () ->
                                blob.writing.run(() -> {
                                    sizes.change(blob, count);
                                    return Async.done();
                                }))
                .whenComplete((_, _) -> blob.locked = false);
    }

    /** Excludes other operations. */
    void lock(EmbeddedBlob blob, String what) {
        requireFree(blob, blob.shared > 0, what);
        blob.locked = true;
    }

    /** Excludes operations that change the clusters of a blob that is read-only, or its place in its family. */
    void share(EmbeddedBlob blob, String what) {
        requireFree(blob, false, what);
        blob.shared++;
    }

    private static void requireFree(EmbeddedBlob blob, boolean shared, String what) {
        if (blob.locked || shared) {
            throw BlobErrors.busy(what + " of " + blob);
        }
    }

    /** Does something while the blobs' channels are quiet. */
    <T> CompletableFuture<T> quietly(List<EmbeddedBlob> blobs, Supplier<CompletableFuture<T>> operation) {
        List<CompletableFuture<Void>> frozen = new ArrayList<>();
        blobs.forEach(blob -> frozen.add(blob.freeze()));
        return MetadataIo.all(frozen)
                .thenCompose(_ -> MetadataIo.all(blobs.stream().map(ThinClusters::settled).toList()))
                .thenCompose(_ -> operation.get())
                .whenComplete((_, _) -> blobs.forEach(EmbeddedBlob::unfreeze));
    }

    // ---- clusters

    /** Allocates a cluster for a place in a blob, unless it has one, and fills it from the parent. */
    CompletableFuture<Void> allocate(EmbeddedBlob blob, long index) {
        return thinClusters.allocate(blob, index);
    }

    /** Gives a cluster of a thin blob back. */
    CompletableFuture<Void> release(EmbeddedBlob blob, long index) {
        return thinClusters.release(blob, index);
    }

    // ---- families

    @Override
    public CompletionStage<Void> deleteBlob(long id) {
        return families.delete(id);
    }

    @Override
    public CompletionStage<Long> snapshotBlob(long id, Map<String, byte[]> xattrs) {
        return counted(() -> families.snapshot(id, xattrs));
    }

    @Override
    public CompletionStage<Long> cloneBlob(long id, Map<String, byte[]> xattrs) {
        return counted(() -> families.cloneOf(id, xattrs));
    }

    @Override
    public CompletionStage<Void> inflateBlob(long id) {
        return counted(() -> families.inflate(id, true));
    }

    @Override
    public CompletionStage<Void> decoupleParent(long id) {
        return counted(() -> families.inflate(id, false));
    }

    Families families() {
        return families;
    }

    @Override
    public List<Long> clones(long id) {
        requireExists(id);
        return parents.clonesOf(id);
    }

    @Override
    public OptionalLong parent(long id) {
        requireExists(id);
        return parents.of(id);
    }
}
