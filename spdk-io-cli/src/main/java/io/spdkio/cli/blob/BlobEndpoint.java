package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.cli.BlockIo;
import io.spdkio.cli.CliException;
import io.spdkio.cli.dd.BlockEndpoint;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A blob as a side of a copy. */
final class BlobEndpoint extends BlockEndpoint {
    private final Blob blob;
    private final boolean skipsZeroes;
    private final MemorySegment zeroes;

    private BlobEndpoint(OpenStore open, String name, Blob blob, boolean skipsZeroes, int blockBytes) {
        super(name, open.device().env().dma(), BlockIo.of(blob, open.channel()));
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
    public OptionalLong sizeBytes() {
        return OptionalLong.of(blob.sizeBytes());
    }

    @Override
    public int blockSize() {
        return blob.store().ioUnitSizeBytes();
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        if (length > blob.sizeBytes() - offset) {
            throw CliException.failed(
                    "the input is longer than %s, which has %,d bytes; what fits was written. Make it larger with"
                                    .formatted(name(), blob.sizeBytes())
                            + " spdk-io blob resize");
        }
        if (skipsZeroes && MemorySegment.mismatch(buffer.segment(), 0, length, zeroes, 0, length) == -1) {
            return CompletableFuture.completedFuture(null);
        }
        return super.write(buffer, offset, length);
    }

    /** Syncs the metadata, before which the device is flushed. */
    @Override
    public CompletionStage<Void> flush() {
        return blob.isReadOnly() ? CompletableFuture.completedFuture(null) : blob.syncMetadata();
    }

    /** Leaves the blob and the channel open: who opened them closes them. */
    @Override
    public void close() {
        // Nothing is held.
    }
}
