package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.EngineBlob;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.SpinLock;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** One opening of a struct spdk_blob. What every I/O asks for is kept here, and taken anew when it may have changed. */
final class NativeBlob implements EngineBlob {
    private static final int MAX_VALUE_BYTES = 0xffff;

    private final NativeBlobstore store;
    private final long id;
    private final MemorySegment blob;
    private final BlobGate gate;

    private volatile boolean readOnly;
    private volatile boolean thin;
    private volatile boolean snapshot;
    private volatile boolean clone;
    private volatile long clusters;
    private volatile long lastAllocated;

    /** Operations under way, which closing waits for: blobstore would free the blob under them. */
    private int underWay;

    private Runnable whenQuiet;

    /**
     * Whether there is something to write, how often it had been written when that came about, and how much it adds.
     */
    private boolean dirty;

    private int dirtySince;
    private long addedBytes;

    /** Guarded by the metadata lock. */
    private boolean closed;

    NativeBlob(NativeBlobstore store, long id, MemorySegment blob, BlobGate gate) {
        this.store = store;
        this.id = id;
        this.blob = blob;
        this.gate = gate;
        refresh();
    }

    void refresh() {
        if (!closed) {
            readOnly = BlobH.spdk_blob_is_read_only(blob);
            thin = BlobH.spdk_blob_is_thin_provisioned(blob);
            // Blobstore goes on calling one a snapshot whose last clone went, until it loads the store again.
            snapshot = BlobH.spdk_blob_is_snapshot(blob) && store.relations().hasClones(id);
            clone = BlobH.spdk_blob_is_clone(blob);
            clusters = BlobH.spdk_blob_get_num_clusters(blob);
        }
    }

    @Override
    public String toString() {
        return "blob 0x" + Long.toHexString(id) + " of " + store;
    }

    MemorySegment struct() {
        return blob;
    }

    // ---- what it is

    @Override
    public long id() {
        return id;
    }

    @Override
    public boolean isReadOnly() {
        return readOnly;
    }

    @Override
    public boolean isThin() {
        return thin;
    }

    @Override
    public boolean isSnapshot() {
        return snapshot;
    }

    @Override
    public boolean isClone() {
        return clone;
    }

    @Override
    public long clusters() {
        return clusters;
    }

    @Override
    public long sizeBytes() {
        return clusters * store.clusterSizeBytes();
    }

    @Override
    public long allocatedClusters() {
        lastAllocated =
                store.bs()
                        .read(
                                () -> closed ? lastAllocated : BlobH.spdk_blob_get_num_allocated_clusters(blob),
                                lastAllocated);
        return lastAllocated;
    }

    @Override
    public OptionalLong nextIoUnit(long from, boolean allocated) {
        long found =
                store.bs()
                        .read(
                                () ->
                                        closed
                                                ? -1
                                                : allocated
                                                        ? BlobH.spdk_blob_get_next_allocated_io_unit(blob, from)
                                                        : BlobH.spdk_blob_get_next_unallocated_io_unit(blob, from),
                                -1);
        return found == -1 ? OptionalLong.empty() : OptionalLong.of(found);
    }

    @Override
    public EngineChannel openChannel(EngineThread thread) {
        return store.channels().open((NativeThread) thread, this, gate);
    }

    // ---- metadata

    private CompletableFuture<Void> changing(CompletableFuture<Long> done) {
        underWay++;
        return done.<Void>thenApply(_ -> null)
                .whenComplete((_, _) -> {
                    store.openBlobs().refresh(id);
                    if (--underWay == 0 && whenQuiet != null) {
                        whenQuiet.run();
                    }
                });
    }

    /** Writes the new size at once: what blobstore takes when a blob grows is known to it alone until then. */
    @Override
    public CompletionStage<Void> resize(long toClusters) {
        String what = "resizing " + this;
        MetadataRoom room = store.room();
        return changing(
                store.exclusively(
                        what,
                        id,
                        OptionalLong.empty(),
                        () ->
                                room.reserve(
                                        what,
                                        () -> room.toResize(id, thin, toClusters - clusters),
                                        () -> resizeAndWrite(what, toClusters))));
    }

    private CompletableFuture<Long> resizeAndWrite(String what, long toClusters) {
        CompletableFuture<Long> resized =
                store.operations()
                        .begin(
                                what,
                                argument ->
                                        BlobH.spdk_blob_resize(blob, toClusters, store.calls().onStatus(), argument));
        return MissingRoom.explain(store, what, () -> thin ? 0 : toClusters - clusters, resized)
                .thenCompose(_ -> {
                    if (toClusters != clusters) {
                        markDirty(0);
                    }
                    return writeNow("resizing");
                });
    }

    private void now(String what, long addedBytes, IntSupplier call) {
        store.checkUsable();
        int rc = store.thread().as(call::getAsInt);
        if (rc != 0) {
            store.openBlobs().keepPages(id);
            throw store.errors().of(what + " on " + this, rc);
        }
        markDirty(addedBytes);
    }

    /** Whether what there was to write has not been: where no metadata page is left v26.01 says that all is well. */
    private boolean isUnwritten() {
        return dirty && store.writesOf(id) == dirtySince;
    }

    private void markDirty(long added) {
        dirty = true;
        dirtySince = store.writesOf(id);
        addedBytes += added;
        store.openBlobs().keepPages(id);
    }

    private SpdkException unwritten(String what) {
        return BlobErrors.noPages(what + " " + this + ", which finds no free metadata page");
    }

    @Override
    public void setReadOnly() {
        now("setReadOnly", 0, () -> BlobH.spdk_blob_set_read_only(blob));
    }

