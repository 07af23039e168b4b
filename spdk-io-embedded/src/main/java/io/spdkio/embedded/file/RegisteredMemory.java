package io.spdkio.embedded.file;

import io.spdkio.spi.SpinLock;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Memory that is worth registering with the kernel: the large pieces that buffers are cut from. A ring registers a
 * piece when it first uses it, so that the kernel need not look its pages up at each I/O.
 *
 * <p>May be used from any thread.
 */
public final class RegisteredMemory {

    /** A piece of memory, known by itself: another at the same address later is another piece. */
    static final class Region {
        final MemorySegment memory;
        final long start;
        final long end;

        private Region(MemorySegment memory) {
            this.memory = memory;
            this.start = memory.address();
            this.end = start + memory.byteSize();
        }
    }

    private final SpinLock guard = new SpinLock();
    private volatile Region[] regions = {};
    private volatile String refusal;

    RegisteredMemory() {}

    /**
     * Tells of memory that buffers will be cut from.
     *
     * @param memory off-heap, overlapping none that is here
     */
    public void add(MemorySegment memory) {
        if (!memory.isNative() || memory.byteSize() == 0) {
            throw new IllegalArgumentException("not off-heap memory: " + memory);
        }
        try (SpinLock _ = guard.acquire()) {
            int at = floor(regions, memory.address()) + 1;
            Region[] more = new Region[regions.length + 1];
            System.arraycopy(regions, 0, more, 0, at);
            more[at] = new Region(memory);
            System.arraycopy(regions, at, more, at + 1, regions.length - at);
            regions = more;
        }
    }

    /**
     * Tells that memory is about to be freed. No I/O may be using it. The kernel keeps its pages until each ring is
     * polled next.
     *
     * @param memory as it was added
     */
    public void remove(MemorySegment memory) {
        try (SpinLock _ = guard.acquire()) {
            int at = floor(regions, memory.address());
            if (at < 0 || regions[at].start != memory.address()) {
                return;
            }
            Region[] fewer = new Region[regions.length - 1];
            System.arraycopy(regions, 0, fewer, 0, at);
            System.arraycopy(regions, at + 1, fewer, at, fewer.length - at);
            regions = fewer;
        }
    }

    /**
     * {@return why some memory could not be registered, empty when nothing was refused so far; its I/O works all the
     * same}
     */
    public Optional<String> refusal() {
        return Optional.ofNullable(refusal);
    }

    void refused(String cause) {
        refusal = cause;
    }

    /** {@return all regions by address: the same array until there is a change} */
    Region[] snapshot() {
        return regions;
    }

    /** {@return the region in which an address lies, or null} */
    static Region find(Region[] regions, long address) {
        int at = floor(regions, address);
        return at >= 0 && address < regions[at].end ? regions[at] : null;
    }

    /** {@return the place of the last region that does not start after an address, or -1} */
    private static int floor(Region[] regions, long address) {
        int low = 0;
        int high = regions.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (regions[middle].start <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low - 1;
    }
}
