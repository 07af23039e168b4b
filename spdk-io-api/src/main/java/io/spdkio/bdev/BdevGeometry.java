package io.spdkio.bdev;

/**
 * The shape of a block device.
 *
 * @param blockSize bytes in a block: a multiple of 512 up to 65,536
 * @param blockCount number of blocks, at least 1; the device's size in bytes fits a {@code long}
 * @param optimalIoBoundaryBlocks I/O should not cross multiples of this many blocks; 0 when there is no such boundary
 * @param splitOnOptimalIoBoundary whether I/O that crosses the boundary is split before the device sees it
 * @param maxIoBytes the largest I/O that the device takes, larger ones are split; 0 for no limit
 * @param maxSegments the most buffers of a vectored I/O that the device takes, more are split; 0 for no limit
 * @param bufferAlignmentBytes what the address of a buffer should be a multiple of; a power of two up to 1 GiB. I/O
 *     with another buffer is done through a copy. Buffers of {@link io.spdkio.dma.Dma#allocate(long)} are aligned to
 *     {@link io.spdkio.dma.Dma#DEFAULT_ALIGNMENT_BYTES}; a device that wants more has them allocated with its own
 *     alignment
 * @param writeUnitBlocks how many blocks a write should be a multiple of; 1 for any
 * @param compareAndWriteUnitBlocks the most blocks of one compareAndWrite ({@code spdk_bdev_get_acwu}): 1 to 65,535
 */
public record BdevGeometry(
        int blockSize,
        long blockCount,
        int optimalIoBoundaryBlocks,
        boolean splitOnOptimalIoBoundary,
        long maxIoBytes,
        int maxSegments,
        int bufferAlignmentBytes,
        int writeUnitBlocks,
        int compareAndWriteUnitBlocks) {
    /** The smallest block size, in bytes; every block size is a multiple of it. */
    public static final int MIN_BLOCK_SIZE = 512;

    /** The largest block size, in bytes. */
    public static final int MAX_BLOCK_SIZE = 65_536;

    /** The largest alignment, in bytes: the largest that {@link io.spdkio.dma.Dma} gives. */
    private static final int MAX_ALIGNMENT_BYTES = 1 << 30;

    /** SPDK keeps the unit in 16 bits. */
    private static final int MAX_COMPARE_AND_WRITE_UNIT_BLOCKS = 65_535;

    /** Checks the ranges. */
    public BdevGeometry {
        if (blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE || blockSize % MIN_BLOCK_SIZE != 0) {
            throw new IllegalArgumentException(
                    "block size "
                            + blockSize
                            + " is not a multiple of "
                            + MIN_BLOCK_SIZE
                            + " between "
                            + MIN_BLOCK_SIZE
                            + " and "
                            + MAX_BLOCK_SIZE);
        }
        if (blockCount < 1 || blockCount > Long.MAX_VALUE / blockSize) {
            throw new IllegalArgumentException(
                    blockCount
                            + " blocks of "
                            + blockSize
                            + " bytes: a device has at least one block and at most "
                            + Long.MAX_VALUE / blockSize
                            + " of this size (2^63 - 1 bytes)");
        }
        if (optimalIoBoundaryBlocks < 0 || maxIoBytes < 0 || maxSegments < 0 || writeUnitBlocks < 1) {
            throw new IllegalArgumentException("a limit is negative, or the write unit is not at least 1");
        }
        if (maxIoBytes != 0 && maxIoBytes < blockSize) {
            throw new IllegalArgumentException("maxIoBytes " + maxIoBytes + " is less than a block");
        }
        if (Integer.bitCount(bufferAlignmentBytes) != 1
                || bufferAlignmentBytes < 1
                || bufferAlignmentBytes > MAX_ALIGNMENT_BYTES) {
            throw new IllegalArgumentException(
                    "buffer alignment " + bufferAlignmentBytes + " is not a power of two up to 2^30");
        }
        if (compareAndWriteUnitBlocks < 1 || compareAndWriteUnitBlocks > MAX_COMPARE_AND_WRITE_UNIT_BLOCKS) {
            throw new IllegalArgumentException(
                    "the compareAndWrite unit is 1 to 65,535 blocks, not " + compareAndWriteUnitBlocks);
        }
    }

    /**
     * A shape whose compareAndWrite unit is its write unit, as SPDK takes it for a device that does not name one.
     *
     * @param blockSize bytes in a block
     * @param blockCount number of blocks
     * @param optimalIoBoundaryBlocks I/O should not cross multiples of this many blocks
     * @param splitOnOptimalIoBoundary whether I/O that crosses the boundary is split
     * @param maxIoBytes the largest I/O
     * @param maxSegments the most buffers of a vectored I/O
     * @param bufferAlignmentBytes what the address of a buffer should be a multiple of
     * @param writeUnitBlocks how many blocks a write should be a multiple of
     */
    public BdevGeometry(
            int blockSize,
            long blockCount,
            int optimalIoBoundaryBlocks,
            boolean splitOnOptimalIoBoundary,
            long maxIoBytes,
            int maxSegments,
            int bufferAlignmentBytes,
            int writeUnitBlocks) {
        this(
                blockSize,
                blockCount,
                optimalIoBoundaryBlocks,
                splitOnOptimalIoBoundary,
                maxIoBytes,
                maxSegments,
                bufferAlignmentBytes,
                writeUnitBlocks,
                Math.min(writeUnitBlocks, MAX_COMPARE_AND_WRITE_UNIT_BLOCKS));
    }

    /**
     * The shape of a device without limits.
     *
     * @param blockSize bytes in a block
     * @param blockCount number of blocks
     * @return the geometry
     */
    public static BdevGeometry of(int blockSize, long blockCount) {
        return new BdevGeometry(blockSize, blockCount, 0, false, 0, 0, 1, 1);
    }

    /**
     * The size of the device.
     *
     * @return bytes
     */
    public long sizeBytes() {
        return blockSize * blockCount;
    }

    /**
     * The same shape with another number of blocks.
     *
     * @param count number of blocks
     * @return the new geometry
     */
    public BdevGeometry withBlockCount(long count) {
        return new BdevGeometry(
                blockSize,
                count,
                optimalIoBoundaryBlocks,
                splitOnOptimalIoBoundary,
                maxIoBytes,
                maxSegments,
                bufferAlignmentBytes,
                writeUnitBlocks,
                compareAndWriteUnitBlocks);
    }

    /**
     * The same shape with another unit of compareAndWrite.
     *
     * @param blocks the most blocks of one compareAndWrite
     * @return the new geometry
     */
    public BdevGeometry withCompareAndWriteUnitBlocks(int blocks) {
        return new BdevGeometry(
                blockSize,
                blockCount,
                optimalIoBoundaryBlocks,
                splitOnOptimalIoBoundary,
                maxIoBytes,
                maxSegments,
                bufferAlignmentBytes,
                writeUnitBlocks,
                blocks);
    }
}
