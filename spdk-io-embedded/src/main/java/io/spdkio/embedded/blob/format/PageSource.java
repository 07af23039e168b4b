package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;

/** Where the pages of a store are read from: a device, a file, memory. */
@FunctionalInterface
public interface PageSource {
    /**
     * Reads.
     *
     * @param offsetBytes where in the store, a multiple of 4096
     * @param into receives the bytes; its size is a multiple of 4096
     * @return completes when they are there
     */
    CompletableFuture<Void> read(long offsetBytes, MemorySegment into);
}
