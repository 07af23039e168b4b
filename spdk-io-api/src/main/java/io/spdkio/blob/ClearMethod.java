package io.spdkio.blob;

/** What becomes of the clusters that a blob gives back ({@code enum blob_clear_method}). */
public enum ClearMethod {
    /** What the blob was created with; unmap, when that was the default too. */
    DEFAULT,
    /** They keep what they hold; another blob that gets them may see it. */
    NONE,
    /** The device is told that they are not needed. */
    UNMAP,
    /** They are overwritten with zeroes. */
    WRITE_ZEROES
}
