package io.spdkio.sys;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A device in Java's memory that can hold requests back and fail them. */
final class RamDevice implements BdevRequests {
    private final BdevRing ring;
    private final int blockBytes;
    private final byte[] data;
    final Map<Long, Runnable> held = new LinkedHashMap<>();
    final List<Integer> operations = new ArrayList<>();
    final Set<Integer> channels = new HashSet<>();

    /** Requests wait here until release(). */
    boolean hold;

    /** What the next requests end with, one each; 0 does the request. */
    final List<Integer> faults = new ArrayList<>();

    Runnable onDestruct = () -> {};
    boolean gone;
    int longestBlocks;
    int mostVectors;

    RamDevice(BdevRing ring, int blockBytes, int blocks) {
        this.ring = ring;
        this.blockBytes = blockBytes;
        data = new byte[blockBytes * blocks];
    }

    byte byteAt(long block, int offset) {
        return data[Math.toIntExact(block * blockBytes) + offset];
    }

    @Override
    public void request(
            long io,
            int device,
            int channel,
            int operation,
            long offsetBlocks,
            long blockCount,
            long vectors,
            int vectorCount,
            long extra,
            int extraCount) {
        if (!channels.contains(channel)) {
            throw new AssertionError("a request on channel " + channel + ", which is not open");
        }
        operations.add(operation);
        if (operation == BdevRing.ABORT) {
            boolean found = held.remove(extra) != null;
            if (found) {
                ring.answer(extra, -125);
            }
            ring.answer(io, found ? 0 : -2);
        } else if (operation == BdevRing.RESET) {
            held.keySet().forEach(each -> ring.answer(each, 7));
            held.clear();
            ring.answer(io, 0);
        } else if (hold) {
            held.put(io, () -> serve(io, operation, offsetBlocks, blockCount, vectors, vectorCount, extra, extraCount));
        } else {
            serve(io, operation, offsetBlocks, blockCount, vectors, vectorCount, extra, extraCount);
        }
    }

    void release() {
        List<Runnable> all = new ArrayList<>(held.values());
        held.clear();
        all.forEach(Runnable::run);
    }

    private void serve(
            long io,
            int operation,
            long offsetBlocks,
            long blockCount,
            long vectors,
            int vectorCount,
            long extra,
            int extraCount) {
        int fault = faults.isEmpty() ? 0 : faults.removeFirst();
        if (fault != 0) {
            ring.answer(io, fault);
            return;
        }
        MemorySegment stored = MemorySegment.ofArray(data).asSlice(offsetBlocks * blockBytes, blockCount * blockBytes);
        int status = 0;
        switch (operation) {
            case BdevRing.READ, BdevRing.WRITE -> {
                longestBlocks = Math.max(longestBlocks, (int) blockCount);
                mostVectors = Math.max(mostVectors, vectorCount);
                if (operation == BdevRing.READ) {
                    scatter(stored, vectors, vectorCount);
                } else {
                    stored.copyFrom(gather(vectors, vectorCount, stored.byteSize()));
                }
            }
            case BdevRing.COMPARE, BdevRing.COMPARE_AND_WRITE -> {
                if (stored.mismatch(gather(vectors, vectorCount, stored.byteSize())) >= 0) {
                    status = 0x285;
                } else if (operation == BdevRing.COMPARE_AND_WRITE) {
                    stored.copyFrom(gather(extra, extraCount, stored.byteSize()));
                }
            }
            case BdevRing.COPY ->
                    stored.copyFrom(MemorySegment.ofArray(data).asSlice(extra * blockBytes, stored.byteSize()));
            case BdevRing.UNMAP, BdevRing.WRITE_ZEROES -> stored.fill((byte) 0);
            case BdevRing.FLUSH -> {}
            default -> throw new AssertionError("operation " + operation + " is not supported");
        }
        ring.answer(io, status);
    }

    private static MemorySegment vector(long vectors, int i) {
        MemorySegment iov = Bridge.memory(vectors + i * 16L, 16);
        return Bridge.memory(iov.get(JAVA_LONG, 0), iov.get(JAVA_LONG, 8));
    }

    private static MemorySegment gather(long vectors, int vectorCount, long bytes) {
        MemorySegment all = MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
        long moved = 0;
        for (int i = 0; i < vectorCount; i++) {
            MemorySegment buffer = vector(vectors, i);
            all.asSlice(moved, buffer.byteSize()).copyFrom(buffer);
            moved += buffer.byteSize();
        }
        if (moved != bytes) {
            throw new AssertionError(moved + " bytes of " + bytes);
        }
        return all;
    }

    private static void scatter(MemorySegment stored, long vectors, int vectorCount) {
        long moved = 0;
        for (int i = 0; i < vectorCount; i++) {
            MemorySegment buffer = vector(vectors, i);
            buffer.copyFrom(stored.asSlice(moved, buffer.byteSize()));
            moved += buffer.byteSize();
        }
        if (moved != stored.byteSize()) {
            throw new AssertionError(moved + " bytes of " + stored.byteSize());
        }
    }

    @Override
    public void channelCreated(int device, int channel) {
        if (!channels.add(channel)) {
            throw new AssertionError("channel " + channel + " twice");
        }
    }

    @Override
    public void channelDestroyed(int device, int channel) {
        if (!channels.remove(channel)) {
            throw new AssertionError("channel " + channel + " was never there");
        }
    }

    @Override
    public void destruct(int device) {
        onDestruct.run();
    }

    @Override
    public void gone(int device) {
        gone = true;
    }
}
