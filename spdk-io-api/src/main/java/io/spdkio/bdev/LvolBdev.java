package io.spdkio.bdev;

/**
 * A logical volume in a store that {@link Bdevs#createLvolStore} made ({@code bdev_lvol_create}). The device can be
 * looked up, and destroyed with its contents, by the name {@code store/volume}.
 *
 * @param store the name of the store
 * @param volume the volume's name in the store
 * @param sizeBytes its size, rounded up to whole clusters; SPDK takes it in MiB, so a multiple of that
 * @param thin whether clusters are taken only when they are written
 */
public record LvolBdev(String store, String volume, long sizeBytes, boolean thin) implements BdevSpec {
    /** SPDK's {@code SPDK_LVS_NAME_MAX} and {@code SPDK_LVOL_NAME_MAX}, with their ends. */
    private static final int MAX_NAME = 63;

    private static final long MIB = 1 << 20;

    /** Checks the names and ranges. */
    public LvolBdev {
        requireLvolName(store);
        requireLvolName(volume);
        if (sizeBytes < 1 || sizeBytes % MIB != 0) {
            throw new IllegalArgumentException("a volume's size is a positive multiple of 1 MiB, not " + sizeBytes);
        }
    }

    static String requireLvolName(String name) {
        if (name.isBlank() || name.length() > MAX_NAME || name.indexOf('/') >= 0) {
            throw new IllegalArgumentException(
                    "the name of a volume or its store has 1 to 63 characters, is not blank and holds no '/': '"
                            + name
                            + "'");
        }
        return name;
    }

    /**
     * A volume whose clusters are taken at once.
     *
     * @param store the name of the store
     * @param volume the volume's name in the store
     * @param sizeBytes its size
     * @return the spec
     */
    public static LvolBdev of(String store, String volume, long sizeBytes) {
        return new LvolBdev(store, volume, sizeBytes, false);
    }

    @Override
    public String name() {
        return store + "/" + volume;
    }
}
