package io.spdkio.blob;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * How a store is made or loaded ({@code struct spdk_bs_opts}). Unchangeable; each {@code with} gives another one.
 *
 * @param clusterSizeBytes the unit of allocation, a multiple of the metadata page's size below 4 GiB. {@code init} only
 * @param metadataPages the number of metadata pages, each blob needs at least one; 0 for one each cluster. {@code init}
 *     only
 * @param metadataPageSizeBytes a multiple of 4096 up to 1 MiB, of which the first 4096 bytes are used; the native
 *     engine takes a device's physical block where that is larger. {@code init} only
 * @param type at most 16 characters of ISO 8859-1 that say what the store is used for; {@code init} writes them, {@code
 *     load} refuses a store of another type, but with the empty string it takes any
 * @param clearMethod what becomes of the data part of the device. {@code init} only; {@link ClearMethod#DEFAULT} is
 *     unmap
 * @param forceRecovery whether to rebuild the maps of what is used from the metadata even after a clean unload. {@code
 *     load} only
 * @param externalSnapshots finds the devices that blobs are clones of
 */
public record BlobstoreOptions(
        long clusterSizeBytes,
        int metadataPages,
        int metadataPageSizeBytes,
        String type,
        ClearMethod clearMethod,
        boolean forceRecovery,
        ExternalSnapshots externalSnapshots) {
    /** The most bytes of {@link #type}. */
    public static final int MAX_TYPE_BYTES = 16;

    private static final int SMALLEST_PAGE_BYTES = 4096;
    private static final int LARGEST_PAGE_BYTES = 1 << 20;
    private static final long MAX_CLUSTER_BYTES = (1L << 32) - SMALLEST_PAGE_BYTES;

    /** Checks the ranges. */
    public BlobstoreOptions {
        if (metadataPageSizeBytes < SMALLEST_PAGE_BYTES
                || metadataPageSizeBytes > LARGEST_PAGE_BYTES
                || metadataPageSizeBytes % SMALLEST_PAGE_BYTES != 0) {
            throw new IllegalArgumentException(
                    "a metadata page has a multiple of "
                            + SMALLEST_PAGE_BYTES
                            + " bytes up to "
                            + LARGEST_PAGE_BYTES
                            + ", not "
                            + metadataPageSizeBytes);
        }
        if (clusterSizeBytes < metadataPageSizeBytes
                || clusterSizeBytes > MAX_CLUSTER_BYTES
                || clusterSizeBytes % metadataPageSizeBytes != 0) {
            throw new IllegalArgumentException(
                    "a cluster has a multiple of "
                            + metadataPageSizeBytes
                            + " bytes up to "
                            + MAX_CLUSTER_BYTES
                            + ", not "
                            + clusterSizeBytes);
        }
        if (metadataPages < 0) {
            throw new IllegalArgumentException("the number of metadata pages is not negative: " + metadataPages);
        }
        if (type.length() > MAX_TYPE_BYTES
                || type.indexOf('\0') >= 0
                || !StandardCharsets.ISO_8859_1.newEncoder().canEncode(type)) {
            throw new IllegalArgumentException(
                    "the type of a store is at most "
                            + MAX_TYPE_BYTES
                            + " characters of ISO 8859-1, none of them zero; this is '"
                            + type
                            + "'");
        }
        Objects.requireNonNull(clearMethod, "clearMethod");
        Objects.requireNonNull(externalSnapshots, "externalSnapshots");
    }

    /**
     * SPDK's defaults: clusters of 1 MiB, a metadata page each cluster, no type, unmap.
     *
     * @return the options
     */
    public static BlobstoreOptions defaults() {
        return new BlobstoreOptions(
                1 << 20, 0, SMALLEST_PAGE_BYTES, "", ClearMethod.DEFAULT, false, ExternalSnapshots.none());
    }

    /**
     * With another cluster size.
     *
     * @param bytes bytes in a cluster
     * @return the new options
     */
    public BlobstoreOptions withClusterSize(long bytes) {
        return new BlobstoreOptions(
                bytes, metadataPages, metadataPageSizeBytes, type, clearMethod, forceRecovery, externalSnapshots);
    }

    /**
     * With a number of metadata pages.
     *
     * @param pages how many; 0 for one each cluster
     * @return the new options
     */
    public BlobstoreOptions withMetadataPages(int pages) {
        return new BlobstoreOptions(
                clusterSizeBytes, pages, metadataPageSizeBytes, type, clearMethod, forceRecovery, externalSnapshots);
    }

    /**
     * With another size of metadata pages.
     *
     * @param bytes bytes in a page
     * @return the new options
     */
    public BlobstoreOptions withMetadataPageSize(int bytes) {
        return new BlobstoreOptions(
                clusterSizeBytes, metadataPages, bytes, type, clearMethod, forceRecovery, externalSnapshots);
    }

    /**
     * With a type.
     *
     * @param tag what the store is used for
     * @return the new options
     */
    public BlobstoreOptions withType(String tag) {
        return new BlobstoreOptions(
                clusterSizeBytes,
                metadataPages,
                metadataPageSizeBytes,
                tag,
                clearMethod,
                forceRecovery,
                externalSnapshots);
    }

    /**
     * With another clear method.
     *
     * @param method what becomes of the data part of the device
     * @return the new options
     */
    public BlobstoreOptions withClearMethod(ClearMethod method) {
        return new BlobstoreOptions(
                clusterSizeBytes, metadataPages, metadataPageSizeBytes, type, method, forceRecovery, externalSnapshots);
    }

    /**
     * With or without recovery in any case.
     *
     * @param force whether to rebuild the maps of what is used
     * @return the new options
     */
    public BlobstoreOptions withForceRecovery(boolean force) {
        return new BlobstoreOptions(
                clusterSizeBytes, metadataPages, metadataPageSizeBytes, type, clearMethod, force, externalSnapshots);
    }

    /**
     * With a way to find external snapshots.
     *
     * @param finder finds them
     * @return the new options
     */
    public BlobstoreOptions withExternalSnapshots(ExternalSnapshots finder) {
        return new BlobstoreOptions(
                clusterSizeBytes, metadataPages, metadataPageSizeBytes, type, clearMethod, forceRecovery, finder);
    }
}
