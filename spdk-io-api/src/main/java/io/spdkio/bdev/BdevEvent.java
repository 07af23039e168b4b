package io.spdkio.bdev;

/** Something that happened to an open device ({@code enum spdk_bdev_event_type}). */
public enum BdevEvent {
    /** The device is going away: new I/O fails with {@code ENODEV}; close the descriptor. */
    REMOVED,
    /** The device has another size; see {@link Bdev#blockCount}. */
    RESIZED
}
