package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;
import io.spdkio.spi.Engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The allocator: limits, accounts for, and in the end frees the buffers. */
final class CoreDma implements Dma {
    private static final long MAX_ALIGNMENT_BYTES = 1L << 30;

    private final CoreEnv env;
    private final Engine engine;
    private final long limitBytes;
    private final AtomicLong allocatedBytes = new AtomicLong();
    private final Set<Arena> arenas = ConcurrentHashMap.newKeySet();

    CoreDma(CoreEnv env, Engine engine, long limitBytes) {
        this.env = env;
        this.engine = engine;
        this.limitBytes = limitBytes;
    }

    /** Memory with what frees it. */
    record Block(MemorySegment segment, Runnable free) {}

    Block block(long sizeBytes, long alignmentBytes) {
        env.checkOpen();
        if (sizeBytes < 1) {
            throw new IllegalArgumentException("a buffer has at least one byte, not " + sizeBytes);
        }
        if (Long.bitCount(alignmentBytes) != 1 || alignmentBytes < 1 || alignmentBytes > MAX_ALIGNMENT_BYTES) {
            throw new IllegalArgumentException(
                    "alignment " + alignmentBytes + " is not a power of two between 1 and 2^30");
        }
        if (sizeBytes > limitBytes || allocatedBytes.addAndGet(sizeBytes) > limitBytes) {
            if (sizeBytes <= limitBytes) {
                allocatedBytes.addAndGet(-sizeBytes);
            }
            throw new SpdkException.NoMemory(
                    "no room for a buffer of %,d bytes: %,d of %,d are taken. Close buffers, or raise memSizeMb"
                            .formatted(sizeBytes, allocatedBytes.get(), limitBytes),
                    -Errno.ENOMEM);
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment segment = engine.allocate(sizeBytes, alignmentBytes, arena);
            arenas.add(arena);
            return new Block(
                    segment,
                    () -> {
                        if (arenas.remove(arena)) {
                            free(arena);
                            allocatedBytes.addAndGet(-sizeBytes);
                        }
                    });
        } catch (Throwable e) {
            arena.close();
            allocatedBytes.addAndGet(-sizeBytes);
            throw e;
        }
    }

    @Override
    public DmaBuf allocate(long sizeBytes, long alignmentBytes) {
        Block block = block(sizeBytes, alignmentBytes);
        return new CoreDmaBuf(block.segment(), new Lease(), block.free());
    }

    @Override
    public DmaPool pool(long bufferBytes, int count) {
        return new CoreDmaPool(this, bufferBytes, count);
    }

    @Override
    public long allocatedBytes() {
        return allocatedBytes.get();
    }

    /** Frees everything; no I/O is outstanding. */
    void close() {
        List.copyOf(arenas)
                .forEach(arena -> {
                    if (arenas.remove(arena)) {
                        free(arena);
                    }
                });
        allocatedBytes.set(0);
    }

    /**
     * The JDK refuses while a call of its own, such as a write to a socket, has the memory: then it stays allocated.
     */
    private static void free(Arena arena) {
        try {
            arena.close();
        } catch (IllegalStateException inUse) {
            System.getLogger("io.spdkio")
                    .log(
                            System.Logger.Level.WARNING,
                            "a buffer is in use outside the library and stays allocated",
                            inUse);
        }
    }
}
