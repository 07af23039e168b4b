package io.spdkio.bdev;

import java.util.Optional;
import java.util.UUID;

/**
 * A device in memory ({@code bdev_malloc}). Its contents are zero at first and gone with it.
 *
 * @param name its name
 * @param sizeBytes its size, a multiple of the block size
 * @param blockSize bytes in a block, a multiple of 512
 * @param uuid its UUID, or empty for a random one
 * @param optimalIoBoundaryBlocks see {@link BdevGeometry}; 0 for none. I/O that crosses it is split.
 */
public record MallocBdev(String name, long sizeBytes, int blockSize, Optional<UUID> uuid, int optimalIoBoundaryBlocks)
        implements BdevSpec {
    /** Checks the ranges. */
    public MallocBdev {
        BdevSpec.requireName(name);
        geometryOf(sizeBytes, blockSize);
    }

    /**
     * A device with blocks of 4096 bytes.
     *
     * @param name its name
     * @param sizeBytes its size
     * @return the spec
     */
    public static MallocBdev of(String name, long sizeBytes) {
        return of(name, sizeBytes, 4096);
    }

    /**
     * A device.
     *
     * @param name its name
     * @param sizeBytes its size
     * @param blockSize bytes in a block
     * @return the spec
     */
    public static MallocBdev of(String name, long sizeBytes, int blockSize) {
        return new MallocBdev(name, sizeBytes, blockSize, Optional.empty(), 0);
    }

    static BdevGeometry geometryOf(long sizeBytes, int blockSize) {
        if (sizeBytes <= 0 || blockSize <= 0 || sizeBytes % blockSize != 0) {
            throw new IllegalArgumentException(
                    "size "
                            + sizeBytes
                            + " is not a positive multiple of the block size "
                            + blockSize
                            + "; round it to whole blocks");
        }
        return BdevGeometry.of(blockSize, sizeBytes / blockSize);
    }
}
