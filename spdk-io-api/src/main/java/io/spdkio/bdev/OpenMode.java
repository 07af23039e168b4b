package io.spdkio.bdev;

/** What a descriptor may do. */
public enum OpenMode {
    /** Reads and compares only; allowed while another descriptor has the device claimed. */
    READ_ONLY,
    /** Everything. */
    READ_WRITE
}
