package io.spdkio.cli.dd;

import io.spdkio.dma.DmaBuf;

import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/** A side of a copy: a file or a block device. Everything is called on the copy's SPDK thread. */
public interface Endpoint extends AutoCloseable {
    /** What the user called it. */
    String name();

    /** Its size now, or empty for what has none, such as a pipe. */
    OptionalLong sizeBytes();

    /** What offsets and lengths are multiples of; the last length is not. */
    int blockSize();

    /**
     * Reads at an offset, or next in a stream.
     *
     * @return how many bytes there were, less than asked for only at the end
     */
    CompletionStage<Integer> read(DmaBuf buffer, long offset, int length);

    /** Writes at an offset. */
    CompletionStage<Void> write(DmaBuf buffer, long offset, int length);

    /** Makes durable what was written. */
    CompletionStage<Void> flush();

    @Override
    void close();
}
