package io.spdkio.sys;

/**
 * Does the I/O of block devices that are {@linkplain ServedBdev served by Java}, of one SPDK thread: called from {@link
 * BdevRing#drainRequests}, in the order in which things happened on that thread, on the OS thread that carries it.
 *
 * <p>Every request is {@linkplain BdevRing#answer answered} exactly once, now or later, through the same ring. Nothing
 * is allocated for one.
 */
public interface BdevRequests {
    /**
     * Told of an I/O.
     *
     * @param io names it, for {@link BdevRing#answer}: the struct spdk_bdev_io
     * @param device the device's number
     * @param channel the channel's number
     * @param operation one of {@link BdevRing}'s constants: READ, WRITE, WRITE_ZEROES, UNMAP, FLUSH, RESET, COMPARE,
     *     COMPARE_AND_WRITE, COPY or ABORT. RESET is answered when no I/O of the device that was told before it, on any
     *     thread, has no answer yet. ABORT is answered with 0 when its target has been answered because of it
     * @param offsetBlocks first block; 0 for RESET and ABORT
     * @param blockCount number of blocks; 0 for RESET and ABORT
     * @param vectors address of an array of struct iovec with the data of READ, WRITE, COMPARE and COMPARE_AND_WRITE,
     *     valid until the answer
     * @param vectorCount how many those are
     * @param extra COPY: first block of the source; ABORT: the io to abort; COMPARE_AND_WRITE: address of the vectors
     *     with what to write
     * @param extraCount how many vectors {@code extra} points to
     */
    void request(
            long io,
            int device,
            int channel,
            int operation,
            long offsetBlocks,
            long blockCount,
            long vectors,
            int vectorCount,
            long extra,
            int extraCount);

    /**
     * Told that a thread begins to use a device; its requests follow.
     *
     * @param device the device's number
     * @param channel a number that no other channel of the process has
     */
    void channelCreated(int device, int channel);

    /**
     * Told that a thread has ceased to use a device; it has no requests without an answer.
     *
     * @param device the device's number
     * @param channel the channel's number
     */
    void channelDestroyed(int device, int channel);

    /**
     * Told that a device has been unregistered, by whomever, and nobody has it open. {@link ServedBdev#destructed} has
     * to follow, now or later on this OS thread.
     *
     * @param device the device's number
     */
    void destruct(int device);

    /**
     * Told that a device and all its channels are gone. Its number is free.
     *
     * @param device the device's number
     */
    void gone(int device);
}
