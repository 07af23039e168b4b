package io.spdkio.bdev;

import io.spdkio.dma.DmaBuf;

/**
 * A fixed number of slots for I/O on one channel; the fastest way to do I/O. Nothing is allocated per I/O.
 *
 * <p><b>Thread:</b> confined to its channel's thread.
 *
 * <p><b>Submit:</b> every operation takes a cookie, which its completion brings back, and returns {@code true} when it
 * was submitted or {@code false} when all slots are taken; poll and try again. What is wrong with an argument is
 * thrown, and no slot was taken. Ranges are in bytes, as in {@link BdevDesc}.
 *
 * <p><b>Completion:</b> the handler runs inside a poll of the thread, never inside a submit. Its slot and the lease on
 * its buffers have been given back before, so the handler can submit the next I/O.
 *
 * <p><b>Closing</b> refuses new I/O; what is outstanding completes to the handler in later polls. Closing twice is
 * once.
 */
public interface IoQueue extends AutoCloseable {
    /** Told of completions. */
    @FunctionalInterface
    interface Handler {
        /**
         * An I/O has completed. What this throws is reported to the environment's exception handler.
         *
         * @param cookie the one given at submit
         * @param status an {@link io.spdkio.IoStatus}; 0 for success
         */
        void onComplete(long cookie, int status);
    }

    /**
     * The number of slots.
     *
     * @return slots
     */
    int depth();

    /**
     * How many I/Os are outstanding.
     *
     * @return 0 to {@link #depth}
     */
    int outstanding();

    /**
     * Reads into the beginning of a buffer.
     *
     * @param buffer receives the bytes
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean read(DmaBuf buffer, long offset, long length, long cookie);

    /**
     * Writes the beginning of a buffer.
     *
     * @param buffer holds the bytes
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean write(DmaBuf buffer, long offset, long length, long cookie);

    /**
     * Reads into several buffers. The array is not copied and must not change before completion.
     *
     * @param buffers at least one
     * @param offset where in the device, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean readv(DmaBuf[] buffers, long offset, long cookie);

    /**
     * Writes several buffers. The array is not copied and must not change before completion.
     *
     * @param buffers at least one
     * @param offset where in the device, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean writev(DmaBuf[] buffers, long offset, long cookie);

    /**
     * Writes zeroes.
     *
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean writeZeroes(long offset, long length, long cookie);

    /**
     * Tells the device that a range is not needed any more.
     *
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean unmap(long offset, long length, long cookie);

    /**
     * Makes completed writes durable.
     *
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean flush(long offset, long length, long cookie);

    /**
     * Resets the device.
     *
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean reset(long cookie);

    /**
     * Compares a range with the beginning of a buffer.
     *
     * @param buffer the bytes expected
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean compare(DmaBuf buffer, long offset, long length, long cookie);

    /**
     * Compares a range with a buffer and, if equal, writes another; the length is limited to {@link
     * BdevGeometry#compareAndWriteUnitBlocks}.
     *
     * @param compareBuffer the bytes expected
     * @param writeBuffer the bytes to write
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean compareAndWrite(DmaBuf compareBuffer, DmaBuf writeBuffer, long offset, long length, long cookie);

    /**
     * Copies a range within the device.
     *
     * @param sourceOffset where from, in bytes
     * @param targetOffset where to, in bytes
     * @param length how much, in bytes
     * @param cookie comes back with the completion
     * @return false if all slots are taken
     */
    boolean copy(long sourceOffset, long targetOffset, long length, long cookie);

    /**
     * Asks the device to abort the outstanding I/Os with a cookie. They complete to the handler in any case: aborted,
     * or as if nothing had been asked.
     *
     * @param cookie the one given at submit
     * @return how many outstanding I/Os had that cookie
     */
    int abort(long cookie);

    @Override
    void close();
}
