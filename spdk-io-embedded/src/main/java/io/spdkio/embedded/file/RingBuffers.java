package io.spdkio.embedded.file;

import io.spdkio.embedded.file.RegisteredMemory.Region;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.embedded.linux.IoUring;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Map;

/** Which memory one ring has registered, and under which number. Confined to the ring's thread. */
final class RingBuffers {

    /** A larger region is not registered: the first I/O would wait for all of its pages to be found. */
    private static final long MOST_BYTES = 128L << 20;

    private static final int TABLE_SIZE = 1024;
    private static final int NOT_REGISTERED = -1;

    private final IoUring ring;
    private final RegisteredMemory memory;
    private final IdentityHashMap<Region, Integer> numbers = new IdentityHashMap<>();
    private final BitSet taken = new BitSet();
    private final int tableSize;

    private Region[] seen = {};

    /** Where the last buffer was found: most likely the next is there too. */
    private long lastStart;

    private long lastEnd;
    private int lastNumber;

    RingBuffers(IoUring ring, RegisteredMemory memory) {
        this.ring = ring;
        this.memory = memory;
        this.tableSize = makeTable();
    }

    private int makeTable() {
        try {
            ring.registerBufferTable(TABLE_SIZE);
            return TABLE_SIZE;
        } catch (ErrnoException e) {
            memory.refused(e.getMessage());
            return 0;
        }
    }

    /** {@return the number under which memory is registered, or a negative one when it is not} */
    int find(long address, int bytes) {
        forgetFreed();
        if (address >= lastStart && address + bytes <= lastEnd) {
            return lastNumber;
        }
        Region region = RegisteredMemory.find(seen, address);
        if (region == null || address + bytes > region.end) {
            return NOT_REGISTERED;
        }
        Integer known = numbers.get(region);
        lastNumber = known != null ? known : register(region);
        lastStart = region.start;
        lastEnd = region.end;
        return lastNumber;
    }

    private int register(Region region) {
        int number = taken.nextClearBit(0);
        if (number >= tableSize || region.memory.byteSize() > MOST_BYTES) {
            number = NOT_REGISTERED;
        } else {
            try {
                ring.updateBuffer(number, region.memory);
                taken.set(number);
            } catch (ErrnoException e) {
                memory.refused(e.getMessage());
                number = NOT_REGISTERED;
            }
        }
        numbers.put(region, number);
        return number;
    }

    /**
     * Gives back what was freed. This must happen before other memory at the same address is used: the kernel would
     * still see the old pages.
     */
    @SuppressWarnings("ReferenceEquality") // another region at the same address is another one
    void forgetFreed() {
        Region[] now = memory.snapshot();
        if (now == seen) {
            return;
        }
        seen = now;
        lastEnd = 0;
        Iterator<Map.Entry<Region, Integer>> known = numbers.entrySet().iterator();
        while (known.hasNext()) {
            Map.Entry<Region, Integer> entry = known.next();
            if (RegisteredMemory.find(now, entry.getKey().start) != entry.getKey()) {
                int number = entry.getValue();
                if (number != NOT_REGISTERED) {
                    ring.updateBuffer(number, MemorySegment.NULL);
                    taken.clear(number);
                }
                known.remove();
            }
        }
    }
}
