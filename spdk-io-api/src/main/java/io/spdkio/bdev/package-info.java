/**
 * Block devices: finding and making them, opening them, I/O with futures and with queues, and writing devices of your
 * own.
 *
 * <p>Names and rules follow SPDK's {@code include/spdk/bdev.h} and {@code bdev_module.h}.
 */
package io.spdkio.bdev;
