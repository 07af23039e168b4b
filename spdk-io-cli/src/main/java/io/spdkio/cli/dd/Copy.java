package io.spdkio.cli.dd;

import io.spdkio.SpdkThread;
import io.spdkio.cli.CliException;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongConsumer;

/**
 * Moves blocks from one endpoint to another, several at a time, each with a buffer of its own; or only reads them, to
 * sum them up. On one SPDK thread.
 */
public final class Copy {
    private final SpdkThread thread;
    private final Endpoint source;
    private final Endpoint target;
    private final long sourceOffset;
    private final long targetOffset;
    private final int blockBytes;
    private final long limitBytes;
    private final Crc32cSum sum;
    private final LongConsumer progress;
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    private long nextBlock;
    private int inFlight;
    private long copiedBytes;
    private boolean ended;
    private Throwable problem;

    /** Whether the target is a stream, which takes blocks only one after the other. */
    private final boolean inOrder;

    /** With {@link #inOrder}, completes when the block before the next one is written. */
    private CompletableFuture<Void> previousWritten = CompletableFuture.completedFuture(null);

    /**
     * Describes a copy.
     *
     * @param target null to only read
     * @param limitBytes where to end before the source does
     * @param sum takes the sum of what was read; null for no sum
     */
    public Copy(
            SpdkThread thread,
            Endpoint source,
            long sourceOffset,
            Endpoint target,
            long targetOffset,
            int blockBytes,
            long limitBytes,
            Crc32cSum sum,
            LongConsumer progress) {
        this.thread = thread;
        this.source = source;
        this.sourceOffset = sourceOffset;
        this.target = target;
        this.inOrder = target != null && target.sizeBytes().isEmpty();
        this.targetOffset = targetOffset;
        this.blockBytes = blockBytes;
        this.limitBytes = limitBytes;
        this.sum = sum;
        this.progress = progress;
    }

    /** Runs to the end; returns how many bytes there were. */
    public long run(Dma dma, int depth) {
        try (DmaBuf memory = dma.allocate((long) depth * blockBytes)) {
            for (int i = 0; i < depth; i++) {
                next(memory.slice((long) i * blockBytes, blockBytes));
            }
            thread.await(done);
        }
        if (problem != null) {
            throw problem instanceof RuntimeException e ? e : CliException.failed(problem.getMessage(), problem);
        }
        return copiedBytes;
    }

    private void next(DmaBuf buffer) {
        long block = nextBlock;
        long at = block * blockBytes;
        if (problem != null || ended || at >= limitBytes) {
            if (inFlight == 0) {
                done.complete(null);
            }
            return;
        }
        nextBlock++;
        inFlight++;
        int wanted = (int) Math.min(blockBytes, limitBytes - at);
        CompletableFuture<Void> turn = previousWritten;
        CompletableFuture<Void> written = new CompletableFuture<>();
        if (inOrder) {
            previousWritten = written;
        }
        try {
            source.read(buffer, sourceOffset + at, wanted)
                    .thenComposeAsync(
                            length ->
                                    inOrder
                                            ? turn.thenComposeAsync(
                                                    _ -> write(buffer, block, at, length, wanted), thread)
                                            : write(buffer, block, at, length, wanted),
                            thread)
                    .whenCompleteAsync((_, failure) -> finished(buffer, written, failure), thread);
        } catch (RuntimeException e) {
            finished(buffer, written, e);
        }
    }

    private CompletableFuture<Void> write(DmaBuf buffer, long block, long at, int length, int wanted) {
        if (length < wanted) {
            ended = true;
        }
        if (length == 0) {
            return CompletableFuture.completedFuture(null);
        }
        if (sum != null) {
            sum.add(block, buffer.byteBuffer().limit(length));
        }
        CompletableFuture<Void> written =
                target == null
                        ? CompletableFuture.completedFuture(null)
                        : target.write(buffer, targetOffset + at, length).toCompletableFuture();
        return written.thenRunAsync(
                () -> {
                    copiedBytes += length;
                    progress.accept(copiedBytes);
                },
                thread);
    }

    private void finished(DmaBuf buffer, CompletableFuture<Void> written, Throwable failure) {
        inFlight--;
        if (failure != null && problem == null) {
            problem =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        }
        if (failure == null) {
            written.complete(null);
        } else {
            written.completeExceptionally(failure);
        }
        next(buffer);
    }
}
