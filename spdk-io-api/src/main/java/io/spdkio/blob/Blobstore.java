package io.spdkio.blob;

import io.spdkio.IoDevice;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A loaded blobstore ({@code struct spdk_blob_store}).
 *
 * <p><b>Thread:</b> metadata belongs to the thread that made or loaded the store. Every method may be called on any
 * thread: an operation is carried out on the metadata thread, which has to be polled, and its future completes on the
 * caller's SPDK thread, or on the metadata thread when the caller has none. Blob I/O goes through channels: {@code
 * thread.ioChannel(store)} gives that thread's.
 *
 * <p><b>Completion:</b> an operation that has completed survives a power cut, unless its method says otherwise. One
 * that the device cut short has happened as a whole or not at all when the store is loaded again.
 *
 * <p><b>Conflicts:</b> while a blob is resized, inflated, decoupled, deleted, or a snapshot or clone is made of it,
 * another of these on the same blob, or on one of its family that would come in its way, fails with {@link
 * SpdkException.Busy}. I/O may wait meanwhile; on the native engine that on the blob and on what reads through it does.
 *
 * <p><b>Errors:</b> a full store is {@code -ENOSPC} ({@link SpdkException.IoFailed}) on that call alone. After the
 * device was removed every operation fails with {@link SpdkException.NotFound}, but {@link #unload} works.
 */
public interface Blobstore extends IoDevice, AutoCloseable {
    /**
     * The device it lies on.
     *
     * @return a handle of it
     */
    Bdev bdev();

    /**
     * The thread that its metadata belongs to.
     *
     * @return the thread
     */
    SpdkThread metadataThread();

    /**
     * What it is used for.
     *
     * @return its type; empty when it was made without one
     */
    String type();

    /**
     * The unit of allocation.
     *
     * @return bytes in a cluster
     */
    long clusterSizeBytes();

    /**
     * The unit of metadata ({@code spdk_bs_get_page_size}).
     *
     * @return bytes in a page
     */
    int pageSizeBytes();

    /**
     * The unit of blob I/O: offsets and lengths are multiples of it.
     *
     * @return bytes in an I/O unit
     */
    int ioUnitSizeBytes();

    /**
     * How many clusters there are for data, free or not.
     *
     * @return the number of clusters
     */
    long totalDataClusters();

    /**
     * How many clusters are free, as it is now.
     *
     * @return the number of clusters
     */
    long freeClusters();

    /**
     * Whether it was unloaded or destroyed.
     *
     * @return true from the call on
     */
    boolean isClosed();

    // ---- the store

    /**
     * The blob that describes the others, if one was set.
     *
     * @return completes with it, or with nothing
     */
    IoFuture<Optional<BlobId>> superBlob();

    /**
     * Sets the blob that describes the others. Whether it exists is not looked at.
     *
     * @param id the blob; empty for none
     * @return completes when that is durable
     */
    IoFuture<Void> setSuperBlob(Optional<BlobId> id);

    /**
     * Makes use of a device that has become larger ({@code spdk_bs_grow_live}).
     *
     * @return completes when it has its new size; fails with {@code -ENOSPC} when the space for the map of clusters,
     *     which was reserved when the store was made, is too small, or the device has become smaller
     */
    IoFuture<Void> grow();

    /**
     * Unloads it: writes the maps of what is used, marks it clean and lets go of the device. Blobs must be closed
     * before; channels are closed here.
     *
     * @return completes when the device is free again; fails with {@link SpdkException.Busy} when blobs are open, and
     *     then the store stays loaded. When it fails otherwise the store is closed all the same, and the next load
     *     recovers it
     */
    IoFuture<Void> unload();

    /**
     * Unloads it and overwrites its super block ({@code spdk_bs_destroy}). Blobs must be closed before.
     *
     * @return completes when the device is free again
     */
    IoFuture<Void> destroy();

    /** {@link #unload}, and waits for it. Closing twice is once. */
    @Override
    void close();

    // ---- its blobs

    /**
     * Begins to go through all blobs, without loading them.
     *
     * @return stands before the first
     */
    BlobCursor blobs();

    /**
     * Creates a blob.
     *
     * @param options its size and more
     * @return completes with its id
     */
    IoFuture<BlobId> create(BlobOptions options);

    /**
     * Opens a blob. It may be open several times; each is closed once.
     *
     * @param id the blob
     * @param clearMethod what becomes of clusters that it gives back from now on; {@link ClearMethod#DEFAULT} for what
     *     it was created with
     * @return completes with the blob; fails with {@link SpdkException.NotFound} when there is none with that id, and
     *     with {@code -EILSEQ} when its metadata is damaged or of a kind that is not known here
     */
    IoFuture<Blob> open(BlobId id, ClearMethod clearMethod);

    /**
     * Opens a blob.
     *
     * @param id the blob
     * @return completes with the blob
     */
    default IoFuture<Blob> open(BlobId id) {
        return open(id, ClearMethod.DEFAULT);
    }

    /**
     * Deletes a blob. A snapshot may have one clone, which gets what it needs of it.
     *
     * @param id the blob
     * @return completes when it is gone; fails with {@link SpdkException.Busy} when it is open or has several clones
     */
    IoFuture<Void> delete(BlobId id);

    /**
     * Makes a snapshot: a read-only blob that takes over the clusters of this one, which becomes its clone. I/O on the
     * blob waits meanwhile.
     *
     * @param id the blob, not read-only; it may be open
     * @param xattrs the snapshot's attributes
     * @return completes with the snapshot's id
     */
    IoFuture<BlobId> snapshot(BlobId id, Map<String, byte[]> xattrs);

    /**
     * Makes a snapshot without attributes.
     *
     * @param id the blob, not read-only; it may be open
     * @return completes with the snapshot's id
     */
    default IoFuture<BlobId> snapshot(BlobId id) {
        return snapshot(id, Map.of());
    }

    /**
     * Makes a clone: a thin blob that shows what a read-only one holds until it is written itself.
     *
     * @param id a snapshot or another read-only blob
     * @param xattrs the clone's attributes
     * @return completes with the clone's id
     */
    IoFuture<BlobId> clone(BlobId id, Map<String, byte[]> xattrs);

    /**
     * Makes a clone without attributes.
     *
     * @param id a snapshot or another read-only blob
     * @return completes with the clone's id
     */
    default IoFuture<BlobId> clone(BlobId id) {
        return clone(id, Map.of());
    }

    /**
     * Makes a thin blob thick: allocates and fills all its clusters, after which it needs no parent.
     *
     * @param id the blob
     * @return completes when it is thick; what was allocated stays so when it fails
     */
    IoFuture<Void> inflate(BlobId id);

    /**
     * Takes a clone off its parent: copies the clusters that the parent itself has allocated. The clone stays thin, and
     * the parent's parent becomes its parent.
     *
     * @param id the clone
     * @return completes when it is done; fails with {@link SpdkException.Unsupported} on the native engine when the
     *     parent is itself a clone of another device, or has fewer clusters than the clone
     */
    IoFuture<Void> decoupleParent(BlobId id);

    /**
     * The clones of a snapshot.
     *
     * @param id a blob
     * @return completes with those made of it; none when it is no snapshot
     */
    IoFuture<List<BlobId>> clonesOf(BlobId id);

    /**
     * The snapshot that a blob is a clone of.
     *
     * @param id a blob
     * @return completes with its parent, or with nothing
     */
    IoFuture<Optional<BlobId>> parentOf(BlobId id);
}
