package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * A blobstore of SPDK's. Everything that SPDK is asked for is asked on the metadata thread.
 *
 * <p>It is put together here: {@link StoreLifecycle} begins and ends it, {@link StoreOperations} has what is under way,
 * {@link NewBlobs}, {@link OpenBlobs} and {@link NativeFamilies} have what happens to blobs, {@link BlobExclusion} and
 * {@link MetadataRoom} keep apart and make room, {@link StoreChannels} are for I/O.
 */
final class NativeBlobstore implements EngineBlobstore {
    private final BlobCalls calls;
    private final NativeThread thread;
    private final NativeBdev bdev;
    private final StoreDevice device;
    private final StoreStruct bs;
    private final StoreErrors errors;
    private final ExternalDevices external;
    private final StoreOperations operations;
    private final BlobIds ids = new BlobIds();
    private final NewBlobs newBlobs;
    private final BlobRelations relations;
    private final BlobExclusion exclusion;
    private final OpenBlobs open;
    private final MetadataRoom room;
    private final NativeFamilies families;
    private final StoreChannels channels;
    private final StoreLifecycle lifecycle;

    private StoreShape shape;
    private volatile long lastFree;
    private volatile long lastTotal;

    NativeBlobstore(
            SpdkRuntime runtime, NativeThread thread, NativeBdev bdev, StoreDevice device, ExternalDevices external) {
        this.calls = runtime.blobCalls();
        this.thread = thread;
        this.bdev = bdev;
        this.device = device;
        this.bs = new StoreStruct(thread, device);
        this.errors = new StoreErrors(this, bdev, device, runtime.log());
        this.external = external;
        this.operations = new StoreOperations(this, thread, bs, calls, external);
        this.newBlobs = new NewBlobs(this, ids);
        this.relations = new BlobRelations(thread, bs, errors);
        this.exclusion = new BlobExclusion(thread, relations::parentOf);
        this.open = new OpenBlobs(this, device, exclusion);
        this.room = new MetadataRoom(this, device);
        this.families = new NativeFamilies(this, runtime, ids, newBlobs, relations, exclusion);
        this.channels = new StoreChannels(this, bs);
        this.lifecycle = new StoreLifecycle(this, runtime, thread, bs, operations, open, channels, external);
        thread.storeOpened(this);
        bdev.storeOpened(this);
    }

    // ---- its parts

    NativeBdev bdev() {
        return bdev;
    }

    MemorySegment bsDev() {
        return device.bsDev();
    }

    StoreDevice device() {
        return device;
    }

    NativeThread thread() {
        return thread;
    }

    MemorySegment externalContext() {
        return lifecycle.externalContext();
    }

    BlobCalls calls() {
        return calls;
    }

    StoreStruct bs() {
        return bs;
    }

    StoreOperations operations() {
        return operations;
    }

    StoreErrors errors() {
        return errors;
    }

    BlobRelations relations() {
        return relations;
    }

    MetadataRoom room() {
        return room;
    }

    StoreChannels channels() {
        return channels;
    }

    OpenBlobs openBlobs() {
        return open;
    }

    BlobExclusion exclusion() {
        return exclusion;
    }

    @Override
    public String toString() {
        return "the blobstore on '" + bdev.name() + "'";
    }

    // ---- beginning and end

    /** Init and load: completes with this store when blobstore has made it. */
    CompletableFuture<NativeBlobstore> begin(String what, BlobCalls.Start start) {
        return lifecycle.begin(what, this::metBlob, start).thenApply(_ -> begun());
    }

    /** The same, after something that needs the device; when that fails, blobstore never sees it. */
    CompletableFuture<NativeBlobstore> begin(
            String what, Supplier<CompletableFuture<Void>> before, BlobCalls.Start start) {
        return lifecycle.begin(what, this::metBlob, before, start).thenApply(_ -> begun());
    }

    private void metBlob(long blob) {
        ids.add(BlobH.spdk_blob_get_id(MemorySegment.ofAddress(blob)));
    }

    private NativeBlobstore begun() {
        shape = StoreShape.of(bs.pointer(), device);
        return this;
    }

    @Override
    public CompletionStage<Void> unload() {
        return lifecycle.unload();
    }

    @Override
    public CompletionStage<Void> destroy() {
        return lifecycle.destroy();
    }

    /** Its device goes away: ends what is under way. Any thread. */
    void deviceRemoved() {
        lifecycle.deviceRemoved();
    }

    @Override
    public void abandon() {
        lifecycle.abandon();
    }

    /** Whether it is to be ended as soon as nothing uses it; polled by the metadata thread. */
    boolean isAbandoned() {
        return lifecycle.isAbandoned();
    }

    /** Ends one that was abandoned when nobody is in it any more. */
    void tryEnd() {
        lifecycle.tryEnd();
    }

    // ---- the store

    @Override
    public String type() {
        return shape.type();
    }

    @Override
    public long clusterSizeBytes() {
        return shape.clusterSizeBytes();
    }

    @Override
    public int pageSizeBytes() {
        return shape.pageSizeBytes();
    }

    @Override
    public int ioUnitSizeBytes() {
        return shape.ioUnitSizeBytes();
    }

