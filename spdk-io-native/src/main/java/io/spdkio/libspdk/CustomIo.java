package io.spdkio.libspdk;

import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/** A struct spdk_bdev_io for a backend in Java. Reused by its channel. */
final class CustomIo implements BdevIo {
    private static final long IOVEC_BYTES = 16;
    private static final VarHandle COMPLETED;

    static {
        try {
            COMPLETED = MethodHandles.lookup().findVarHandle(CustomIo.class, "completed", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final CustomChannel channel;
    private final List<Long> aborts = new ArrayList<>(0);
    private long address;
    private IoType type = IoType.READ;
    private long offsetBlocks;
    private long blockCount;
    private long sourceOffsetBlocks;
    private MemorySegment vectors = MemorySegment.NULL;
    private int vectorCount;
    private MemorySegment writeVectors = MemorySegment.NULL;
    private int writeVectorCount;

    @SuppressWarnings("unused") // through the handle
    private boolean completed;

    CustomIo(CustomChannel channel) {
        this.channel = channel;
    }

    CustomIo describe(
            long io, IoType op, long offset, long blocks, long iovs, int iovCount, long extra, int extraCount) {
        address = io;
        type = op;
        offsetBlocks = offset;
        blockCount = blocks;
        sourceOffsetBlocks = op == IoType.COPY ? extra : 0;
        vectors = Memory.at(iovs, iovCount * IOVEC_BYTES);
        vectorCount = iovCount;
        writeVectors = op == IoType.COMPARE_AND_WRITE ? Memory.at(extra, extraCount * IOVEC_BYTES) : MemorySegment.NULL;
        writeVectorCount = extraCount;
        aborts.clear();
        COMPLETED.setRelease(this, false);
        return this;
    }

    long address() {
        return address;
    }

    boolean isCompleted() {
        return (boolean) COMPLETED.getAcquire(this);
    }

    void answerWhenCompleted(long abort) {
        aborts.add(abort);
    }

    void answerAborts(int status) {
        for (long abort : aborts) {
            channel.thread().answer(abort, status);
        }
        aborts.clear();
    }

    @Override
    public void complete(int status) {
        if (!tryComplete(status)) {
            throw new IllegalStateException("this I/O was completed already; complete each exactly once");
        }
    }

    void failUnlessCompleted(int status) {
        boolean _ = tryComplete(status);
    }

    private boolean tryComplete(int status) {
        if (!COMPLETED.compareAndSet(this, false, true)) {
            return false;
        }
        if (channel.context().isCurrent()) {
            channel.completed(this, status);
        } else {
            boolean _ = channel.context().post(() -> channel.completed(this, status));
        }
        return true;
    }

    @Override
    public IoType type() {
        return type;
    }

    @Override
    public long offsetBlocks() {
        return offsetBlocks;
    }

    @Override
    public long blockCount() {
        return blockCount;
    }

    @Override
    public long offsetBytes() {
        return offsetBlocks * channel.device().blockSize();
    }

    @Override
    public long lengthBytes() {
        return blockCount * channel.device().blockSize();
    }

    @Override
    public long sourceOffsetBlocks() {
        return sourceOffsetBlocks;
    }

    @Override
    public int segmentCount() {
        return vectorCount;
    }

    @Override
    public MemorySegment segment(int index) {
        if (index < 0 || index >= vectorCount) {
            throw new IndexOutOfBoundsException(index);
        }
        return piece(vectors, index);
    }

    private MemorySegment piece(MemorySegment array, int index) {
        long begin = array.get(ValueLayout.JAVA_LONG, index * IOVEC_BYTES);
        long bytes = array.get(ValueLayout.JAVA_LONG, index * IOVEC_BYTES + 8);
        return channel.thread().memory().find(begin, bytes);
    }

    @Override
    public MemorySegment writeSegment() {
        if (writeVectorCount != 1) {
            throw new IllegalStateException("what is to be written lies in " + writeVectorCount + " pieces");
        }
        return piece(writeVectors, 0);
    }

    @Override
    public void copyFrom(MemorySegment source, long sourceOffset) {
        long at = sourceOffset;
        for (int i = 0; i < vectorCount; i++) {
            MemorySegment piece = segment(i);
            MemorySegment.copy(source, at, piece, 0, piece.byteSize());
            at += piece.byteSize();
        }
    }

    @Override
    public void copyTo(MemorySegment target, long targetOffset) {
        long at = targetOffset;
        for (int i = 0; i < vectorCount; i++) {
            MemorySegment piece = segment(i);
            MemorySegment.copy(piece, 0, target, at, piece.byteSize());
            at += piece.byteSize();
        }
    }

    @Override
    public String toString() {
        return "%s of %,d bytes at offset %,d".formatted(type.label(), lengthBytes(), offsetBytes());
    }
}
