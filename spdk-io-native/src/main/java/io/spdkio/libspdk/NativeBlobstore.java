package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** A blobstore of SPDK's. Everything that SPDK is asked for is asked on the metadata thread. */
final class NativeBlobstore implements EngineBlobstore {
    private static final String UNLOADED = "unloaded";
    private static final String DESTROYED = "destroyed";

    private final SpdkRuntime runtime;
    private final BlobCalls calls;
    private final NativeThread thread;
    private final NativeBdev bdev;
    private final StoreDevice device;
    private final StoreStruct bs;
    private final StoreErrors errors;
    private final StoreOperations operations;
    private final ExternalDevices external;
    private final MemorySegment externalContext;

    private final BlobIds ids = new BlobIds();
    private final NewBlobs newBlobs;
    private final OpenBlobs open;
    private final BlobRelations relations;
    private final BlobExclusion exclusion;
    private final MetadataRoom room;
    private final NativeFamilies families;
    private final Set<NativeBlobChannel> channels = ConcurrentHashMap.newKeySet();

    private StoreShape shape;
    private volatile long lastFree;
    private volatile long lastTotal;

    private boolean ending;

    /** Whether the metadata thread exits or has exited. */
    private boolean leftBehind;

    /** Whether it has to be ended for that. */
    private boolean abandoned;