    @Override
    public long totalDataClusters() {
        lastTotal = bs.read(() -> BlobH.spdk_bs_total_data_cluster_count(bs.pointer()), lastTotal);
        return lastTotal;
    }

    @Override
    public long freeClusters() {
        lastFree = bs.read(() -> BlobH.spdk_bs_free_cluster_count(bs.pointer()), lastFree);
        return lastFree;
    }

    @Override
    public OptionalLong superBlob() {
        checkUsable();
        BlobCalls.Result result =
                calls.now(thread, argument -> BlobH.spdk_bs_get_super(bs.pointer(), calls.onValue(), argument));
        if (result.status() == -Errno.ENOENT) {
            return OptionalLong.empty();
        }
        if (result.status() != 0) {
            throw errors.of("the super blob of " + this, result.status());
        }
        return OptionalLong.of(result.value());
    }

    @Override
    public CompletionStage<Void> setSuperBlob(OptionalLong id) {
        long value = id.orElse(BlobH.SPDK_BLOBID_INVALID);
        return operations.run(
                "setting the super blob of " + this,
                argument -> BlobH.spdk_bs_set_super(bs.pointer(), value, calls.onStatus(), argument));
    }

    @Override
    public CompletionStage<Void> grow() {
        checkUsable();
        device.resize();
        return operations.run(
                "growing " + this, argument -> BlobH.spdk_bs_grow_live(bs.pointer(), calls.onStatus(), argument));
    }

    // ---- its blobs

    @Override
    public CompletionStage<OptionalLong> nextBlob(OptionalLong after) {
        checkUsable();
        return CompletableFuture.completedFuture(ids.next(after));
    }

    @Override
    public CompletionStage<Long> createBlob(BlobOptions options) {
        return newBlobs.create(options);
    }

    @Override
    public CompletionStage<NativeBlob> openBlob(long id, ClearMethod clearMethod) {
        requireBlob(id);
        // Blobstore would read a snapshot anew that it is just deleting.
        return ids.settled(id)
                .thenCompose(_ -> {
                    requireBlob(id);
                    return open.open(id, clearMethod);
                });
    }

    @Override
    public CompletionStage<Void> deleteBlob(long id) {
        return families.delete(id);
    }

    @Override
    public CompletionStage<Long> snapshotBlob(long id, Map<String, byte[]> xattrs) {
        return families.snapshot(id, xattrs);
    }

    @Override
    public CompletionStage<Long> cloneBlob(long id, Map<String, byte[]> xattrs) {
        return families.cloneOf(id, xattrs);
    }

    @Override
    public CompletionStage<Void> inflateBlob(long id) {
        return families.inflate(id);
    }

    @Override
    public CompletionStage<Void> decoupleParent(long id) {
        return families.decouple(id);
    }

    @Override
    public List<Long> clones(long id) {
        checkUsable();
        return relations.clonesOf(id);
    }

    @Override
    public OptionalLong parent(long id) {
        checkUsable();
        return relations.parentOf(id);
    }

    // ---- for operations and channels

    void checkUsable() {
        lifecycle.checkUsable();
    }

    void requireBlob(long id) {
        checkUsable();
        if (!ids.contains(id)) {
            throw errors.noBlob(id);
        }
    }

    /**
     * Changes a blob, while it does no I/O and nothing else happens to it.
     *
     * @param relies on whose staying as it is that relies
     */
    <T> CompletableFuture<T> exclusively(
            String what, long id, OptionalLong relies, Supplier<CompletableFuture<T>> operation) {
        return exclusion.exclusively(
                what,
                List.of(id),
                relies,
                () -> exclusion.inTurn(id, () -> exclusion.quietly(id, () -> open.written(id, operation))));
    }

    /** Makes durable what blobs hold. */
    CompletionStage<Void> flush() {
        return operations.run("flushing " + this, argument -> device.flush(calls.onStatus(), argument));
    }

    long alignmentBytes() {
        return external.mayBeInUse() ? 4096 : 1;
    }

    boolean isCutOff() {
        return bs.isCutOff();
    }

    /** Whether metadata could not be written, which ends all changes until the next load. */
    boolean hasFailed() {
        return device.lostWrites() != 0;
    }

    /** Whether any write may be refused. Any thread. */
    boolean mayRefuseWrites() {
        return device.isInTrouble();
    }

    /**
     * Whether blobstore may find no page for the metadata that an I/O changes, which is lost then without a word. Any
     * thread.
     */
    boolean lacksPagesFor(NativeBlob blob, IoRequest io) {
        if (!device.isShortOfPages()) {
            return false;
        }
        StoreDevice.BlobPages pages = device.pagesOf(blob.id());
        boolean takesPages = pages.extentTable() && pages.missing() > 0;
        if (pages.kept() == 0 && !takesPages) {
            return false;
        }
        OptionalLong changed = blob.nextIoUnit(io.offsetBlocks(), io.type() == IoType.UNMAP);
        return changed.isPresent() && changed.getAsLong() < io.offsetBlocks() + io.blockCount();
    }

    int lostWrites() {
        return device.lostWrites();
    }

    /** How often the metadata of a blob have been written. */
    int writesOf(long id) {
        return device.writesOf(id);
    }
}
