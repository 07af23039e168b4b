package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.spdk_blob_open_opts;
import io.spdkio.sys.raw.spdk_blob_opts;
import io.spdkio.sys.raw.spdk_blob_xattr_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/** A blobstore of SPDK's. Everything that SPDK is asked for is asked on the metadata thread. */
final class NativeBlobstore implements EngineBlobstore {
    /** What a page holds, less what stands before an attribute. */
    private static final int MAX_XATTR_BYTES = 4063;

    private static final String UNLOADED = "unloaded";
    private static final String DESTROYED = "destroyed";
    private static final long FIRST_BLOB = 1L << 32;

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

    /** The pages of the blobs that there are. */
    private final BitSet blobs = new BitSet();

    private final Map<Long, List<NativeBlob>> open = new HashMap<>();
    private final Map<Long, CompletableFuture<Void>> deletions = new HashMap<>();
    private final BlobExclusion exclusion;
    private final MetadataRoom room;
    private final Set<NativeBlobChannel> channels = ConcurrentHashMap.newKeySet();

    /** What blobstore still reads from. */
    private final Set<Arena> inUse = new HashSet<>();

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
        this.exclusion = new BlobExclusion(thread, this::parentOf);
        this.bdev = bdev;
        this.device = device;
        this.bs = new StoreStruct(thread, device);
        this.errors = new StoreErrors(this, bdev, device, runtime.log());
        this.room = new MetadataRoom(this, device);
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
        noteBlob(BlobH.spdk_blob_get_id(MemorySegment.ofAddress(blob)));
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
        if (!open.isEmpty()) {
            String names =
                    String.join(", ", open.keySet().stream().limit(8).map(id -> "0x" + Long.toHexString(id)).toList());
            throw new SpdkException.Busy(
                    this + " can't be " + what + ": blobs are open (" + names + "); close them first", -Errno.EBUSY);
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
        List<NativeBlob> left = new ArrayList<>();
        open.values().forEach(left::addAll);
        CompletableFuture<?>[] closed =
                left.stream()
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

    /** What is to be written of a blob more than it has on the device. */
    long addedBytes(long id) {
        return open.getOrDefault(id, List.of()).stream().mapToLong(NativeBlob::addedBytes).sum();
    }

    boolean isDirty(long id) {
        return open.getOrDefault(id, List.of()).stream().anyMatch(NativeBlob::isDirty);
    }

    /** All that has changed has been written. */
    void metadataWritten(long id) {
        open.getOrDefault(id, List.of()).forEach(NativeBlob::metadataWritten);
        keepPages(id);
    }

    /** How often the metadata of a blob have been written. */
    int writesOf(long id) {
        return device.writesOf(id);
    }

    private static String blob(long id) {
        return "blob 0x" + Long.toHexString(id);
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

    private static int pageOf(long id) {
        return (int) id;
    }

    private void noteBlob(long id) {
        blobs.set(pageOf(id));
    }

    @Override
    public CompletionStage<OptionalLong> nextBlob(OptionalLong after) {
        checkUsable();
        int page = blobs.nextSetBit(after.isPresent() ? pageOf(after.getAsLong()) + 1 : 0);
        return CompletableFuture.completedFuture(page < 0 ? OptionalLong.empty() : OptionalLong.of(FIRST_BLOB | page));
    }

    /** An id that can't be one is not for SPDK, which takes its lower half. */
    private boolean isBlob(long id) {
        return (id & ~0x7fff_ffffL) == FIRST_BLOB && blobs.get(pageOf(id));
    }

    private void requireBlob(long id) {
        checkUsable();
        if (!isBlob(id)) {
            throw errors.noBlob(id);
        }
    }

    static int clearMethod(ClearMethod method) {
        return switch (method) {
            case DEFAULT -> BlobH.BLOB_CLEAR_WITH_DEFAULT;
            case NONE -> BlobH.BLOB_CLEAR_WITH_NONE;
            case UNMAP -> BlobH.BLOB_CLEAR_WITH_UNMAP;
            case WRITE_ZEROES -> BlobH.BLOB_CLEAR_WITH_WRITE_ZEROES;
        };
    }

    /** There is a new blob. Blobstore gives it the id of one that it is still deleting, which has to have ended. */
    private CompletableFuture<Long> created(String what, long id) {
        requireWritten(what, id, 0);
        return deletions
                .getOrDefault(id, CompletableFuture.completedFuture(null))
                .handle((_, _) -> {
                    noteBlob(id);
                    return id;
                });
    }

    /** That is what {@link MetadataRoom} is for; if it fails to do that, the store goes no further. */
    private void requireWritten(String what, long id, int before) {
        if (writesOf(id) == before) {
            device.fail();
            throw BlobErrors.noPages(what + ": no metadata page was left; unload and load the store");
        }
    }

    /** SPDK takes the lower 16 bits of a length, and no attributes without a value here. */
    private void requireXattrs(Map<String, byte[]> xattrs) {
        xattrs.forEach((name, value) -> {
            String what = "attribute '" + name + "' of " + value.length + " bytes for a new blob in " + this;
            if (value.length == 0) {
                throw SpdkException.withMessage(
                        what + ": EINVAL. It needs a value; set an empty one with Blob.setXattr", -Errno.EINVAL);
            }
            if (name.getBytes(StandardCharsets.UTF_8).length + value.length > MAX_XATTR_BYTES) {
                throw errors.of(what, -Errno.ENOMEM);
            }
        });
    }

    @Override
    public CompletionStage<Long> createBlob(BlobOptions options) {
        requireXattrs(options.xattrs());
        String what = "creating a blob of " + options.clusters() + " clusters in " + this;
        return room.reserve(
                        what,
                        () -> room.toCreate(options),
                        () ->
                                MissingRoom.explain(
                                        this,
                                        what,
                                        () -> options.thin() ? 0 : options.clusters(),
                                        operations.begin(
                                                what,
                                                argument -> {
                                                    try (Arena arena = Arena.ofConfined()) {
                                                        MemorySegment struct = blobOptions(options, arena);
                                                        BlobH.spdk_bs_create_blob_ext(
                                                                bs.pointer(), struct, calls.onValue(), argument);
                                                    }
                                                })))
                .thenCompose(id -> created(what, id));
    }

    private static MemorySegment blobOptions(BlobOptions options, Arena arena) {
        MemorySegment struct = spdk_blob_opts.allocate(arena);
        BlobH.spdk_blob_opts_init(struct, spdk_blob_opts.BYTES);
        spdk_blob_opts.num_clusters(struct, options.clusters());
        spdk_blob_opts.thin_provision(struct, options.thin());
        spdk_blob_opts.clear_method(struct, clearMethod(options.clearMethod()));
        spdk_blob_opts.use_extent_table(struct, options.extentTable());
        StoreDevice.xattrs(spdk_blob_opts.xattrs(struct), options.xattrs(), arena);
        options.externalSnapshot()
                .ifPresent(identity -> {
                    spdk_blob_opts.esnap_id(struct, arena.allocateFrom(ValueLayout.JAVA_BYTE, identity));
                    spdk_blob_opts.esnap_id_len(struct, identity.length);
                });
        return struct;
    }

    @Override
    public CompletionStage<NativeBlob> openBlob(long id, ClearMethod clearMethod) {
        requireBlob(id);
        return operations
                .open(
                        "opening " + blob(id) + " of " + this,
                        argument -> {
                            try (Arena arena = Arena.ofConfined()) {
                                MemorySegment struct = spdk_blob_open_opts.allocate(arena);
                                BlobH.spdk_blob_open_opts_init(struct, spdk_blob_open_opts.BYTES);
                                spdk_blob_open_opts.clear_method(struct, clearMethod(clearMethod));
                                BlobH.spdk_bs_open_blob_ext(bs.pointer(), id, struct, calls.onHandle(), argument);
                            }
                        })
                .thenApply(address -> {
                    NativeBlob opened =
                            new NativeBlob(this, id, MemorySegment.ofAddress(address), exclusion.opened(id));
                    open.computeIfAbsent(id, _ -> new ArrayList<>(1)).add(opened);
                    keepPages(id);
                    return opened;
                });
    }

    void blobClosed(NativeBlob blob) {
        List<NativeBlob> handles = open.get(blob.id());
        handles.remove(blob);
        if (handles.isEmpty()) {
            open.remove(blob.id());
            exclusion.closed(blob.id());
        }
        keepPages(blob.id());
    }

    /** Keeps back what I/O of a blob may need, as it is now. */
    void keepPages(long id) {
        device.keepPages(id, open.containsKey(id), Math.toIntExact(Math.max(0, addedBytes(id))));
    }

    /** What is known of the open blobs is taken anew. */
    void refresh(long id) {
        List<NativeBlob> handles = open.get(id);
        if (handles != null) {
            handles.forEach(NativeBlob::refresh);
        }
    }

    /** The blob, its parent and its clones: whom an operation on it may change. */
    private Set<Long> family(long id) {
        Set<Long> family = new HashSet<>(clonesOf(id));
        family.add(id);
        parentOf(id).ifPresent(family::add);
        return family;
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
                () -> exclusion.inTurn(id, () -> exclusion.quietly(id, () -> written(id, operation))));
    }

    /**
     * Goes on when what is known of a blob has been written. A snapshot of one that was made smaller and is not written
     * yet gets memory of another size than blobstore takes it for.
     */
    private <T> CompletableFuture<T> written(long id, Supplier<CompletableFuture<T>> operation) {
        List<NativeBlob> handles = open.get(id);
        return handles == null ? operation.get() : handles.getFirst().write().thenCompose(_ -> operation.get());
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

    BlobExclusion exclusion() {
        return exclusion;
    }

    private <T> CompletableFuture<T> changing(long id, Supplier<CompletableFuture<T>> operation) {
        Set<Long> before = open.isEmpty() ? Set.of() : family(id);
        return operation
                .get()
                .whenComplete((_, _) -> {
                    if (!open.isEmpty() && !bs.isGone()) {
                        before.forEach(this::refresh);
                        family(id).forEach(this::refresh);
                    }
                });
    }

    @Override
    public CompletionStage<Void> deleteBlob(long id) {
        requireBlob(id);
        String what = "deleting " + blob(id) + " of " + this;
        // An only clone takes over what the blob has.
        List<Long> clones = clonesOf(id);
        Supplier<CompletableFuture<Void>> delete =
                () ->
                        operations
                                .runWithoutExternal(
                                        what,
                                        argument ->
                                                BlobH.spdk_bs_delete_blob(bs.pointer(), id, calls.onStatus(), argument))
                                .thenApply(_ -> {
                                    blobs.clear(pageOf(id));
                                    return null;
                                });
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
        deletions.put(id, deletion);
        return deletion.whenComplete((_, _) -> deletions.remove(id, deletion));
    }

    /** Deletes a snapshot with one clone. */
    private CompletableFuture<Void> merge(String what, long id, long clone, Supplier<CompletableFuture<Void>> delete) {
        Supplier<CompletableFuture<Void>> reserved =
                () -> room.reserve(what, () -> room.toMerge(id, clone), () -> mergeNow(what, id, clone, delete));
        Supplier<CompletableFuture<Void>> quiet = () -> exclusion.quietly(clone, () -> written(clone, reserved));
        return exclusion.exclusively(
                what,
                List.of(id, clone),
                OptionalLong.empty(),
                () -> exclusion.inTurn(id, () -> exclusion.inTurn(clone, quiet)));
    }

    private CompletableFuture<Void> mergeNow(
            String what, long id, long clone, Supplier<CompletableFuture<Void>> delete) {
        checkUsable();
        StoreHead head = device.superBlock().flatMap(bytes -> StoreHead.in(MemorySegment.ofArray(bytes))).orElseThrow();
        StoreIo io = new StoreIo(runtime, thread, bdev, device, what);
        return operations.holding(
                what, clone, _ -> AdoptedExtents.fit(io, head, runtime.memory(), id, clone, delete, device::fail));
    }

    private interface Family {
        void call(MemorySegment xattrs, MemorySegment argument);
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
            Family start) {
        requireBlob(id);
        requireXattrs(xattrs);
        // Blobstore reads the attributes in the middle of its work.
        Arena arena = Arena.ofAuto();
        MemorySegment struct = spdk_blob_xattr_opts.allocate(arena);
        StoreDevice.xattrs(struct, xattrs, arena);
        String named = blob(id) + " of " + this;
        String all = what + " of " + named;
        Supplier<CompletableFuture<Long>> made =
                () -> {
                    // Not before, as who is refused with an exception would leave it there.
                    inUse.add(arena);
                    int before = writesOf(id);
                    return room.reserve(all, pages, () -> deriveNow(all, argument -> start.call(struct, argument)))
                            .thenCompose(newId -> {
                                if (changes) {
                                    requireWritten(all, id, before);
                                }
                                return created(all, newId);
                            });
                };
        return changing(
                id,
                () ->
                        (changes
                                        ? exclusively(all, id, OptionalLong.empty(), made)
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
        device.remember(true);
        CompletableFuture<Long> derived =
                CompletableFuture.<Void>completedFuture(null)
                        .thenCompose(_ -> operations.begin(what, start))
                        .whenComplete((_, _) -> device.remember(false));
        return MissingRoom.explain(this, what, () -> 0, derived);
    }

    @Override
    public CompletionStage<Long> snapshotBlob(long id, Map<String, byte[]> xattrs) {
        return derive(
                "a snapshot",
                id,
                true,
                xattrs,
                () -> room.toSnapshot(id, xattrs),
                BlobErrors::snapshotOfReadOnly,
                (struct, argument) ->
                        BlobH.spdk_bs_create_snapshot(bs.pointer(), id, struct, calls.onValue(), argument));
    }

    @Override
    public CompletionStage<Long> cloneBlob(long id, Map<String, byte[]> xattrs) {
        return derive(
                "a clone",
                id,
                false,
                xattrs,
                () -> room.toClone(xattrs),
                BlobErrors::cloneOfWritable,
                (struct, argument) -> BlobH.spdk_bs_create_clone(bs.pointer(), id, struct, calls.onValue(), argument));
    }

    private interface Copying {
        void call(MemorySegment channel, MemorySegment argument);
    }

    /** An operation that does blob I/O, for which it needs a channel. */
    private CompletionStage<Void> copying(
            String what, long id, Supplier<CompletableFuture<Void>> check, Copying start) {
        requireBlob(id);
        return changing(
                id,
                () ->
                        exclusively(
                                what,
                                id,
                                parentOf(id),
                                () ->
                                        check.get()
                                                .thenCompose(_ ->
                                                        exclusion.copying(() ->
                                                                room.reserve(
                                                                        what,
                                                                        () -> room.toAllocate(id),
                                                                        () -> copy(what, start))))));
    }

    private CompletableFuture<Void> copy(String what, Copying start) {
        checkUsable();
        MemorySegment channel = thread.as(() -> BlobH.spdk_bs_alloc_io_channel(bs.pointer()));
        if (channel.address() == 0) {
            throw errors.of(what, -Errno.ENOMEM);
        }
        // The device may have gone since, but the channel is there.
        return CompletableFuture.<Void>completedFuture(null)
                .thenCompose(_ -> operations.run(what, argument -> start.call(channel, argument)))
                .whenComplete((_, _) ->
                        thread.as(() -> {
                            BlobH.spdk_bs_free_io_channel(channel);
                            return null;
                        }));
    }

    @Override
    public CompletionStage<Void> inflateBlob(long id) {
        String what = "inflating " + blob(id) + " of " + this;
        return MissingRoom.explainCopying(
                this,
                what,
                id,
                OptionalLong.empty(),
                copying(
                        what,
                        id,
                        () -> CompletableFuture.completedFuture(null),
                        (channel, argument) ->
                                BlobH.spdk_bs_inflate_blob(bs.pointer(), channel, id, calls.onStatus(), argument)));
    }

    @Override
    public CompletionStage<Void> decoupleParent(long id) {
        String what = "decoupling " + blob(id) + " of " + this + " from its parent";
        CompletionStage<Void> done =
                copying(
                        what,
                        id,
                        () -> requireNoLarger(what, id),
                        (channel, argument) ->
                                BlobH.spdk_bs_blob_decouple_parent(
                                        bs.pointer(), channel, id, calls.onStatus(), argument));
        return MissingRoom.explainCopying(this, what, id, parentOf(id), done)
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
        OptionalLong parent = parentOf(id);
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
        List<NativeBlob> handles = open.get(id);
        if (handles != null) {
            return CompletableFuture.completedFuture(handles.getFirst().clusters());
        }
        String what = "looking at " + blob(id) + " of " + this;
        return operations.holding(
                what,
                id,
                address ->
                        CompletableFuture.completedFuture(
                                BlobH.spdk_blob_get_num_clusters(MemorySegment.ofAddress(address))));
    }

    @Override
    public List<Long> clones(long id) {
        checkUsable();
        return clonesOf(id);
    }

    boolean hasClones(long id) {
        try (Arena arena = Arena.ofConfined()) {
            return cloneCount(id, arena.allocate(ValueLayout.JAVA_LONG)) != 0;
        }
    }

    private int cloneCount(long id, MemorySegment count) {
        int _ = thread.as(() -> BlobH.spdk_blob_get_clones(bs.pointer(), id, MemorySegment.NULL, count));
        return (int) count.get(ValueLayout.JAVA_LONG, 0);
    }

    private List<Long> clonesOf(long id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
            int found = cloneCount(id, count);
            if (found == 0) {
                return List.of();
            }
            MemorySegment ids = arena.allocate(ValueLayout.JAVA_LONG, found);
            int rc = thread.as(() -> BlobH.spdk_blob_get_clones(bs.pointer(), id, ids, count));
            if (rc != 0) {
                throw errors.of("the clones of " + blob(id), rc);
            }
            List<Long> clones = new ArrayList<>();
            for (int i = 0; i < found; i++) {
                clones.add(ids.getAtIndex(ValueLayout.JAVA_LONG, i));
            }
            return clones;
        }
    }

    @Override
    public OptionalLong parent(long id) {
        checkUsable();
        return parentOf(id);
    }

    private OptionalLong parentOf(long id) {
        long parent = thread.as(() -> BlobH.spdk_blob_get_parent_snapshot(bs.pointer(), id));
        return parent == BlobH.SPDK_BLOBID_INVALID || parent == BlobH.SPDK_BLOBID_EXTERNAL_SNAPSHOT
                ? OptionalLong.empty()
                : OptionalLong.of(parent);
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