    NativeBlobstore(
            SpdkRuntime runtime, NativeThread thread, NativeBdev bdev, StoreDevice device, ExternalDevices external) {
        this.runtime = runtime;
        this.calls = runtime.blobCalls();
        this.thread = thread;
        this.bdev = bdev;
        this.device = device;
        this.bs = new StoreStruct(thread, device);
        this.errors = new StoreErrors(this, bdev, device, runtime.log());
        this.newBlobs = new NewBlobs(this, ids);
        this.relations = new BlobRelations(thread, bs, errors);
        this.exclusion = new BlobExclusion(thread, relations::parentOf);
        this.open = new OpenBlobs(this, device, exclusion);
        this.room = new MetadataRoom(this, device);
        this.families = new NativeFamilies(this, runtime, ids, newBlobs, relations, exclusion);
        this.external = external;
        this.operations = new StoreOperations(this, thread, bs, calls, external);
        this.externalContext = calls.register(external);
        thread.storeOpened(this);
        bdev.storeOpened(this);
    }

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
        return externalContext;
    }

    boolean isCutOff() {
        return bs.isCutOff();
    }

    @Override
    public String toString() {
        return "the blobstore on '" + bdev.name() + "'";
    }

    // ---- beginning and end

    /** Init and load: completes with this store when blobstore has made it. */
    CompletableFuture<NativeBlobstore> begin(String what, BlobCalls.Start start) {
        operations.began();
        return calls.start(thread, this::metBlob, start)
                .thenCompose(result -> {
                    operations.finished();
                    external.loaded();
                    if (result.status() != 0) {
                        // Blobstore has destroyed its part.
                        SpdkException problem = errors.notBegun(what, result.status());
                        return ended().thenCompose(_ -> CompletableFuture.failedFuture(problem));
                    }
                    bs.made(result.value());
                    if (hasFailed()) {
                        SpdkException problem = errors.failed();
                        ending = true;
                        return forceEnd().thenCompose(_ -> CompletableFuture.failedFuture(problem));
                    }
                    shape = StoreShape.of(bs.pointer(), device);
                    return CompletableFuture.completedFuture(this);
                });
    }

    /** The same, after something that needs the device; when that fails, blobstore never sees it. */
    CompletableFuture<NativeBlobstore> begin(
            String what, Supplier<CompletableFuture<Void>> before, BlobCalls.Start start) {
        operations.began();
        CompletableFuture<Void> done;
        try {
            done = before.get();
        } catch (SpdkException e) {
            done = CompletableFuture.failedFuture(e);
        }
        return done.whenComplete((_, _) -> operations.finished())
                .exceptionallyCompose(problem -> {
                    external.loaded();
                    thread.as(() -> {
                        device.discard();
                        return null;
                    });
                    return ended().thenCompose(_ ->
                            CompletableFuture.failedFuture(
                                    bdev.isRemoved() ? errors.removed() : StoreErrors.unwrapped(problem)));
                })
                .thenCompose(_ -> begin(what, start));
    }

    private void metBlob(long blob) {
        ids.add(BlobH.spdk_blob_get_id(MemorySegment.ofAddress(blob)));
    }

    /** The struct is gone: waits until the device is free. Completes on the metadata thread, if that is there. */
    private CompletableFuture<Void> ended() {
        bs.freed();
        calls.unregister(externalContext);
        external.discardLeft(thread);
        thread.storeEnded(this);
        bdev.storeClosed(this);
        CompletableFuture<Void> closed = new CompletableFuture<>();
        var _ =
                runtime.app()
                        .start(() -> runtime.app().when(device::isClosed))
                        .whenComplete((_, _) -> {
                            device.release();
                            if (!thread.context().post(() -> closed.complete(null))) {
                                closed.complete(null);
                            }
                        });
        return closed;
    }

    private void requireNothingOpen(String what) {
        if (!open.areNone()) {
            throw new SpdkException.Busy(
                    this + " can't be " + what + ": blobs are open (" + open.names() + "); close them first",
                    -Errno.EBUSY);
        }
    }

    @Override
    public CompletionStage<Void> unload() {
        return end(UNLOADED, argument -> BlobH.spdk_bs_unload(bs.pointer(), calls.onStatus(), argument));
    }

    @Override
    public CompletionStage<Void> destroy() {
        return end(DESTROYED, argument -> BlobH.spdk_bs_destroy(bs.pointer(), calls.onStatus(), argument));
    }

    private CompletionStage<Void> end(String what, BlobCalls.Start start) {
        requireNothingOpen(what);
        if (operations.areUnderWay() || ending) {
            throw new SpdkException.Busy(
                    this + " can't be " + what + ": an operation is under way; wait for that", -Errno.EBUSY);
        }
        ending = true;
        return calls.start(thread, start)
                .thenCompose(result -> {
                    int status = result.status();
                    // One that has failed is as it was then, and the next load recovers it.
                    boolean asWell = hasFailed();
                    if (status == -Errno.EBUSY) {
                        ending = false;
                        leaveWhenUnused();
                        throw new SpdkException.Busy(
                                this + " can't be " + what + ": blobs are open; close them first", status);
                    }
                    boolean freed = status == 0 || (status == -Errno.EIO && what.equals(UNLOADED));
                    return (freed ? ended() : forceEnd())
                            .thenCompose(_ -> {
                                if (asWell && what.equals(DESTROYED) && !bdev.isRemoved()) {
                                    return CompletableFuture.failedFuture(
                                            errors.of(this + " was closed, but could not be " + what, -Errno.EIO));
                                }
                                return status == 0 || asWell || bdev.isRemoved()
                                        ? CompletableFuture.completedFuture(null)
                                        : CompletableFuture.failedFuture(
                                                errors.of(this + " was closed, but could not be " + what, status));
                            });
                });
    }

    /** Frees the struct without the device. */
    private CompletableFuture<Void> forceEnd() {
        bs.cutOff();
        return calls.start(thread, argument -> BlobH.spdk_bs_unload(bs.pointer(), calls.onStatus(), argument))
                .thenCompose(result -> {
                    if (result.status() != 0 && result.status() != -Errno.EIO) {
                        throw new IllegalStateException(this + " does not end: " + result.status());
                    }
                    return ended();
                });
    }

    /** Its device goes away: ends what is under way. Any thread. */
    void deviceRemoved() {
        bs.cutOff();
        Set<NativeThread> threads = new HashSet<>();
        threads.add(thread);
        channels.forEach(channel -> threads.add(channel.thread()));
        for (NativeThread each : threads) {
            Runnable abort =
                    () ->
                            each.as(() -> {
                                device.abort();
                                return null;
                            });
            if (each.context().isCurrent()) {
                abort.run();
            } else {
                boolean _ = each.context().post(abort);
            }
        }
    }

    @Override
    public void abandon() {
        bs.cutOff();
        thread.later(() -> {
            leftBehind = true;
            leaveWhenUnused();
        });
    }

    private void leaveWhenUnused() {
        if (leftBehind && !ending && !bs.isGone()) {
            ending = true;
            abandoned = true;
        }
    }

    /** Whether it is to be ended as soon as nothing uses it; polled by the metadata thread. */
    boolean isAbandoned() {
        return abandoned;
    }

    /** Ends one that was abandoned when nobody is in it any more. */
    void tryEnd() {
        if (operations.areUnderWay() || !channels.isEmpty() || bs.isGone()) {
            return;
        }
        abandoned = false;
        CompletableFuture<?>[] closed =
                open.all().stream()
                        .map(NativeBlob::close)
                        .map(CompletionStage::toCompletableFuture)
                        .toArray(CompletableFuture[]::new);
        var _ = CompletableFuture.allOf(closed).handle((_, _) -> null).thenCompose(_ -> forceEnd());
    }

    // ---- operations

    void checkUsable() {
        if (bdev.isRemoved()) {
            throw errors.removed();
        }
        if (ending) {
            throw new SpdkException.Closed(this + " is being unloaded; load it again");
        }
        if (hasFailed()) {
            throw errors.failed();
        }
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
        if (!device.isShortOfPages() || device.pagesOf(blob.id()).kept() == 0) {
            return false;
        }
        OptionalLong changed = blob.nextIoUnit(io.offsetBlocks(), io.type() == IoType.UNMAP);
        return changed.isPresent() && changed.getAsLong() < io.offsetBlocks() + io.blockCount();
    }

    int lostWrites() {
        return device.lostWrites();
    }

    MetadataRoom room() {
        return room;
    }

    /** How often the metadata of a blob have been written. */
    int writesOf(long id) {
        return device.writesOf(id);
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

    void requireBlob(long id) {
        checkUsable();
        if (!ids.contains(id)) {
            throw errors.noBlob(id);
        }
    }

    @Override
    public CompletionStage<Long> createBlob(BlobOptions options) {
        return newBlobs.create(options);
    }

    @Override
    public CompletionStage<NativeBlob> openBlob(long id, ClearMethod clearMethod) {
        requireBlob(id);
        return open.open(id, clearMethod);
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

    OpenBlobs openBlobs() {
        return open;
    }

    BlobExclusion exclusion() {
        return exclusion;
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

    // ---- for its blobs

    /** Makes durable what blobs hold. */
    CompletionStage<Void> flush() {
        return operations.run("flushing " + this, argument -> device.flush(calls.onStatus(), argument));
    }

    BlobCalls calls() {
        return calls;
    }

    long alignmentBytes() {
        return external.mayBeInUse() ? 4096 : 1;
    }

    /** Opens a channel of the calling thread. */
    NativeBlobChannel openChannel(NativeThread on, NativeBlob blob, BlobGate gate) {
        MemorySegment channel = bs.openChannel(on);
        if (channel.address() == 0) {
            throw errors.noChannel();
        }
        NativeBlobChannel opened = new NativeBlobChannel(this, on, blob, channel, gate);
        channels.add(opened);
        try {
            if (bdev.device() != null) {
                on.openCustomChannel(bdev.device());
            }
        } catch (Throwable e) {
            opened.close();
            throw e;
        }
        on.blobChannelOpened();
        return opened;
    }

    void channelClosed(NativeBlobChannel channel) {
        if (channels.remove(channel)) {
            channel.thread().blobChannelClosed();
        }
    }
}
