package io.spdkio.bdev;

import java.lang.foreign.MemorySegment;

/** An I/O as a {@link BdevBackend} sees it ({@code spdk_bdev_io}). Valid until it is completed. */
public interface BdevIo {
    /**
     * What to do.
     *
     * @return the operation
     */
    IoType type();

    /**
     * Where, in blocks; the target of a copy.
     *
     * @return the first block
     */
    long offsetBlocks();

    /**
     * How much, in blocks.
     *
     * @return number of blocks
     */
    long blockCount();

    /**
     * Where, in bytes.
     *
     * @return the first byte
     */
    long offsetBytes();

    /**
     * How much, in bytes.
     *
     * @return number of bytes
     */
    long lengthBytes();

    /**
     * Where a copy reads from, in blocks.
     *
     * @return the first block
     */
    long sourceOffsetBlocks();

    /**
     * How many pieces of memory hold the data.
     *
     * @return at least 1 for operations with data, else 0
     */
    int segmentCount();

    /**
     * A piece of the memory that holds the data: what to write, where to read to, what to compare with.
     *
     * @param index 0 to {@link #segmentCount} - 1
     * @return exactly the bytes of this I/O in that piece
     */
    MemorySegment segment(int index);

    /**
     * What {@link IoType#COMPARE_AND_WRITE} writes.
     *
     * @return exactly the bytes of this I/O
     */
    MemorySegment writeSegment();

    /**
     * Copies memory into the I/O's data, over all its pieces.
     *
     * @param source where from
     * @param sourceOffset its first byte
     */
    void copyFrom(MemorySegment source, long sourceOffset);

    /**
     * Copies the I/O's data into memory, from all its pieces.
     *
     * @param target where to
     * @param targetOffset its first byte
     */
    void copyTo(MemorySegment target, long targetOffset);

    /**
     * Ends the I/O. May be called from any thread, once; what the submitter does about it happens in a later step of
     * its thread's poll, never inside this call.
     *
     * @param status an {@link io.spdkio.IoStatus}
     * @throws IllegalStateException if it has been completed already
     */
    void complete(int status);

    /** Ends the I/O with success. */
    default void complete() {
        complete(0);
    }
}
