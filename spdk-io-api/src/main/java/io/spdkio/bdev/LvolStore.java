package io.spdkio.bdev;

/**
 * A store of logical volumes on a device ({@code bdev_lvol_create_lvstore}); it claims that device. Everything that was
 * on it is lost.
 *
 * @param name its name
 * @param base the name of the device below
 * @param clusterSizeBytes what volumes grow by; 0 for SPDK's 4 MiB
 */
public record LvolStore(String name, String base, int clusterSizeBytes) {
    private static final int SMALLEST_CLUSTER_BYTES = 8192;

    /** Checks the names and ranges. */
    public LvolStore {
        LvolBdev.requireLvolName(name);
        BdevSpec.requireName(base);
        if (clusterSizeBytes != 0 && clusterSizeBytes < SMALLEST_CLUSTER_BYTES) {
            throw new IllegalArgumentException("a cluster has at least 8,192 bytes, not " + clusterSizeBytes);
        }
    }

    /**
     * A store with clusters of 4 MiB.
     *
     * @param name its name
     * @param base the name of the device below
     * @return the store
     */
    public static LvolStore over(String name, String base) {
        return new LvolStore(name, base, 0);
    }
}
