package io.spdkio.bdev;

import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * A device on a file or on a block device of the system ({@code bdev_aio}, {@code bdev_uring}).
 *
 * <p>The embedded engine drives both modules with the best I/O that the system offers; native takes the one that is
 * named.
 *
 * @param name its name
 * @param path the file
 * @param blockSize bytes in a block, a power of two of which the file's size is a multiple; 0 for the block device's
 *     own, or 512 for a file
 * @param module which of SPDK's modules
 * @param readOnly whether the file is opened for reading only
 * @param direct whether to go past the page cache where the file allows it; native always does
 * @param createSize when present, a missing file is made with this size and a smaller one is grown to it; else the file
 *     must be there
 */
public record AioBdev(
        String name, Path path, int blockSize, Module module, boolean readOnly, boolean direct, OptionalLong createSize)
        implements BdevSpec {
    /** SPDK's modules for files. */
    public enum Module {
        /** The engine's choice. */
        ANY,
        /** {@code bdev_aio}. */
        AIO,
        /** {@code bdev_uring}. */
        URING
    }

    /** Checks the ranges. */
    public AioBdev {
        BdevSpec.requireName(name);
        if (blockSize != 0) {
            BdevGeometry.of(blockSize, 1);
            if (Integer.bitCount(blockSize) != 1) {
                throw new IllegalArgumentException(
                        "a file's block size is a power of two, not " + blockSize + "; 512 and 4096 are usual");
            }
        }
        if (createSize.isPresent()) {
            MallocBdev.geometryOf(createSize.getAsLong(), blockSize == 0 ? BdevGeometry.MIN_BLOCK_SIZE : blockSize);
        }
    }

    /**
     * A device on an existing file.
     *
     * @param name its name
     * @param path the file
     * @return the spec
     */
    public static AioBdev of(String name, Path path) {
        return new AioBdev(name, path, 0, Module.ANY, false, true, OptionalLong.empty());
    }

    /**
     * A device on a file that is made if it is missing.
     *
     * @param name its name
     * @param path the file
     * @param sizeBytes the size the file shall have
     * @return the spec
     */
    public static AioBdev create(String name, Path path, long sizeBytes) {
        return of(name, path).withCreateSize(sizeBytes);
    }

    /**
     * The same with another block size.
     *
     * @param bytes bytes in a block
     * @return the new spec
     */
    public AioBdev withBlockSize(int bytes) {
        return new AioBdev(name, path, bytes, module, readOnly, direct, createSize);
    }

    /**
     * The same, made with a size.
     *
     * @param sizeBytes the size the file shall have
     * @return the new spec
     */
    public AioBdev withCreateSize(long sizeBytes) {
        return new AioBdev(name, path, blockSize, module, readOnly, direct, OptionalLong.of(sizeBytes));
    }

    /**
     * The same, for reading only.
     *
     * @return the new spec
     */
    public AioBdev asReadOnly() {
        return new AioBdev(name, path, blockSize, module, true, direct, createSize);
    }

    /**
     * The same, through the page cache.
     *
     * @return the new spec
     */
    public AioBdev buffered() {
        return new AioBdev(name, path, blockSize, module, readOnly, false, createSize);
    }
}
