package io.spdkio.bdev;

import io.spdkio.IoChannel;
import io.spdkio.IoDevice;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.dma.DmaBuf;

import java.time.Duration;
import java.util.List;

/**
 * An open descriptor of a block device, like a file descriptor ({@code spdk_bdev_desc}).
 *
 * <p><b>Thread:</b> I/O is submitted on the thread of the channel it goes through; a descriptor may be used with
 * channels of several threads. {@link #close} is confined to the thread that opened it. {@link #claim} too.
 *
 * <p><b>Ranges</b> are in bytes and must be multiples of the block size within the device; a length is at least one
 * block. What is wrong with an argument is thrown by the call as {@link IllegalArgumentException}, and nothing was
 * submitted.
 *
 * <p><b>Completion:</b> the future completes in a later poll of the channel's thread, never inside the call. It fails
 * with the {@link SpdkException} that fits the device's status. An I/O that finds the device's resources used up waits
 * its turn; when the thread's pool of I/Os is used up too, the future fails with {@link SpdkException.NoMemory}.
 *
 * <p><b>Buffers</b> are leased from the call until the device is done with them, which may be later than the future's
 * completion if it was cancelled or timed out.
 *
 * <p><b>Closing</b> refuses new I/O; what is outstanding completes; the device lets go of the descriptor when that is
 * done. Closing twice is once.
 */
public interface BdevDesc extends IoDevice, AutoCloseable {
    /**
     * The device.
     *
     * @return a handle of it
     */
    Bdev bdev();

    /**
     * What it was opened for.
     *
     * @return the mode
     */
    OpenMode mode();

    /**
     * Reads into a buffer.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param buffer receives the bytes at its beginning; at least {@code length} long
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when the bytes are in the buffer
     */
    IoFuture<Void> read(IoChannel channel, DmaBuf buffer, long offset, long length);

    /**
     * Writes a buffer.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param buffer holds the bytes at its beginning; at least {@code length} long
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when the device has taken the bytes; {@link #flush} makes them durable
     */
    IoFuture<Void> write(IoChannel channel, DmaBuf buffer, long offset, long length);

    /**
     * Reads into several buffers, one after the other, as much as they hold together.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param buffers at least one; their sizes may be any, their sum a multiple of the block size
     * @param offset where in the device, in bytes
     * @return completes when the bytes are in the buffers
     */
    IoFuture<Void> readv(IoChannel channel, List<? extends DmaBuf> buffers, long offset);

    /**
     * Writes several buffers, one after the other, whole.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param buffers at least one; their sizes may be any, their sum a multiple of the block size
     * @param offset where in the device, in bytes
     * @return completes when the device has taken the bytes
     */
    IoFuture<Void> writev(IoChannel channel, List<? extends DmaBuf> buffers, long offset);

    /**
     * Writes zeroes.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when the range reads as zeroes
     */
    IoFuture<Void> writeZeroes(IoChannel channel, long offset, long length);

    /**
     * Tells the device that a range is not needed any more.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when the device knows
     */
    IoFuture<Void> unmap(IoChannel channel, long offset, long length);

    /**
     * Makes writes durable: those to the range that had completed before this call survive the death of the process
     * and, as far as the device keeps its word, of the machine.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when they are durable
     */
    IoFuture<Void> flush(IoChannel channel, long offset, long length);

    /**
     * Makes all completed writes durable.
     *
     * @param channel the calling thread's channel to this descriptor
     * @return completes when they are durable
     */
    default IoFuture<Void> flush(IoChannel channel) {
        return flush(channel, 0, bdev().sizeBytes());
    }

    /**
     * Resets the device: I/O of every thread that is outstanding or comes meanwhile is aborted.
     *
     * @param channel the calling thread's channel to this descriptor
     * @return completes when the device works again
     */
    IoFuture<Void> reset(IoChannel channel);

    /**
     * Compares a range with a buffer.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param buffer the bytes expected, at its beginning
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when they are equal; fails with {@link io.spdkio.IoStatus#MISCOMPARE} when not
     */
    IoFuture<Void> compare(IoChannel channel, DmaBuf buffer, long offset, long length);

    /**
     * Compares a range with a buffer and, if equal, writes another; no other write to the range comes between. A device
     * limits the length to {@link BdevGeometry#compareAndWriteUnitBlocks}, which is one block unless it says otherwise.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param compareBuffer the bytes expected, at its beginning
     * @param writeBuffer the bytes to write, at its beginning
     * @param offset where in the device, in bytes
     * @param length how much, in bytes
     * @return completes when they are written; fails with {@link io.spdkio.IoStatus#MISCOMPARE} when the device held
     *     something else
     */
    IoFuture<Void> compareAndWrite(
            IoChannel channel, DmaBuf compareBuffer, DmaBuf writeBuffer, long offset, long length);

    /**
     * Copies a range within the device. The ranges should not overlap; if they do, what they hold afterwards is not
     * defined.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param sourceOffset where from, in bytes
     * @param targetOffset where to, in bytes
     * @param length how much, in bytes
     * @return completes when the bytes are copied
     */
    IoFuture<Void> copy(IoChannel channel, long sourceOffset, long targetOffset, long length);

    /**
     * Asks the device to abort an I/O ({@code spdk_bdev_abort}).
     *
     * @param channel the channel it was submitted on
     * @param target the future that its submission returned
     * @return completes with true if the I/O was aborted, with false if it had completed or can't be aborted any more
     */
    IoFuture<Boolean> abort(IoChannel channel, IoFuture<?> target);

    /**
     * Opens a queue for I/O without allocation.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param depth the number of slots, 1 to 65,536
     * @param handler told of each completion, on the channel's thread, inside a poll
     * @return the queue, to be closed on that thread
     */
    default IoQueue openQueue(IoChannel channel, int depth, IoQueue.Handler handler) {
        return openQueue(channel, depth, Duration.ZERO, handler);
    }

    /**
     * Opens a queue whose I/Os have a deadline. One that passes it is aborted and, when the device is done with it,
     * completes with {@code -ETIMEDOUT}. The deadline is looked at about once a millisecond.
     *
     * @param channel the calling thread's channel to this descriptor
     * @param depth the number of slots, 1 to 65,536
     * @param deadline how long each I/O may take; {@link Duration#ZERO} for as long as it likes
     * @param handler told of each completion, on the channel's thread, inside a poll
     * @return the queue, to be closed on that thread
     */
    IoQueue openQueue(IoChannel channel, int depth, Duration deadline, IoQueue.Handler handler);

    /**
     * Claims the device until this descriptor is closed ({@code spdk_bdev_module_claim_bdev_desc}).
     *
     * @param type how
     * @throws SpdkException.Busy if another claim, or a descriptor open for writing, is in the way
     */
    void claim(ClaimType type);

    /**
     * Whether it was closed.
     *
     * @return true from then on
     */
    boolean isClosed();

    @Override
    void close();
}
