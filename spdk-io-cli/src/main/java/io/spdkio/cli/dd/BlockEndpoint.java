package io.spdkio.cli.dd;

import io.spdkio.cli.BlockIo;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A device or a blob, which is read and written in whole blocks. */
public abstract class BlockEndpoint implements Endpoint {
    private final String name;
    private final Dma dma;
    private final BlockIo io;

    /**
     * For the subclasses.
     *
     * @param name what the user called it
     * @param dma where memory is from
     * @param io how it is read and written
     */
    protected BlockEndpoint(String name, Dma dma, BlockIo io) {
        this.name = name;
        this.dma = dma;
        this.io = io;
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final CompletionStage<Integer> read(DmaBuf buffer, long offset, int length) {
        int rest = (int) Math.min(length, sizeBytes().orElseThrow() - offset);
        if (rest <= 0) {
            return CompletableFuture.completedFuture(0);
        }
        // Whole blocks; the buffer has room for them.
        int whole = Math.ceilDiv(rest, blockSize()) * blockSize();
        return io.read(buffer, offset, whole).thenApply(_ -> rest);
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        int beyond = length % blockSize();
        if (beyond == 0) {
            return io.write(buffer, offset, length);
        }
        // The last block is only partly ours: its other part stays as it is.
        int whole = length - beyond;
        DmaBuf last = dma.allocate(blockSize());
        CompletionStage<Void> merged =
                io.read(last, offset + whole, blockSize())
                        .thenCompose(_ -> {
                            MemorySegment.copy(buffer.segment(), whole, last.segment(), 0, beyond);
                            return io.write(last, offset + whole, blockSize());
                        })
                        .whenComplete((_, _) -> last.close());
        return whole == 0 ? merged : io.write(buffer, offset, whole).thenCompose(_ -> merged);
    }
}
