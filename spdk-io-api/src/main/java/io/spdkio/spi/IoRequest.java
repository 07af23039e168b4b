package io.spdkio.spi;

import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * An I/O on its way ({@code spdk_bdev_io}): what to do, the memory to do it with, and how it ended. Reused again and
 * again; belongs to one {@link IoContext} for good.
 *
 * <p>The fields are written by the submitter before {@link EngineChannel#submit} and read by the engine until
 * completion. On the hot path a reference is stored only when it differs from what is there: with G1 a store of a
 * reference costs more than the compare.
 */
public abstract class IoRequest implements BdevIo {
    private static final int PENDING = Integer.MIN_VALUE;
    private static final VarHandle ON_ITS_WAY;

    static {
        try {
            ON_ITS_WAY = MethodHandles.lookup().findVarHandle(IoRequest.class, "onItsWay", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final IoContext context;
    private final int id;
    private boolean submitted;
    private boolean inDevice;

    /** Whether another thread has completed it, and the message that says so is on its way or has come. */
    private boolean onItsWay;

    /** The operation. */
    protected IoType type = IoType.READ;

    /** Where it is submitted; null for an I/O that the core ends by itself. */
    protected EngineChannel channel;

    /** First byte in the device. */
    protected long offsetBytes;

    /** Number of bytes. */
    protected long lengthBytes;

    /** First block in the device. */
    protected long offsetBlocks;

    /** Number of blocks. */
    protected long blockCount;

    /** First block of a copy's source. */
    protected long sourceOffsetBlocks;

    /** The memory of an I/O with one piece. */
    protected MemorySegment data;

    /** Where in {@link #data} the piece begins. */
    protected long dataOffset;

    /** The pieces of a vectored I/O; used when {@link #segmentCount} is more than 1. */
    protected MemorySegment[] segments;

    /** How many pieces there are. */
    protected int segmentCount;

    /** What a compareAndWrite writes. */
    protected MemorySegment writeData;

    /** Whether the range is that of a device below what it was submitted to, and what it was before. */
    private boolean redirected;

    private long ownOffsetBytes;
    private long ownOffsetBlocks;
    private long ownBlockCount;

    private int status;

    /** When it was submitted, by {@link IoContext#nanoTime}. */
    protected long submitNanos;

    /**
     * Makes a request and enters it in its thread's table.
     *
     * @param context the thread's context
     */
    @SuppressWarnings("this-escape") // the table keeps it; nobody calls it before it is submitted
    protected IoRequest(IoContext context) {
        this.context = context;
        this.id = context.register(this);
    }

    /**
     * Told that it has completed, on its thread, inside a poll. The request may be submitted again in here.
     *
     * @param status the {@link io.spdkio.IoStatus}
     */
    protected abstract void onComplete(int status);

    /**
     * The context it belongs to.
     *
     * @return the context
     */
    public final IoContext context() {
        return context;
    }

    /**
     * Its number in the context's table.
     *
     * @return from 0; given to another request only after this one was {@linkplain #unregister unregistered}
     */
    public final int id() {
        return id;
    }

    /**
     * Whether it is between submit and completion.
     *
     * @return true if it is outstanding
     */
    public final boolean isOutstanding() {
        return submitted;
    }

    /** Marks it as outstanding; the submitter calls this just before {@link EngineChannel#submit}. */
    public final void begin() {
        submitted = true;
        status = PENDING;
        submitNanos = context.nanoTime();
        context.outstanding++;
    }

    @Override
    public final void complete(int result) {
        if (!context.isCurrent()) {
            if (!ON_ITS_WAY.compareAndSet(this, false, true)) {
                throw completedAlready();
            }
            context.completeFromAfar(this, result);
            return;
        }
        if (onItsWay) {
            throw completedAlready();
        }
        completeHere(result);
    }

    final void completeHere(int result) {
        if (!submitted || status != PENDING) {
            throw completedAlready();
        }
        status = result;
        context.push(id);
    }

    private static IllegalStateException completedAlready() {
        return new IllegalStateException("this I/O was completed already; complete each exactly once");
    }

    /** Hands the completion to the engine and the submitter. */
    final void deliver() {
        handOut(status);
    }

    /** Ends it and hands the completion out, in one. */
    final void completeNow(int result) {
        if (!submitted || status != PENDING || onItsWay) {
            throw completedAlready();
        }
        handOut(result);
    }

    private void handOut(int result) {
        status = PENDING;
        EngineChannel from = channel;
        if (onItsWay) {
            onItsWay = false;
        }
        if (from != null && !from.completed(this, result)) {
            return;
        }
        submitted = false;
        context.outstanding--;
        onComplete(result);
    }

    /**
     * Where it was submitted.
     *
     * @return the channel; null for an I/O that never reached the engine
     */
    public final EngineChannel channel() {
        return channel;
    }

    /**
     * Whether it has completed and waits to be handed out.
     *
     * @return true between {@link #complete} and the completion's delivery
     */
    public final boolean hasCompleted() {
        return submitted && (status != PENDING || onItsWay);
    }

    /**
     * Whether it has completed like that with a status.
     *
     * @param with an {@link io.spdkio.IoStatus}
     * @return true if it has
     */
    public final boolean hasCompleted(int with) {
        return submitted && status == with;
    }

    /**
     * Whether a device has it, rather than the layer above; for the engine's use.
     *
     * @return what {@link #inDevice(boolean)} was last given
     */
    public final boolean inDevice() {
        return inDevice;
    }

    /**
     * Notes whether a device has it; for the engine's use.
     *
     * @param has whether it has
     */
    public final void inDevice(boolean has) {
        inDevice = has;
    }

    /** Takes it out of the table for good. It is not outstanding. */
    public final void unregister() {
        context.unregister(this);
    }

    /**
     * When it was submitted.
     *
     * @return nanoseconds of {@link IoContext#nanoTime}
     */
    public final long submitNanos() {
        return submitNanos;
    }

    /**
     * Changes the range to that of a device below, for who hands the same I/O on to it. Undone with {@link #restore}
     * before the submitter hears of the completion.
     *
     * @param toOffsetBytes first byte in the device below
     * @param toOffsetBlocks first block in the device below
     * @param toBlockCount number of its blocks
     */
    public final void redirect(long toOffsetBytes, long toOffsetBlocks, long toBlockCount) {
        ownOffsetBytes = offsetBytes;
        ownOffsetBlocks = offsetBlocks;
        ownBlockCount = blockCount;
        redirected = true;
        offsetBytes = toOffsetBytes;
        offsetBlocks = toOffsetBlocks;
        blockCount = toBlockCount;
    }

    /**
     * Whether the range is that of a device below.
     *
     * @return true between {@link #redirect} and {@link #restore}
     */
    public final boolean isRedirected() {
        return redirected;
    }

    /** Brings its own range back. */
    public final void restore() {
        redirected = false;
        offsetBytes = ownOffsetBytes;
        offsetBlocks = ownOffsetBlocks;
        blockCount = ownBlockCount;
    }

    @Override
    public final IoType type() {
        return type;
    }

    @Override
    public final long offsetBlocks() {
        return offsetBlocks;
    }

    @Override
    public final long blockCount() {
        return blockCount;
    }

    @Override
    public final long offsetBytes() {
        return offsetBytes;
    }

    @Override
    public final long lengthBytes() {
        return lengthBytes;
    }

    @Override
    public final long sourceOffsetBlocks() {
        return sourceOffsetBlocks;
    }

    @Override
    public final int segmentCount() {
        return segmentCount;
    }

    @Override
    public final MemorySegment segment(int index) {
        if (index < 0 || index >= segmentCount) {
            throw new IndexOutOfBoundsException(index);
        }
        return segmentCount == 1 ? data.asSlice(dataOffset, lengthBytes) : segments[index];
    }

    @Override
    public final MemorySegment writeSegment() {
        return writeData.asSlice(0, lengthBytes);
    }

    /**
     * The memory of an I/O with one piece, uncut; with {@link #dataOffset} and {@link #lengthBytes} the same as {@code
     * segment(0)} without an allocation.
     *
     * @return the memory
     */
    public final MemorySegment data() {
        return data;
    }

    /**
     * Where in {@link #data} the piece begins.
     *
     * @return bytes
     */
    public final long dataOffset() {
        return dataOffset;
    }

    @Override
    public final void copyFrom(MemorySegment source, long sourceOffset) {
        if (segmentCount == 1) {
            MemorySegment.copy(source, sourceOffset, data, dataOffset, lengthBytes);
            return;
        }
        long at = sourceOffset;
        for (int i = 0; i < segmentCount; i++) {
            MemorySegment piece = segments[i];
            MemorySegment.copy(source, at, piece, 0, piece.byteSize());
            at += piece.byteSize();
        }
    }

    @Override
    public final void copyTo(MemorySegment target, long targetOffset) {
        if (segmentCount == 1) {
            MemorySegment.copy(data, dataOffset, target, targetOffset, lengthBytes);
            return;
        }
        long at = targetOffset;
        for (int i = 0; i < segmentCount; i++) {
            MemorySegment piece = segments[i];
            MemorySegment.copy(piece, 0, target, at, piece.byteSize());
            at += piece.byteSize();
        }
    }

    @Override
    public String toString() {
        return "%s of %,d bytes at offset %,d"
                .formatted(type.label(), lengthBytes, redirected ? ownOffsetBytes : offsetBytes);
    }
}
