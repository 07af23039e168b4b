package io.spdkio.bdev;

/**
 * What a device has done since it was created or its statistics were reset ({@code struct spdk_bdev_io_stat}).
 *
 * @param readOps completed reads
 * @param readBytes bytes they read
 * @param readNanos the sum of their latencies
 * @param writeOps completed writes, writeZeroes among them
 * @param writeBytes bytes they wrote
 * @param writeNanos the sum of their latencies
 * @param unmapOps completed unmaps
 * @param unmapBytes bytes they covered
 * @param otherOps completed I/Os of every other type
 * @param errors I/Os that failed
 */
public record BdevStatistics(
        long readOps,
        long readBytes,
        long readNanos,
        long writeOps,
        long writeBytes,
        long writeNanos,
        long unmapOps,
        long unmapBytes,
        long otherOps,
        long errors) {}
