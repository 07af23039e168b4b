package io.spdkio.bdev;

import java.util.Optional;
import java.util.UUID;

/**
 * A device that forgets writes at once ({@code bdev_null}). Reads leave the buffer as it is, as SPDK's does; it
 * measures what everything but the device costs.
 *
 * @param name its name
 * @param sizeBytes its size, a multiple of the block size
 * @param blockSize bytes in a block, a multiple of 512
 * @param uuid its UUID, or empty for a random one
 */
public record NullBdev(String name, long sizeBytes, int blockSize, Optional<UUID> uuid) implements BdevSpec {
    /** Checks the ranges. */
    public NullBdev {
        BdevSpec.requireName(name);
        MallocBdev.geometryOf(sizeBytes, blockSize);
    }

    /**
     * A device with blocks of 4096 bytes.
     *
     * @param name its name
     * @param sizeBytes its size
     * @return the spec
     */
    public static NullBdev of(String name, long sizeBytes) {
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
    public static NullBdev of(String name, long sizeBytes, int blockSize) {
        return new NullBdev(name, sizeBytes, blockSize, Optional.empty());
    }
}
