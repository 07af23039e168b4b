package io.spdkio.cli.dd;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.cli.BlockIo;
import io.spdkio.dma.Dma;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A block device. */
final class BdevEndpoint extends BlockEndpoint {
    private final BdevDesc desc;
    private final BlockIo io;

    private BdevEndpoint(String name, Dma dma, BdevDesc desc, BlockIo io) {
        super(name, dma, io);
        this.desc = desc;
        this.io = io;
    }

    /** Opens it. */
    static BdevEndpoint open(SpdkEnv env, SpdkThread thread, String name, Bdev bdev, OpenMode mode) {
        BdevDesc desc = bdev.open(mode);
        return new BdevEndpoint(name, env.dma(), desc, BlockIo.of(desc, thread));
    }

    @Override
    public OptionalLong sizeBytes() {
        return OptionalLong.of(desc.bdev().sizeBytes());
    }

    @Override
    public int blockSize() {
        return desc.bdev().blockSize();
    }

    @Override
    public CompletionStage<Void> flush() {
        return desc.bdev().supports(IoType.FLUSH) ? desc.flush(io.channel()) : CompletableFuture.completedFuture(null);
    }

    @Override
    public void close() {
        io.close();
    }
}
