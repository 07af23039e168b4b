package io.spdkio.blob;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An open blob ({@code struct spdk_blob}).
 *
 * <p><b>Thread:</b> I/O is submitted on the thread of the channel it goes through, which {@code
 * thread.ioChannel(blob.store())} gives. Everything else may be called on any thread and is carried out on the store's
 * metadata thread; its future completes on the caller's SPDK thread.
 *
 * <p><b>Ranges</b> are in bytes and must be multiples of the store's I/O unit within the blob; a length is at least one
 * unit. What is wrong with an argument is thrown by the call as {@link IllegalArgumentException}, and nothing was
 * submitted.
 *
 * <p><b>Completion</b> of I/O is as with {@link io.spdkio.bdev.BdevDesc}: in a later poll of the channel's thread. A
 * first write to a cluster of a thin blob allocates it, which the metadata thread has to be polled for; when the store
 * is full that write alone fails, with {@code -ENOSPC}. I/O waits while the blob is resized or a snapshot is made of
 * it.
 *
 * <p><b>Durability:</b> {@link #syncMetadata} and every other operation on metadata that has completed. Data is durable
 * when the device below says so.
 *
 * <p><b>Buffers</b> are leased from the call until the device is done with them.
 *
 * <p><b>Closing</b> refuses new I/O; what is outstanding completes; then the blob is closed.
 */
public interface Blob extends AutoCloseable {
    /**
     * Its id.
     *
     * @return the id
     */
    BlobId id();

    /**
     * The store it lies in.
     *
     * @return the store
     */
    Blobstore store();

    /**
     * Whether this handle was closed.
     *
     * @return true from the call on
     */
    boolean isClosed();

    /**
     * Whether it can't be written: it is a snapshot, was {@linkplain #setReadOnly made read-only}, or has a flag that
     * says so and is not known here.
     *
     * @return true if it can only be read
     */
    boolean isReadOnly();

    /**
     * Whether clusters are allocated when they are first written.
     *
     * @return true if so
     */
    boolean isThin();

    /**
     * Whether clones were made of it.
     *
     * @return true if it is a snapshot
     */
    boolean isSnapshot();

    /**
     * Whether it is a clone of a snapshot of this store.
     *
     * @return true if so
     */
    boolean isClone();

    /**
     * Its size.
     *
     * @return the number of clusters
     */
    long clusters();

    /**
     * How many of its clusters are its own.
     *
     * @return the number of clusters, at most {@link #clusters}
     */
    long allocatedClusters();

    /**
     * Its size in I/O units.
     *
     * @return the number of units
     */
    long ioUnits();

    /**
     * Its size in bytes.
     *
     * @return clusters times bytes in a cluster
     */
    default long sizeBytes() {
        return clusters() * store().clusterSizeBytes();
    }

    /**
     * Looks for data ({@code spdk_blob_get_next_allocated_io_unit}).
     *
     * @param ioUnit where to begin, in I/O units
     * @return the first unit at or after it whose cluster is allocated, or nothing
     */
    OptionalLong nextAllocatedIoUnit(long ioUnit);

    /**
     * Looks for a hole.
     *
     * @param ioUnit where to begin, in I/O units
     * @return the first unit at or after it whose cluster is not allocated, or nothing
     */
    OptionalLong nextUnallocatedIoUnit(long ioUnit);

    // ---- I/O

    /**
     * Reads into a buffer.
     *
     * @param channel the calling thread's channel to the store
     * @param buffer receives the bytes at its beginning; at least {@code length} long
     * @param offset where in the blob, in bytes
     * @param length how much, in bytes
     * @return completes when the bytes are in the buffer
     */
    IoFuture<Void> read(IoChannel channel, DmaBuf buffer, long offset, long length);

    /**
     * Writes a buffer.
     *
     * @param channel the calling thread's channel to the store
     * @param buffer holds the bytes at its beginning; at least {@code length} long
     * @param offset where in the blob, in bytes
     * @param length how much, in bytes
     * @return completes when the device has taken the bytes; fails with {@link SpdkException.Busy} when the blob is
     *     read-only
     */
    IoFuture<Void> write(IoChannel channel, DmaBuf buffer, long offset, long length);

    /**
     * Reads into several buffers, one after the other, as much as they hold together.
     *
     * @param channel the calling thread's channel to the store
     * @param buffers at least one; their sizes may be any, their sum a multiple of the I/O unit
     * @param offset where in the blob, in bytes
     * @return completes when the bytes are in the buffers
     */
    IoFuture<Void> readv(IoChannel channel, List<? extends DmaBuf> buffers, long offset);

    /**
     * Writes several buffers, one after the other, whole.
     *
     * @param channel the calling thread's channel to the store
     * @param buffers at least one; their sizes may be any, their sum a multiple of the I/O unit
     * @param offset where in the blob, in bytes
     * @return completes when the device has taken the bytes
     */
    IoFuture<Void> writev(IoChannel channel, List<? extends DmaBuf> buffers, long offset);

    /**
     * Writes zeroes.
     *
     * @param channel the calling thread's channel to the store
     * @param offset where in the blob, in bytes
     * @param length how much, in bytes
     * @return completes when the range reads as zeroes
     */
    IoFuture<Void> writeZeroes(IoChannel channel, long offset, long length);

    /**
     * Tells that a range is not needed any more. Whole clusters of a thin blob without a parent are given back to the
     * store.
     *
     * @param channel the calling thread's channel to the store
     * @param offset where in the blob, in bytes
     * @param length how much, in bytes
     * @return completes when the device knows
     */
    IoFuture<Void> unmap(IoChannel channel, long offset, long length);

    /**
     * Opens a queue for I/O without allocation; see {@link IoQueue}. It takes read, write, readv, writev, writeZeroes
     * and unmap; the other operations complete with {@code -EOPNOTSUPP}.
     *
     * @param channel the calling thread's channel to the store
     * @param depth the number of slots, 1 to 65,536
     * @param handler told of each completion, on the channel's thread, inside a poll
     * @return the queue, to be closed on that thread
     */
    default IoQueue openQueue(IoChannel channel, int depth, IoQueue.Handler handler) {
        return openQueue(channel, depth, Duration.ZERO, handler);
    }

    /**
     * Opens a queue whose I/Os have a deadline; see {@link io.spdkio.bdev.BdevDesc#openQueue(IoChannel, int, Duration,
     * IoQueue.Handler)}.
     *
     * @param channel the calling thread's channel to the store
     * @param depth the number of slots, 1 to 65,536
     * @param deadline how long each I/O may take; {@link Duration#ZERO} for as long as it likes
     * @param handler told of each completion, on the channel's thread, inside a poll
     * @return the queue, to be closed on that thread
     */
    IoQueue openQueue(IoChannel channel, int depth, Duration deadline, IoQueue.Handler handler);

    // ---- metadata

    /**
     * Changes its size. I/O waits meanwhile and sees the new size when this has completed; it is durable after {@link
     * #syncMetadata} or {@link #closeAsync}.
     *
     * @param clusters the new size in clusters
     * @return completes when it has that size; fails with {@code -ENOSPC} when the store has not so many clusters free,
     *     and nothing has changed
     */
    IoFuture<Void> resize(long clusters);

    /**
     * Makes it read-only for good, as far as its metadata says: durable, and in force, after {@link #syncMetadata}.
     *
     * @return completes when it is noted
     */
    IoFuture<Void> setReadOnly();

    /**
     * Makes what has changed durable: size, attributes, read-only. Where the device flushes, so is the data that was
     * written before.
     *
     * @return completes when it is durable
     */
    IoFuture<Void> syncMetadata();

    /**
     * Sets an attribute; durable after {@link #syncMetadata}.
     *
     * @param name its name, kept as UTF-8, not empty
     * @param value its value; with the name at most about 4,000 bytes, as it has to fit a metadata page
     * @return completes when it is set; fails with {@link SpdkException.NoMemory} when it is too long, and with {@code
     *     ENOSPC} when there are too few metadata pages for it, which an engine may also find out only when it is
     *     written
     */
    IoFuture<Void> setXattr(String name, byte[] value);

    /**
     * Finds an attribute.
     *
     * @param name its name
     * @return completes with its value, or with nothing
     */
    IoFuture<Optional<byte[]>> xattr(String name);

    /**
     * Lists the attributes.
     *
     * @return completes with their names, in the order in which they were set first
     */
    IoFuture<List<String>> xattrNames();

    /**
     * Removes an attribute; durable after {@link #syncMetadata}.
     *
     * @param name its name
     * @return completes when it is gone; fails with {@link SpdkException.NotFound} when there is none
     */
    IoFuture<Void> removeXattr(String name);

    /**
     * Closes it: refuses new I/O, waits for what is outstanding, makes changed metadata durable.
     *
     * @return completes when it is closed; when making the metadata durable fails it is closed all the same, and this
     *     fails
     */
    IoFuture<Void> closeAsync();

    /** {@link #closeAsync}, and waits for it. Closing twice is once. */
    @Override
    void close();
}