    /** Writes its metadata, if they have changed; fails when there is no page for them. */
    CompletableFuture<Long> write() {
        return store.room().reserve("syncing " + this, this::pagesToWrite, () -> writeNow("syncing"));
    }

    private CompletableFuture<Long> writeNow(String what) {
        return store.operations()
                .begin(what + " " + this, argument -> BlobH.spdk_blob_sync_md(blob, store.calls().onStatus(), argument))
                .thenApply(done -> {
                    if (isUnwritten()) {
                        throw unwritten(what);
                    }
                    store.openBlobs().metadataWritten(id);
                    return done;
                });
    }

    private MetadataRoom.Need pagesToWrite() {
        return store.openBlobs().isDirty(id)
                ? store.room().toRewrite(id, store.openBlobs().addedBytes(id))
                : MetadataRoom.Need.NONE;
    }

    long addedBytes() {
        return addedBytes;
    }

    boolean isDirty() {
        return dirty;
    }

    void metadataWritten() {
        if (!isUnwritten()) {
            dirty = false;
            addedBytes = 0;
        }
    }

    @Override
    public CompletionStage<Void> syncMetadata() {
        return changing(store.exclusion().inTurn(id, this::write)).thenCompose(_ -> store.flush());
    }

    @Override
    public void setXattr(String name, byte[] value) {
        String what = "setting attribute '" + name + "' of " + value.length + " bytes";
        if (value.length > MAX_VALUE_BYTES) {
            store.checkUsable();
            throw store.errors().of(what + " on " + this, -Errno.ENOMEM);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment utf8 = arena.allocateFrom(name, StandardCharsets.UTF_8);
            MemorySegment copy = arena.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, copy, ValueLayout.JAVA_BYTE, 0, value.length);
            long added = MetadataRoom.xattrBytes(name, value) - bytesOf(name);
            if (added > 0) {
                store.checkUsable();
                long before = Math.max(0, store.openBlobs().addedBytes(id));
                store.room().grow(what + " on " + this, id, before, before + added);
            }
            now(what, added, () -> BlobH.spdk_blob_set_xattr(blob, utf8, copy, (short) value.length));
        }
    }

    private long bytesOf(String xattr) {
        return xattr(xattr).map(value -> MetadataRoom.xattrBytes(xattr, value)).orElse(0L);
    }

    @Override
    public Optional<byte[]> xattr(String name) {
        store.checkUsable();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment utf8 = arena.allocateFrom(name, StandardCharsets.UTF_8);
            MemorySegment value = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment length = arena.allocate(ValueLayout.JAVA_LONG);
            int rc = BlobH.spdk_blob_get_xattr_value(blob, utf8, value, length);
            return rc != 0
                    ? Optional.empty()
                    : Optional.of(
                            Memory.at(value.get(ValueLayout.ADDRESS, 0).address(), length.get(ValueLayout.JAVA_LONG, 0))
                                    .toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Override
    public List<String> xattrNames() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment list = arena.allocate(ValueLayout.ADDRESS);
            store.checkUsable();
            int rc = BlobH.spdk_blob_get_xattr_names(blob, list);
            if (rc != 0) {
                throw store.errors().of("listing the attributes of " + this, rc);
            }
            MemorySegment names = list.get(ValueLayout.ADDRESS, 0);
            List<String> all = new ArrayList<>();
            for (int i = 0; i < BlobH.spdk_xattr_names_get_count(names); i++) {
                all.add(Memory.text(BlobH.spdk_xattr_names_get_name(names, i)));
            }
            BlobH.spdk_xattr_names_free(names);
            return all;
        }
    }

    @Override
    public void removeXattr(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment utf8 = arena.allocateFrom(name, StandardCharsets.UTF_8);
            long bytes = bytesOf(name);
            int rc = store.thread().as(() -> BlobH.spdk_blob_remove_xattr(blob, utf8));
            if (rc == -Errno.ENOENT) {
                throw new SpdkException.NotFound("there is no attribute '" + name + "' on " + this, rc);
            }
            if (rc != 0) {
                throw store.errors().of("removing attribute '" + name + "' on " + this, rc);
            }
            markDirty(-bytes);
        }
    }

    // ---- the end

    @Override
    public CompletionStage<Void> close() {
        store.operations().began();
        CompletableFuture<Void> done = new CompletableFuture<>();
        whenQuiet =
                () -> {
                    lastAllocated = allocatedClusters();
                    try (SpinLock _ = store.thread().metadataLock()) {
                        closed = true;
                    }
                    var _ =
                            store.exclusion()
                                    .inTurn(
                                            id,
                                            () -> {
                                                closeNow(done);
                                                return done;
                                            });
                };
        if (underWay == 0) {
            whenQuiet.run();
        }
        return done;
    }

    private void closeNow(CompletableFuture<Void> done) {
        int before = store.lostWrites();
        Supplier<CompletableFuture<BlobCalls.Result>> closing = () -> store.operations().close(blob.address());
        // Without room blobstore closes it as it is on the device, or takes pages that are kept back for I/O of others.
        var _ =
                store.room()
                        .reserve("closing " + this, this::pagesToWrite, closing)
                        .exceptionallyCompose(_ -> store.exclusion().allQuietly(closing))
                        .thenAccept(result -> {
                            SpdkException lost =
                                    store.lostWrites() != before
                                            ? store.errors().failed()
                                            : isUnwritten() ? unwritten("closing") : null;
                            store.openBlobs().metadataWritten(id);
                            store.openBlobs().closed(this);
                            store.operations().finished();
                            if (store.bdev().isRemoved() || (result.status() == 0 && lost == null)) {
                                done.complete(null);
                            } else {
                                done.completeExceptionally(
                                        lost != null ? lost : store.errors().of("closing " + this, result.status()));
                            }
                        });
    }
}
