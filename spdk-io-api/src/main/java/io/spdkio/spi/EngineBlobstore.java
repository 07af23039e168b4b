package io.spdkio.spi;

import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/**
 * The engine's blobstore; see {@link io.spdkio.blob.Blobstore} for its methods' meaning. Called on its metadata thread,
 * except where a method says otherwise; stages complete there. What goes wrong is the stage's {@link
 * io.spdkio.SpdkException} or thrown.
 */
public interface EngineBlobstore {
    /**
     * Its type. Any thread.
     *
     * @return the tag without trailing zeroes
     */
    String type();

    /**
     * The unit of allocation. Any thread.
     *
     * @return bytes in a cluster
     */
    long clusterSizeBytes();

    /**
     * The unit of metadata. Any thread.
     *
     * @return bytes in a page
     */
    int pageSizeBytes();

    /**
     * The unit of I/O. Any thread.
     *
     * @return bytes in an I/O unit
     */
    int ioUnitSizeBytes();

    /**
     * How many clusters there are for data. Any thread.
     *
     * @return the number of clusters
     */
    long totalDataClusters();

    /**
     * How many clusters are free. Any thread.
     *
     * @return the number of clusters
     */
    long freeClusters();

    /**
     * The blob that describes the others.
     *
     * @return its id, or nothing
     */
    OptionalLong superBlob();

    /**
     * Sets the blob that describes the others.
     *
     * @param id its id, or nothing
     * @return completes when that is durable
     */
    CompletionStage<Void> setSuperBlob(OptionalLong id);

    /**
     * Makes use of a device that has become larger.
     *
     * @return completes when it has its new size
     */
    CompletionStage<Void> grow();

    /**
     * Unloads it. With {@link io.spdkio.SpdkException.Busy} nothing has happened; else it is gone, whatever the stage
     * says.
     *
     * @return completes when the device is let go of
     */
    CompletionStage<Void> unload();

    /**
     * Unloads it and overwrites the super block; fails as {@link #unload} does.
     *
     * @return completes when the device is let go of
     */
    CompletionStage<Void> destroy();

    /**
     * Lets go of the device without writing anything, as the metadata thread is about to exit or has exited. Channels
     * that are open are closed later. May come from another of the environment's threads.
     */
    void abandon();

    /**
     * Goes through the blobs.
     *
     * @param after an id, or nothing for the beginning
     * @return completes with the next higher id in use, or nothing
     */
    CompletionStage<OptionalLong> nextBlob(OptionalLong after);

    /**
     * Creates a blob.
     *
     * @param options its size and more
     * @return completes with its id
     */
    CompletionStage<Long> createBlob(BlobOptions options);

    /**
     * Opens a blob.
     *
     * @param id the blob
     * @param clearMethod overrides the blob's own unless it is {@link ClearMethod#DEFAULT}
     * @return completes with the blob, to be closed once for each time
     */
    CompletionStage<? extends EngineBlob> openBlob(long id, ClearMethod clearMethod);

    /**
     * Deletes a blob.
     *
     * @param id the blob
     * @return completes when it is gone
     */
    CompletionStage<Void> deleteBlob(long id);

    /**
     * Makes a snapshot.
     *
     * @param id the blob
     * @param xattrs the snapshot's attributes
     * @return completes with the snapshot's id
     */
    CompletionStage<Long> snapshotBlob(long id, Map<String, byte[]> xattrs);

    /**
     * Makes a clone.
     *
     * @param id the snapshot
     * @param xattrs the clone's attributes
     * @return completes with the clone's id
     */
    CompletionStage<Long> cloneBlob(long id, Map<String, byte[]> xattrs);

    /**
     * Makes a thin blob thick.
     *
     * @param id the blob
     * @return completes when it is
     */
    CompletionStage<Void> inflateBlob(long id);

    /**
     * Takes a clone off its parent.
     *
     * @param id the clone
     * @return completes when it is done
     */
    CompletionStage<Void> decoupleParent(long id);

    /**
     * The clones of a snapshot.
     *
     * @param id a blob
     * @return their ids
     */
    List<Long> clones(long id);

    /**
     * The snapshot that a blob is a clone of.
     *
     * @param id a blob
     * @return its parent, or nothing
     */
    OptionalLong parent(long id);
}
