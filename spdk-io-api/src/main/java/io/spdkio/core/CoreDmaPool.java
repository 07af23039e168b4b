package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;
import io.spdkio.spi.SpinLock;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Optional;

/** A pool: one allocation, cut into buffers. Every take makes a new handle, so that a closed one stays closed. */
final class CoreDmaPool implements DmaPool {
    private final long bufferBytes;
    private final int capacity;
    private final CoreDma.Block block;
    private final SpinLock guard = new SpinLock();
    private final ArrayDeque<MemorySegment> free;
    private boolean closed;

    CoreDmaPool(CoreDma dma, long bufferBytes, int count) {
        if (bufferBytes < 1 || count < 1) {
            throw new IllegalArgumentException(
                    "a pool has at least one buffer of at least one byte, not " + count + " of " + bufferBytes);
        }
        this.bufferBytes = bufferBytes;
        this.capacity = count;
        if (bufferBytes > Long.MAX_VALUE / count - Dma.DEFAULT_ALIGNMENT_BYTES) {
            throw new SpdkException.NoMemory(
                    "no room for a pool of " + count + " buffers of " + bufferBytes + " bytes", -Errno.ENOMEM);
        }
        long stride = Math.ceilDiv(bufferBytes, Dma.DEFAULT_ALIGNMENT_BYTES) * Dma.DEFAULT_ALIGNMENT_BYTES;
        this.block = dma.block(stride * count, Dma.DEFAULT_ALIGNMENT_BYTES);
        this.free = new ArrayDeque<>(count);
        for (int i = 0; i < count; i++) {
            free.add(block.segment().asSlice(i * stride, bufferBytes));
        }
    }

    @Override
    public Optional<DmaBuf> tryTake() {
        MemorySegment segment;
        try (SpinLock _ = guard.acquire()) {
            if (closed) {
                throw new SpdkException.Closed("the pool is closed");
            }
            segment = free.pollLast();
        }
        return segment == null
                ? Optional.empty()
                : Optional.of(new CoreDmaBuf(segment, new Lease(), () -> putBack(segment)));
    }

    @Override
    public DmaBuf take() {
        return tryTake()
                .orElseThrow(() ->
                        new SpdkException.NoMemory(
                                "all " + capacity + " buffers of the pool are taken; close one first", -Errno.ENOMEM));
    }

    private void putBack(MemorySegment segment) {
        try (SpinLock _ = guard.acquire()) {
            free.addLast(segment);
        }
    }

    @Override
    public long bufferBytes() {
        return bufferBytes;
    }

    @Override
    public int capacity() {
        return capacity;
    }

    @Override
    public int available() {
        try (SpinLock _ = guard.acquire()) {
            return closed ? 0 : free.size();
        }
    }

    @Override
    public void close() {
        try (SpinLock _ = guard.acquire()) {
            if (closed) {
                return;
            }
            if (free.size() < capacity) {
                throw new SpdkException.Busy(
                        (capacity - free.size()) + " of the pool's buffers have not been given back; close them first",
                        -Errno.EBUSY);
            }
            closed = true;
        }
        block.free().run();
    }
}
