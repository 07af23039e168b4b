package io.spdkio.dma;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A piece of memory that devices can reach ({@code spdk_dma_malloc}).
 *
 * <p><b>Thread:</b> any. The bytes are shared memory without any ordering of their own; the completion of an I/O orders
 * them.
 *
 * <p><b>Leases:</b> from submit to completion an I/O holds a lease on its buffers. While there is one, {@link #close}
 * is refused, whatever became of the future. Slices share the lease of the buffer that they were cut from.
 *
 * <p><b>After close</b> every view throws {@link IllegalStateException} and every use as a buffer {@link
 * io.spdkio.SpdkException.Closed}. The views of a {@linkplain DmaPool pooled} buffer that were taken before it was
 * closed live as long as the pool: they then show what the buffer's next user does.
 */
public interface DmaBuf extends AutoCloseable {
    /**
     * The size of this buffer or slice.
     *
     * @return bytes, at least 1
     */
    long sizeBytes();

    /**
     * The memory itself.
     *
     * @return a segment of {@link #sizeBytes}, valid until the buffer is closed
     */
    MemorySegment segment();

    /**
     * The memory as a byte buffer in native byte order.
     *
     * @return a new direct view, valid until the buffer is closed
     * @throws IllegalStateException if it is larger than 2 GiB - 1; slice it
     */
    ByteBuffer byteBuffer();

    /**
     * A part of this buffer, sharing memory and leases. Closing a slice does nothing; it ends with its buffer.
     *
     * @param offsetBytes where it begins
     * @param sizeBytes its size, at least 1
     * @return the slice
     * @throws IndexOutOfBoundsException if it does not lie within
     */
    DmaBuf slice(long offsetBytes, long sizeBytes);

    /**
     * Copies bytes into the buffer.
     *
     * @param offsetBytes where to
     * @param bytes what
     * @return this
     */
    default DmaBuf put(long offsetBytes, byte[] bytes) {
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, segment(), offsetBytes, bytes.length);
        return this;
    }

    /**
     * Copies bytes out of the buffer.
     *
     * @param offsetBytes where from
     * @param sizeBytes how many, at most 2 GiB
     * @return the bytes
     */
    default byte[] get(long offsetBytes, long sizeBytes) {
        return segment().asSlice(offsetBytes, sizeBytes).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }

    /**
     * Sets every byte.
     *
     * @param value the byte
     * @return this
     */
    default DmaBuf fill(byte value) {
        segment().fill(value);
        return this;
    }

    /**
     * Whether an I/O holds it now.
     *
     * @return true between submit and completion of an I/O on this buffer, one of its slices, or the buffer it was cut
     *     from
     */
    boolean isLeased();

    /**
     * Whether it was closed.
     *
     * @return true from then on
     */
    boolean isClosed();

    /**
     * Frees the memory, or gives it back to its pool. Closing twice is once.
     *
     * @throws io.spdkio.SpdkException.Busy if an I/O holds it; names the operation, and the buffer stays usable
     */
    @Override
    void close();
}
