package io.spdkio;

/**
 * Identifies an I/O device within an environment, as the address of {@code io_device} does in SPDK.
 *
 * @param value unique among the devices of an environment, never used twice
 */
public record IoDeviceId(long value) {}
