package io.spdkio.dma;

import java.util.Optional;

/** A fixed number of equal buffers, for programs that allocate nothing while they run. May be used from any thread. */
public interface DmaPool extends AutoCloseable {
    /**
     * Takes a buffer. Its contents are whatever its last user left. Closing the buffer gives it back.
     *
     * @return a buffer, or empty when all are taken
     */
    Optional<DmaBuf> tryTake();

    /**
     * The same, where an empty pool is an error.
     *
     * @return a buffer
     * @throws io.spdkio.SpdkException.NoMemory if all are taken
     */
    DmaBuf take();

    /**
     * The size of each buffer.
     *
     * @return bytes
     */
    long bufferBytes();

    /**
     * How many buffers there are.
     *
     * @return the number given when the pool was made
     */
    int capacity();

    /**
     * How many can be taken now.
     *
     * @return between 0 and {@link #capacity}
     */
    int available();

    /**
     * Frees the pool's memory. Closing twice is once.
     *
     * @throws io.spdkio.SpdkException.Busy if a buffer has not been given back
     */
    @Override
    void close();
}
