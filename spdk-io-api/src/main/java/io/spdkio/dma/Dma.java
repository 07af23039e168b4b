package io.spdkio.dma;

/**
 * Allocates buffers that devices can reach ({@code spdk_dma_malloc} in {@code include/spdk/env.h}). May be used from
 * any thread.
 */
public interface Dma {
    /**
     * The alignment of buffers unless another is asked for, in bytes: a page, enough for direct I/O on every device.
     */
    long DEFAULT_ALIGNMENT_BYTES = 4096;

    /**
     * Allocates a buffer whose contents are zero.
     *
     * @param sizeBytes its size, at least 1
     * @return the buffer, to be closed by the caller
     * @throws io.spdkio.SpdkException.NoMemory if there is not that much
     */
    default DmaBuf allocate(long sizeBytes) {
        return allocate(sizeBytes, DEFAULT_ALIGNMENT_BYTES);
    }

    /**
     * Allocates a buffer whose contents are zero, at an alignment.
     *
     * @param sizeBytes its size, at least 1
     * @param alignmentBytes a power of two, at most 1 GiB
     * @return the buffer, to be closed by the caller
     * @throws io.spdkio.SpdkException.NoMemory if there is not that much
     */
    DmaBuf allocate(long sizeBytes, long alignmentBytes);

    /**
     * Makes a pool of equal buffers, allocated at once.
     *
     * @param bufferBytes the size of each, at least 1
     * @param count how many, at least 1
     * @return the pool, to be closed by the caller
     * @throws io.spdkio.SpdkException.NoMemory if there is not that much
     */
    DmaPool pool(long bufferBytes, int count);

    /**
     * How much is allocated now.
     *
     * @return bytes
     */
    long allocatedBytes();
}
