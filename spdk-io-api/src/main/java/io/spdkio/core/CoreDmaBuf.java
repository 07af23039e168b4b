package io.spdkio.core;

import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** A buffer, or a slice of one: slices share the lease and have nothing to free. */
final class CoreDmaBuf implements DmaBuf {
    private static final Runnable NOTHING = () -> {};

    final MemorySegment segment;
    final long sizeBytes;
    final Lease lease;
    private final Runnable free;

    CoreDmaBuf(MemorySegment segment, Lease lease, Runnable free) {
        this.segment = segment;
        this.sizeBytes = segment.byteSize();
        this.lease = lease;
        this.free = free;
    }

    static CoreDmaBuf of(DmaBuf buffer) {
        if (buffer instanceof CoreDmaBuf core) {
            return core;
        }
        Objects.requireNonNull(buffer, "buffer");
        throw new IllegalArgumentException("buffers come from SpdkEnv.dma(); this is a " + buffer.getClass().getName());
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public MemorySegment segment() {
        // The memory of a pool outlives its buffers.
        if (lease.isClosed()) {
            throw new IllegalStateException("the buffer is closed; its memory may serve another by now");
        }
        return segment;
    }

    @Override
    public ByteBuffer byteBuffer() {
        if (sizeBytes > Integer.MAX_VALUE) {
            throw new IllegalStateException(
                    "a ByteBuffer holds at most 2 GiB - 1, this buffer " + sizeBytes + " bytes; take a slice");
        }
        return segment().asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public DmaBuf slice(long offsetBytes, long sliceBytes) {
        if (sliceBytes < 1) {
            throw new IndexOutOfBoundsException("a slice has at least one byte, not " + sliceBytes);
        }
        return new CoreDmaBuf(segment().asSlice(offsetBytes, sliceBytes), lease, NOTHING);
    }

    @Override
    public boolean isLeased() {
        return lease.isHeld();
    }

    @Override
    public boolean isClosed() {
        return lease.isClosed();
    }

    @Override
    public void close() {
        if (free != NOTHING && lease.close()) {
            free.run();
        }
    }

    @Override
    public String toString() {
        return "DmaBuf[" + sizeBytes + " bytes" + (isClosed() ? ", closed" : isLeased() ? ", leased" : "") + "]";
    }
}
