package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.embedded.EmbeddedMemory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A device in memory. */
public final class MallocDevice implements BdevBackend {
    private final BdevGeometry geometry;
    private final long blockSize;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;

    /**
     * Makes it.
     *
     * @param spec its options
     */
    public MallocDevice(MallocBdev spec) {
        blockSize = spec.blockSize();
        geometry =
                new BdevGeometry(
                        spec.blockSize(),
                        spec.sizeBytes() / spec.blockSize(),
                        spec.optimalIoBoundaryBlocks(),
                        spec.optimalIoBoundaryBlocks() != 0,
                        0,
                        0,
                        1,
                        1);
        try {
            memory = EmbeddedMemory.allocate("malloc device '" + spec.name() + "'", spec.sizeBytes(), 4096, arena);
            // Takes the pages now, as SPDK does. Left untouched, all reads come from the kernel's one page of zeroes,
            // which stays in the cache: a device that was never written measured twice as fast as memory is.
            memory.fill((byte) 0);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public String productName() {
        return "Malloc disk";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ, WRITE, UNMAP, FLUSH, WRITE_ZEROES, COPY -> true;
            case COMPARE, COMPARE_AND_WRITE, RESET, ABORT -> false;
        };
    }

    /** The memory is the same for every thread, and nothing else is needed. */
    @Override
    public Channel openChannel(SpdkThread thread) {
        return this::submit;
    }

    private void submit(BdevIo io) {
        long at = io.offsetBytes();
        switch (io.type()) {
            case READ -> io.copyFrom(memory, at);
            case WRITE -> io.copyTo(memory, at);
            case WRITE_ZEROES, UNMAP -> memory.asSlice(at, io.lengthBytes()).fill((byte) 0);
            case COPY -> MemorySegment.copy(memory, io.sourceOffsetBlocks() * blockSize, memory, at, io.lengthBytes());
            case FLUSH -> {
                // Memory is as durable as it gets.
            }
            case COMPARE, COMPARE_AND_WRITE, RESET, ABORT -> {
                io.complete(-Errno.EOPNOTSUPP);
                return;
            }
        }
        io.complete();
    }

    @Override
    public void close() {
        arena.close();
    }
}
