package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.cli.CliException;
import io.spdkio.cli.dd.Endpoint;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A blob as a side of a copy. */
final class BlobEndpoint implements Endpoint {
    private final OpenStore open;
    private final String name;
    private final Blob blob;
    private final boolean skipsZeroes;
    private final MemorySegment zeroes;

    private BlobEndpoint(OpenStore open, String name, Blob blob, boolean skipsZeroes, int blockBytes) {
        this.open = open;
        this.name = name;
        this.blob = blob;
        this.skipsZeroes = skipsZeroes;
        this.zeroes = MemorySegment.ofArray(new byte[skipsZeroes ? blockBytes : 0]);
    }

    static BlobEndpoint of(OpenStore open, String name, Blob blob) {
        return new BlobEndpoint(open, name, blob, false, 0);
    }

    /** A thin blob that holds nothing yet: zeroes need not be written. */
    static BlobEndpoint emptyThin(OpenStore open, String name, Blob blob, int blockBytes) {
        return new BlobEndpoint(open, name, blob, true, blockBytes);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public OptionalLong sizeBytes() {
        return OptionalLong.of(blob.sizeBytes());
    }

    @Override
    public int blockSize() {
        return blob.store().ioUnitSizeBytes();
    }

    @Override
    public CompletionStage<Integer> read(DmaBuf buffer, long offset, int length) {
        int rest = (int) Math.min(length, blob.sizeBytes() - offset);
        if (rest <= 0) {
            return CompletableFuture.completedFuture(0);
        }
        // Whole I/O units; the buffer has room for them.
        int whole = Math.ceilDiv(rest, blockSize()) * blockSize();
        return blob.read(open.channel(), buffer, offset, whole).thenApply(_ -> rest);
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        if (length > blob.sizeBytes() - offset) {
            throw CliException.failed(
                    "the input is longer than %s, which has %,d bytes; what fits was written. Make it larger with"
                                    .formatted(name, blob.sizeBytes())
                            + " spdk-io blob resize");
        }
        if (skipsZeroes && MemorySegment.mismatch(buffer.segment(), 0, length, zeroes, 0, length) == -1) {
            return CompletableFuture.completedFuture(null);
        }
        int beyond = length % blockSize();
        if (beyond == 0) {
            return blob.write(open.channel(), buffer, offset, length);
        }
        // The last unit is only partly ours: its other part stays as it is.
        int whole = length - beyond;
        DmaBuf last = open.device().env().dma().allocate(blockSize());
        CompletionStage<Void> merged =
                blob.read(open.channel(), last, offset + whole, blockSize())
                        .thenCompose(_ -> {
                            MemorySegment.copy(buffer.segment(), whole, last.segment(), 0, beyond);
                            return blob.write(open.channel(), last, offset + whole, blockSize());
                        })
                        .whenComplete((_, _) -> last.close());
        return whole == 0 ? merged : blob.write(open.channel(), buffer, offset, whole).thenCompose(_ -> merged);
    }

    /** Syncs the metadata, before which the device is flushed. */
    @Override
    public CompletionStage<Void> flush() {
        return blob.isReadOnly() ? CompletableFuture.completedFuture(null) : blob.syncMetadata();
    }

    /** Leaves the blob open: who opened it closes it. */
    @Override
    public void close() {
        // Nothing is held.
    }
}
