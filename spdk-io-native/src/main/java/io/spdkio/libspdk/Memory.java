package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.sys.raw.EnvH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/** SPDK's memory for buffers, and finding the buffer that an address lies in. Any thread. */
final class Memory {
    private static final long PAGE_BYTES = 4096;

    private final ConcurrentSkipListMap<Long, MemorySegment> allocated = new ConcurrentSkipListMap<>();

    /** Allocates zeroed memory that devices can reach, until an arena is closed. */
    @SuppressWarnings("restricted")
    MemorySegment allocate(long sizeBytes, long alignmentBytes, Arena arena) {
        MemorySegment memory = zmalloc(sizeBytes, alignmentBytes);
        if (memory.address() == 0) {
            throw new SpdkException.NoMemory(
                    "SPDK has no memory for a buffer of %,d bytes. Close buffers, or raise memSizeMb or the number of"
                                    .formatted(sizeBytes)
                            + " hugepages",
                    -Errno.ENOMEM);
        }
        MemorySegment buffer = memory.reinterpret(sizeBytes, arena, this::free);
        allocated.put(buffer.address(), buffer);
        return buffer;
    }

    private static MemorySegment zmalloc(long sizeBytes, long alignmentBytes) {
        return EnvH.spdk_zmalloc(
                sizeBytes,
                alignmentBytes,
                MemorySegment.NULL,
                EnvH.SPDK_ENV_NUMA_ID_ANY,
                EnvH.SPDK_MALLOC_DMA | EnvH.SPDK_MALLOC_SHARE);
    }

    /** Memory for the data of one I/O; null when there is none. */
    MemorySegment copy(long sizeBytes, long alignmentBytes) {
        MemorySegment memory = zmalloc(sizeBytes, Math.max(alignmentBytes, PAGE_BYTES));
        return memory.address() == 0 ? null : at(memory.address(), sizeBytes);
    }

    void freeCopy(MemorySegment copy) {
        EnvH.spdk_free(copy);
    }

    private void free(MemorySegment memory) {
        allocated.remove(memory.address());
        EnvH.spdk_free(memory);
    }

    /**
     * The memory at an address that came from C. What lies in a buffer ends with the buffer, so that a device which
     * keeps it for too long gets an exception; the rest is of SPDK's own pools, which stay.
     */
    MemorySegment find(long address, long bytes) {
        Map.Entry<Long, MemorySegment> below = allocated.floorEntry(address);
        if (below != null) {
            long offset = address - below.getKey();
            if (offset + bytes <= below.getValue().byteSize()) {
                return below.getValue().asSlice(offset, bytes);
            }
        }
        return at(address, bytes);
    }

    @SuppressWarnings("restricted")
    static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    /** The text at a pointer; empty for a null pointer. */
    static String text(MemorySegment pointer) {
        return pointer.address() == 0 ? "" : at(pointer.address(), Integer.MAX_VALUE).getString(0);
    }
}
