package io.spdkio.cli.dd;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A block device. */
final class BdevEndpoint implements Endpoint {
    private final SpdkEnv env;
    private final String name;
    private final Bdev bdev;
    private final BdevDesc desc;
    private final IoChannel channel;

    BdevEndpoint(SpdkEnv env, SpdkThread thread, String name, Bdev bdev, OpenMode mode) {
        this.env = env;
        this.name = name;
        this.bdev = bdev;
        this.desc = bdev.open(mode);
        this.channel = thread.ioChannel(desc);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public OptionalLong sizeBytes() {
        return OptionalLong.of(bdev.sizeBytes());
    }

    @Override
    public int blockSize() {
        return bdev.blockSize();
    }

    @Override
    public CompletionStage<Integer> read(DmaBuf buffer, long offset, int length) {
        int rest = (int) Math.min(length, bdev.sizeBytes() - offset);
        if (rest <= 0) {
            return CompletableFuture.completedFuture(0);
        }
        // Whole blocks; the buffer has room for them.
        int whole = Math.ceilDiv(rest, blockSize()) * blockSize();
        return desc.read(channel, buffer, offset, whole).thenApply(_ -> rest);
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        int beyond = length % blockSize();
        if (beyond == 0) {
            return desc.write(channel, buffer, offset, length);
        }
        // The last block is only partly ours: its other part stays as it is.
        int whole = length - beyond;
        DmaBuf last = env.dma().allocate(blockSize());
        CompletionStage<Void> merged =
                desc.read(channel, last, offset + whole, blockSize())
                        .thenCompose(_ -> {
                            MemorySegment.copy(buffer.segment(), whole, last.segment(), 0, beyond);
                            return desc.write(channel, last, offset + whole, blockSize());
                        })
                        .whenComplete((_, _) -> last.close());
        return whole == 0 ? merged : desc.write(channel, buffer, offset, whole).thenCompose(_ -> merged);
    }

    @Override
    public CompletionStage<Void> flush() {
        return bdev.supports(IoType.FLUSH) ? desc.flush(channel) : CompletableFuture.completedFuture(null);
    }

    @Override
    public void close() {
        channel.close();
        desc.close();
    }
}
