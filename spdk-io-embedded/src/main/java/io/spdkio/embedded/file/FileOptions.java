package io.spdkio.embedded.file;

import java.nio.file.Path;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * How to open a file.
 *
 * @param path a file or a block device
 * @param blockBytes what offsets and lengths of all I/O will be multiples of; 0 for a block device's own, or 512 for a
 *     file
 * @param readOnly whether to open it for reading only
 * @param direct whether to go around the page cache where the file allows it
 * @param createBytes when present, a missing file is made with this size and a smaller one is grown to it
 */
public record FileOptions(Path path, int blockBytes, boolean readOnly, boolean direct, OptionalLong createBytes) {

    /** The block size of a file for which none is asked. */
    public static final int DEFAULT_BLOCK_BYTES = 512;

    /** Checks what can be checked without the file. */
    public FileOptions {
        Objects.requireNonNull(path);
        if (blockBytes < 0 || createBytes.orElse(0) < 0) {
            throw new IllegalArgumentException("negative size: block " + blockBytes + ", file " + createBytes);
        }
        if (readOnly && createBytes.isPresent()) {
            throw new IllegalArgumentException(path + " cannot be both made and opened for reading only");
        }
    }

    /** {@return options for an existing file, to be written around the page cache} */
    public static FileOptions of(Path path) {
        return new FileOptions(path, 0, false, true, OptionalLong.empty());
    }

    /** {@return the same with another block size} */
    public FileOptions withBlockBytes(int bytes) {
        return new FileOptions(path, bytes, readOnly, direct, createBytes);
    }

    /** {@return the same, for reading only} */
    public FileOptions asReadOnly() {
        return new FileOptions(path, blockBytes, true, direct, createBytes);
    }

    /** {@return the same, through the page cache} */
    public FileOptions buffered() {
        return new FileOptions(path, blockBytes, readOnly, false, createBytes);
    }

    /** {@return the same, made with a size if it is missing} */
    public FileOptions createdWith(long bytes) {
        return new FileOptions(path, blockBytes, readOnly, direct, OptionalLong.of(bytes));
    }
}
