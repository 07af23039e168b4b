package io.spdkio.embedded;

import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.MemorySegment;

/**
 * An I/O that the engine makes for another: a piece of a split one, a step of an emulation, or the same one level
 * below.
 */
public final class ChildIo extends IoRequest {
    private final EmbeddedThread thread;
    private IoRequest parent;
    private EmbeddedThread.ChildHandler handler;
    private boolean passesLocks;

    /** Whether its memory was allocated for it, and is not to be kept by a spare. */
    private boolean ownsMemory;

    ChildIo(EmbeddedThread thread) {
        super(thread.context());
        this.thread = thread;
    }

    void begin(IoRequest of, EmbeddedThread.ChildHandler told) {
        parent = of;
        handler = told;
        passesLocks = false;
        segmentCount = 0;
    }

    /**
     * What it was made for.
     *
     * @return the other I/O
     */
    public IoRequest parent() {
        return parent;
    }

    /**
     * Describes the whole parent, or a piece of it.
     *
     * @param firstBlock where the piece begins, counted from the parent's first block
     * @param blocks its length
     * @return this
     */
    public ChildIo piece(long firstBlock, long blocks) {
        long blockSize = parent.blockCount() == 0 ? 0 : parent.lengthBytes() / parent.blockCount();
        range(parent.type(), parent.offsetBlocks() + firstBlock, blocks, blockSize);
        sourceOffsetBlocks = parent.sourceOffsetBlocks() + firstBlock;
        slice(firstBlock * blockSize, blocks * blockSize);
        if (type == IoType.COMPARE_AND_WRITE) {
            writeData = parent.writeSegment().asSlice(firstBlock * blockSize, lengthBytes);
        }
        return this;
    }

    /**
     * Describes an I/O of its own.
     *
     * @param op the operation
     * @param firstBlock where in the device
     * @param blocks how much
     * @param blockSize bytes in a block
     * @return this
     */
    public ChildIo range(IoType op, long firstBlock, long blocks, long blockSize) {
        type = op;
        offsetBlocks = firstBlock;
        blockCount = blocks;
        offsetBytes = firstBlock * blockSize;
        lengthBytes = blocks * blockSize;
        return this;
    }

    /**
     * Sets where a copy reads.
     *
     * @param firstBlock the first block of its source
     * @return this
     */
    public ChildIo copyFrom(long firstBlock) {
        sourceOffsetBlocks = firstBlock;
        return this;
    }

    /**
     * Moves it, and the source of a copy with it.
     *
     * @param blocks how far
     * @return this
     */
    public ChildIo moved(long blocks) {
        long blockSize = blockCount == 0 ? 0 : lengthBytes / blockCount;
        offsetBlocks += blocks;
        offsetBytes += blocks * blockSize;
        sourceOffsetBlocks += blocks;
        return this;
    }

    /**
     * Gives it memory of its own.
     *
     * @param memory at least as much as the range
     * @return this
     */
    public ChildIo memory(MemorySegment memory) {
        segmentCount = 1;
        data = memory;
        dataOffset = 0;
        ownsMemory = true;
        return this;
    }

    /**
     * Gives it a part of its parent's memory.
     *
     * @param from the first byte
     * @param length how many bytes
     * @return this
     */
    public ChildIo slice(long from, long length) {
        int pieces = parent.segmentCount();
        if (pieces <= 1) {
            segmentCount = pieces;
            if (pieces == 1) {
                data = parent.data();
                dataOffset = parent.dataOffset() + from;
            }
            return this;
        }
        int count = 0;
        MemorySegment[] found = new MemorySegment[pieces];
        long at = 0;
        for (int i = 0; i < pieces && at < from + length; i++) {
            MemorySegment piece = parent.segment(i);
            long begin = Math.max(from, at);
            long end = Math.min(from + length, at + piece.byteSize());
            if (begin < end) {
                found[count++] = piece.asSlice(begin - at, end - begin);
            }
            at += piece.byteSize();
        }
        segmentCount = count;
        if (count == 1) {
            data = found[0];
            dataOffset = 0;
        } else {
            segments = found;
        }
        return this;
    }

    /**
     * Submits it.
     *
     * @param to the channel
     */
    public void submit(EngineChannel to) {
        channel = to;
        begin();
        to.submit(this);
    }

    void submitOn(EngineChannel to, boolean pastLocks) {
        passesLocks = pastLocks;
        submit(to);
    }

    /** Whether range locks leave it alone, because it is a step of the I/O that holds the lock. */
    boolean passesLocks() {
        return passesLocks;
    }

    @Override
    protected void onComplete(int status) {
        IoRequest of = parent;
        EmbeddedThread.ChildHandler told = handler;
        parent = null;
        if (ownsMemory) {
            ownsMemory = false;
            data = null;
            handler = null;
        }
        thread.giveBack(this);
        told.childDone(of, status);
    }
}
