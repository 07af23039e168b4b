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

    /** Whether there is something to write, and how much metadata had been written when that came about. */
    private boolean dirty;

    private int dirtySince;

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
            snapshot = BlobH.spdk_blob_is_snapshot(blob) && store.hasClones(id);
            clone = BlobH.spdk_blob_is_clone(blob);
            clusters = BlobH.spdk_blob_get_num_clusters(blob);
        }
    }

    @Override
    public String toString() {
        return "blob 0x" + Long.toHexString(id) + " of " + store;
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
                store.read(
                        () -> closed ? lastAllocated : BlobH.spdk_blob_get_num_allocated_clusters(blob), lastAllocated);
        return lastAllocated;
    }

    @Override
    public OptionalLong nextIoUnit(long from, boolean allocated) {
        long found =
                store.read(
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
        return store.openChannel((NativeThread) thread, blob, gate);
    }

    // ---- metadata

    private CompletableFuture<Void> changing(CompletableFuture<Long> done) {
        underWay++;
        return done.<Void>thenApply(_ -> null)
                .whenComplete((_, _) -> {
                    store.refresh(id);
                    if (--underWay == 0 && whenQuiet != null) {
                        whenQuiet.run();
                    }
                });
    }

    @Override
    public CompletionStage<Void> resize(long toClusters) {
        return MissingRoom.explain(
                        store,
                        "resizing " + this,
                        () -> thin ? 0 : toClusters - clusters,
                        changing(
                                store.exclusively(
                                        "resizing " + this,
                                        id,
                                        OptionalLong.empty(),
                                        () ->
                                                store.operation(
                                                        "resizing " + this,
                                                        argument ->
                                                                BlobH.spdk_blob_resize(
                                                                        blob,
                                                                        toClusters,
                                                                        store.calls().onStatus(),
                                                                        argument)))))
                .thenAccept(_ -> markDirty());
    }

    private void now(String what, IntSupplier call) {
        store.checkUsable();
        int rc = store.thread().as(call::getAsInt);
        if (rc != 0) {
            throw store.failure(what + " on " + this, rc);
        }
        markDirty();
    }

    /**
     * Whether what there was to write has not been: where no metadata page is left v26.01 says that all is well. Not
     * noticed when others write at the same time.
     */
    private boolean isUnwritten() {
        return dirty && store.metadataWrites() == dirtySince;
    }

    private void markDirty() {
        dirty = true;
        dirtySince = store.metadataWrites();
    }

    private SpdkException unwritten(String what) {
        return BlobErrors.noPages(what + " " + this + ", which finds no free metadata page");
    }

    @Override
    public void setReadOnly() {
        now("setReadOnly", () -> BlobH.spdk_blob_set_read_only(blob));
    }

    /** Writes its metadata, if they have changed. */
    CompletableFuture<Long> write() {
        return store.operation(
                "syncing " + this, argument -> BlobH.spdk_blob_sync_md(blob, store.calls().onStatus(), argument));
    }

    @Override
    public CompletionStage<Void> syncMetadata() {
        return changing(store.exclusion().inTurn(id, this::write))
                .thenCompose(_ -> {
                    if (isUnwritten()) {
                        return CompletableFuture.failedFuture(unwritten("syncing"));
                    }
                    dirty = false;
                    return store.flush();
                });
    }

    @Override
    public void setXattr(String name, byte[] value) {
        String what = "setting attribute '" + name + "' of " + value.length + " bytes";
        if (value.length > MAX_VALUE_BYTES) {
            store.checkUsable();
            throw store.failure(what + " on " + this, -Errno.ENOMEM);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment utf8 = arena.allocateFrom(name, StandardCharsets.UTF_8);
            MemorySegment copy = arena.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, copy, ValueLayout.JAVA_BYTE, 0, value.length);
            now(what, () -> BlobH.spdk_blob_set_xattr(blob, utf8, copy, (short) value.length));
        }
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
                throw store.failure("listing the attributes of " + this, rc);
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
            store.checkUsable();
            int rc = store.thread().as(() -> BlobH.spdk_blob_remove_xattr(blob, utf8));
            if (rc == -Errno.ENOENT) {
                throw new SpdkException.NotFound("there is no attribute '" + name + "' on " + this, rc);
            }
            if (rc != 0) {
                throw store.failure("removing attribute '" + name + "' on " + this, rc);
            }
            markDirty();
        }
    }

    // ---- the end

    @Override
    public CompletionStage<Void> close() {
        store.began();
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
                                                attempt(done);
                                                return done;
                                            });
                };
        if (underWay == 0) {
            whenQuiet.run();
        }
        return done;
    }

    /** Blobstore closes it in any case but when it has no memory to begin. */
    private void attempt(CompletableFuture<Void> done) {
        int before = store.lostWrites();
        var _ =
                store.calls()
                        .start(
                                store.thread(),
                                argument -> BlobH.spdk_blob_close(blob, store.calls().onStatus(), argument))
                        .thenAccept(result -> {
                            int status = result.status();
                            if (status == -Errno.ENOMEM) {
                                // All requests are in use: not for long.
                                store.thread().later(() -> attempt(done));
                                return;
                            }
                            SpdkException lost =
                                    store.lostWrites() != before
                                            ? store.hasFailedException()
                                            : isUnwritten() ? unwritten("closing") : null;
                            store.blobClosed(this);
                            store.finished();
                            if (store.bdev().isRemoved() || (status == 0 && lost == null)) {
                                done.complete(null);
                            } else {
                                done.completeExceptionally(
                                        lost != null ? lost : store.failure("closing " + this, status));
                            }
                        });
    }
}
