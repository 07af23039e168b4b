package io.spdkio.embedded;

import io.spdkio.bdev.IoType;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An I/O that is larger than the device takes, or crosses its boundary, in pieces that are and do not. */
final class Split extends MultiStepIo {
    private long doneBlocks;

    Split(EmbeddedChannel channel, IoRequest io) {
        super(channel, io);
    }

    @Override
    void submitSteps() {
        while (mayAdd() && !isExhausted()) {
            long blocks = io.blockCount() - doneBlocks;
            if (channel.boundaryBlocks() != 0) {
                long at = io.offsetBlocks() + doneBlocks;
                blocks = Math.min(blocks, channel.boundaryBlocks() - at % channel.boundaryBlocks());
            }
            boolean hasData = io.segmentCount() > 0;
            if (hasData) {
                blocks = Math.min(blocks, Math.max(1, channel.maxIoBytes() / blockSize));
            }
            long from = doneBlocks;
            if (hasData && io.segmentCount() > channel.maxSegments()) {
                long fitting = blocksWithin(from, blocks);
                if (fitting == 0) {
                    submitThroughCopy(from);
                    doneBlocks++;
                    continue;
                }
                blocks = fitting;
            }
            doneBlocks += blocks;
            submit(step().piece(from, blocks));
        }
    }

    /** How many whole blocks from there lie in no more pieces of memory than the device takes. */
    private long blocksWithin(long firstBlock, long atMostBlocks) {
        long from = firstBlock * blockSize;
        long to = from + atMostBlocks * blockSize;
        long at = 0;
        int pieces = 0;
        for (int i = 0; i < io.segmentCount(); i++) {
            long end = at + io.segment(i).byteSize();
            if (end > from && at < to && ++pieces == channel.maxSegments()) {
                return (Math.min(end, to) - from) / blockSize;
            }
            at = end;
        }
        return atMostBlocks;
    }

    /** A single block that lies in more pieces than the device takes goes through memory in one piece. */
    private void submitThroughCopy(long block) {
        MemorySegment whole = Arena.ofAuto().allocate(blockSize, 4096);
        ChildIo view = step();
        view.piece(block, 1);
        MemorySegment[] pieces = new MemorySegment[view.segmentCount()];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = view.segment(i);
        }
        channel.thread().giveBack(view);
        if (io.type() != IoType.READ) {
            long at = 0;
            for (MemorySegment piece : pieces) {
                MemorySegment.copy(piece, 0, whole, at, piece.byteSize());
                at += piece.byteSize();
            }
        }
        ChildIo step =
                step(() -> {
                    if (io.type() == IoType.READ) {
                        long at = 0;
                        for (MemorySegment piece : pieces) {
                            MemorySegment.copy(whole, at, piece, 0, piece.byteSize());
                            at += piece.byteSize();
                        }
                    }
                });
        submit(step.range(io.type(), io.offsetBlocks() + block, 1, blockSize).memory(whole));
    }

    @Override
    boolean isExhausted() {
        return doneBlocks == io.blockCount();
    }
}
