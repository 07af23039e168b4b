package io.spdkio.libspdk;

import io.spdkio.blob.ClearMethod;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.spdk_blob_open_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** The blobs of a store that are open, each perhaps several times. On the metadata thread. */
final class OpenBlobs {
    private final NativeBlobstore store;
    private final StoreDevice device;
    private final BlobExclusion exclusion;
    private final Map<Long, List<NativeBlob>> open = new HashMap<>();

    OpenBlobs(NativeBlobstore store, StoreDevice device, BlobExclusion exclusion) {
        this.store = store;
        this.device = device;
        this.exclusion = exclusion;
    }

    boolean areNone() {
        return open.isEmpty();
    }

    /** For messages: some of them. */
    String names() {
        return String.join(", ", open.keySet().stream().limit(8).map(id -> "0x" + Long.toHexString(id)).toList());
    }

    List<NativeBlob> all() {
        List<NativeBlob> all = new ArrayList<>();
        open.values().forEach(all::addAll);
        return all;
    }

    /** All openings of a blob know the same of it. */
    Optional<NativeBlob> get(long id) {
        return handles(id).stream().findFirst();
    }

    private List<NativeBlob> handles(long id) {
        return open.getOrDefault(id, List.of());
    }

    // ---- opening and closing

    CompletableFuture<NativeBlob> open(long id, ClearMethod clearMethod) {
        return store.operations()
                .open(
                        "opening " + BlobIds.name(id) + " of " + store,
                        argument -> {
                            try (Arena arena = Arena.ofConfined()) {
                                MemorySegment struct = spdk_blob_open_opts.allocate(arena);
                                BlobH.spdk_blob_open_opts_init(struct, spdk_blob_open_opts.BYTES);
                                spdk_blob_open_opts.clear_method(struct, NewBlobs.clearMethod(clearMethod));
                                BlobH.spdk_bs_open_blob_ext(
                                        store.bs().pointer(), id, struct, store.calls().onHandle(), argument);
                            }
                        })
                .thenApply(address -> {
                    NativeBlob opened =
                            new NativeBlob(store, id, MemorySegment.ofAddress(address), exclusion.opened(id));
                    open.computeIfAbsent(id, _ -> new ArrayList<>(1)).add(opened);
                    keepPages(id);
                    return opened;
                });
    }

    void closed(NativeBlob blob) {
        List<NativeBlob> handles = open.get(blob.id());
        handles.remove(blob);
        if (handles.isEmpty()) {
            open.remove(blob.id());
            exclusion.closed(blob.id());
        }
        keepPages(blob.id());
    }

    /** What is known of the open blobs is taken anew. */
    void refresh(long id) {
        handles(id).forEach(NativeBlob::refresh);
    }

    // ---- their metadata

    /** What is to be written of a blob more than it has on the device. */
    long addedBytes(long id) {
        return handles(id).stream().mapToLong(NativeBlob::addedBytes).sum();
    }

    boolean isDirty(long id) {
        return handles(id).stream().anyMatch(NativeBlob::isDirty);
    }

    /** All that has changed has been written. */
    void metadataWritten(long id) {
        handles(id).forEach(NativeBlob::metadataWritten);
        keepPages(id);
    }

    /** Keeps back what I/O of a blob may need, as it is now. */
    void keepPages(long id) {
        device.keepPages(id, open.containsKey(id), Math.toIntExact(Math.max(0, addedBytes(id))));
    }

    /**
     * Goes on when what is known of a blob has been written. A snapshot of one that was made smaller and is not written
     * yet gets memory of another size than blobstore takes it for.
     */
    <T> CompletableFuture<T> written(long id, Supplier<CompletableFuture<T>> operation) {
        return get(id).map(blob -> blob.write().thenCompose(_ -> operation.get())).orElseGet(operation);
    }
}
