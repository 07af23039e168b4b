package io.spdkio.blob;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;

/**
 * Makes and loads blobstores.
 *
 * <p><b>Thread:</b> called on an {@link io.spdkio.SpdkThread}, which becomes the store's metadata thread until the
 * store is unloaded.
 *
 * <p><b>Device:</b> it is claimed {@link io.spdkio.bdev.ClaimType#READ_MANY_WRITE_ONE}, as {@code spdk_bs_bdev_claim}
 * does, until the store is unloaded or could not be loaded. Its blocks must divide 4096 bytes, else both methods fail
 * with {@link SpdkException.Unsupported}: SPDK v26.01 makes a store on others, but writes no super block, so that
 * everything is lost when it is unloaded.
 */
public interface Blobstores {
    /**
     * Makes a new store; what the device held is lost ({@code spdk_bs_init}).
     *
     * @param bdev the device
     * @param options its shape
     * @return completes with the store; fails with {@link SpdkException.Busy} if the device is claimed or open for
     *     writing, and with {@code -ENOSPC} if it is too small for the metadata and one cluster
     */
    IoFuture<Blobstore> init(Bdev bdev, BlobstoreOptions options);

    /**
     * Makes a new store with the defaults.
     *
     * @param bdev the device
     * @return completes with the store
     */
    default IoFuture<Blobstore> init(Bdev bdev) {
        return init(bdev, BlobstoreOptions.defaults());
    }

    /**
     * Loads the store that a device holds ({@code spdk_bs_load}). After an unclean shutdown the maps of what is used
     * are rebuilt from the metadata, and snapshots that were being made or deleted are finished or taken back.
     *
     * @param bdev the device
     * @param options the type that is expected, and more
     * @return completes with the store; fails with {@link SpdkException.IoFailed} and {@code -EILSEQ} when there is
     *     none or it is damaged, and says what and where; with {@code -ENXIO} when it is of another type; and with
     *     {@link SpdkException.Unsupported} when it was made on a device with another block size
     */
    IoFuture<Blobstore> load(Bdev bdev, BlobstoreOptions options);

    /**
     * Loads the store that a device holds, of whatever type.
     *
     * @param bdev the device
     * @return completes with the store
     */
    default IoFuture<Blobstore> load(Bdev bdev) {
        return load(bdev, BlobstoreOptions.defaults());
    }
}
