package io.spdkio.spi;

import io.spdkio.Errno;
import io.spdkio.SpdkException;

/**
 * What a blobstore says when its device does not suit it, when it has no room, or when a blob is of the wrong kind: the
 * same on every engine.
 */
public final class BlobErrors {
    private static final int PAGE_BYTES = 4096;

    private BlobErrors() {}

    /**
     * Refuses a device that can't hold a store: the super block is 4096 bytes, and SPDK v26.01 silently leaves out what
     * does not fill a block.
     *
     * @param device the device's name
     * @param blockSize its block size
     */
    public static void checkBlocks(String device, int blockSize) {
        if (PAGE_BYTES % blockSize != 0) {
            throw new SpdkException.Unsupported(
                    "'%s' has blocks of %,d bytes; a blobstore needs blocks that divide %,d"
                            .formatted(device, blockSize, PAGE_BYTES),
                    -Errno.EOPNOTSUPP);
        }
    }

    /**
     * Refuses a store that was made on other blocks: SPDK v26.01 counts blocks where such a store counts I/O units, and
     * reads and writes at wrong places.
     *
     * @param device the device's name
     * @param blockSize its block size
     * @param ioUnitBytes the store's I/O units
     */
    public static void checkIoUnits(String device, int blockSize, long ioUnitBytes) {
        if (ioUnitBytes != blockSize) {
            throw new SpdkException.Unsupported(
                    "'%s' has blocks of %,d bytes, and its blobstore was made on blocks of %,d; open the device with blocks of that size"
                            .formatted(device, blockSize, ioUnitBytes),
                    -Errno.EOPNOTSUPP);
        }
    }

    /**
     * An operation that another one keeps out.
     *
     * @param what the operation and its blob
     * @return the refusal
     */
    public static SpdkException.Busy busy(String what) {
        return new SpdkException.Busy(
                what + ": another operation on it or its relatives is under way; wait for that", -Errno.EBUSY);
    }

    /**
     * There are not enough clusters.
     *
     * @param whose what the store calls itself, perhaps behind what was being done
     * @param free how many clusters are free
     * @param needed how many are needed
     * @return {@code -ENOSPC}
     */
    public static SpdkException noClusters(Object whose, long free, long needed) {
        return SpdkException.withMessage(
                "%s has %,d free %s and needs %,d: ENOSPC. Delete or shrink blobs, or grow the store"
                        .formatted(whose, free, free == 1 ? "cluster" : "clusters", needed),
                -Errno.ENOSPC);
    }

    /**
     * There are not enough metadata pages.
     *
     * @param problem whose, what for, and how many where that is known
     * @return {@code -ENOSPC}
     */
    public static SpdkException noPages(String problem) {
        return SpdkException.withMessage(
                problem
                        + ": ENOSPC. Delete blobs or attributes; a store with more metadata pages is made with"
                        + " BlobstoreOptions.withMetadataPages",
                -Errno.ENOSPC);
    }

    /**
     * There is no room, and the engine did not say of what: clusters, or else metadata pages.
     *
     * @param what what was being done, and where
     * @param free how many clusters are free
     * @param needed how many clusters are needed
     * @return {@code -ENOSPC}
     */
    public static SpdkException full(String what, long free, long needed) {
        String whose = what + ": the blobstore";
        return needed > free ? noClusters(whose, free, needed) : noPages(whose + " has no free metadata page for that");
    }

    /**
     * A clone is wanted of what can be written.
     *
     * @param blob what the blob calls itself
     * @return {@code -EINVAL}
     */
    public static SpdkException cloneOfWritable(Object blob) {
        return SpdkException.withMessage(
                "a clone of "
                        + blob
                        + ": EINVAL. It can be written, and clones are made of what is read-only; make a snapshot of"
                        + " it and clone that",
                -Errno.EINVAL);
    }

    /**
     * A snapshot is wanted of what can't be written.
     *
     * @param blob what the blob calls itself
     * @return {@code -EINVAL}
     */
    public static SpdkException snapshotOfReadOnly(Object blob) {
        return SpdkException.withMessage(
                "a snapshot of " + blob + ": EINVAL. It is read-only already; make a clone of it instead",
                -Errno.EINVAL);
    }
}
