package io.spdkio.embedded;

import io.spdkio.IoStatus;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Operations that a device does not know, made of reads and writes, as {@code lib/bdev} makes them. */
final class Emulation {
    /** Read only, so that all writeZeroes share it. */
    private static final MemorySegment ZEROES = Arena.global().allocate(MultiStepIo.CHUNK_BYTES, 4096).asReadOnly();

    private Emulation() {}

    /** A range of blocks done chunk by chunk, one after the other. */
    abstract static class Chunked extends MultiStepIo {
        long doneBlocks;
        private final long chunkBlocks;

        Chunked(EmbeddedChannel channel, IoRequest io) {
            super(channel, io);
            chunkBlocks = Math.max(1, Math.min(CHUNK_BYTES, channel.maxIoBytes()) / blockSize);
        }

        long nextChunk() {
            long blocks = Math.min(chunkBlocks, io.blockCount() - doneBlocks);
            if (channel.boundaryBlocks() != 0) {
                long at = io.offsetBlocks() + doneBlocks;
                blocks = Math.min(blocks, channel.boundaryBlocks() - at % channel.boundaryBlocks());
            }
            return blocks;
        }

        MemorySegment memory(long blocks) {
            return Arena.ofAuto().allocate(blocks * blockSize, 4096);
        }

        @Override
        boolean isExhausted() {
            return doneBlocks == io.blockCount();
        }
    }

    static final class WriteZeroes extends Chunked {
        WriteZeroes(EmbeddedChannel channel, IoRequest io) {
            super(channel, io);
        }

        @Override
        void submitSteps() {
            while (mayAdd() && !isExhausted()) {
                long blocks = nextChunk();
                long at = io.offsetBlocks() + doneBlocks;
                doneBlocks += blocks;
                submit(step().range(IoType.WRITE, at, blocks, blockSize).memory(ZEROES));
            }
        }
    }

    static final class Compare extends Chunked {
        Compare(EmbeddedChannel channel, IoRequest io) {
            super(channel, io);
        }

        @Override
        void submitSteps() {
            while (mayAdd() && !isExhausted()) {
                long blocks = nextChunk();
                long from = doneBlocks * blockSize;
                MemorySegment found = memory(blocks);
                ChildIo step =
                        step(() -> {
                            if (!equals(found, from)) {
                                fail(IoStatus.MISCOMPARE);
                            }
                        });
                step.range(IoType.READ, io.offsetBlocks() + doneBlocks, blocks, blockSize).memory(found);
                doneBlocks += blocks;
                submit(step);
            }
        }

        private boolean equals(MemorySegment found, long from) {
            if (io.segmentCount() == 1) {
                long begin = io.dataOffset() + from;
                return MemorySegment.mismatch(found, 0, found.byteSize(), io.data(), begin, begin + found.byteSize())
                        < 0;
            }
            long at = 0;
            for (int i = 0; i < io.segmentCount(); i++) {
                MemorySegment piece = io.segment(i);
                long begin = Math.max(at, from);
                long end = Math.min(at + piece.byteSize(), from + found.byteSize());
                if (begin < end
                        && MemorySegment.mismatch(found, begin - from, end - from, piece, begin - at, end - at) >= 0) {
                    return false;
                }
                at += piece.byteSize();
            }
            return true;
        }
    }

    static final class Copy extends Chunked {
        Copy(EmbeddedChannel channel, IoRequest io) {
            super(channel, io);
        }

        @Override
        void submitSteps() {
            // One chunk at a time, so that a target just behind its source is copied in order.
            if (outstanding() > 0 || isExhausted()) {
                return;
            }
            long blocks = nextChunk();
            MemorySegment memory = memory(blocks);
            long target = io.offsetBlocks() + doneBlocks;
            ChildIo read =
                    step(() -> {
                        doneBlocks += blocks;
                        submit(step().range(IoType.WRITE, target, blocks, blockSize).memory(memory));
                    });
            submit(read.range(IoType.READ, io.sourceOffsetBlocks() + doneBlocks, blocks, blockSize).memory(memory));
        }
    }

    /** Locks its range against changes on all channels, compares, writes, and unlocks. */
    static final class CompareAndWrite extends MultiStepIo {
        private enum Stage {
            LOCK,
            COMPARE,
            WRITE
        }

        private final RangeLock lock;
        private final long chunkBlocks;
        private Stage stage = Stage.LOCK;
        private boolean asked;
        private long readBlocks;
        private long writtenBlocks;
        private MemorySegment found;

        CompareAndWrite(EmbeddedChannel channel, IoRequest io) {
            super(channel, io);
            lock = RangeLock.changes(channel, io, this::granted);
            chunkBlocks = Math.max(1, channel.maxIoBytes() / blockSize);
        }

        private void granted() {
            stage = Stage.COMPARE;
            advance();
        }

        @Override
        boolean holdsLock() {
            return true;
        }

        @Override
        void submitSteps() {
            if (stage == Stage.LOCK && !asked) {
                asked = true;
                channel.bdev().rangeLocks().request(lock);
            }
            if (stage == Stage.COMPARE) {
                if (found == null) {
                    found = Arena.ofAuto().allocate(io.lengthBytes(), 4096);
                }
                readBlocks = submitChunks(IoType.READ, readBlocks, found);
                if (readBlocks == io.blockCount() && outstanding() == 0) {
                    if (found.mismatch(io.segment(0)) >= 0) {
                        fail(IoStatus.MISCOMPARE);
                        return;
                    }
                    stage = Stage.WRITE;
                }
            }
            if (stage == Stage.WRITE) {
                writtenBlocks = submitChunks(IoType.WRITE, writtenBlocks, io.writeSegment());
            }
        }

        private long submitChunks(IoType type, long from, MemorySegment memory) {
            long at = from;
            while (mayAdd() && at < io.blockCount()) {
                long blocks = Math.min(chunkBlocks, io.blockCount() - at);
                submit(
                        step().range(type, io.offsetBlocks() + at, blocks, blockSize)
                                .memory(memory.asSlice(at * blockSize, blocks * blockSize)));
                at += blocks;
            }
            return at;
        }

        @Override
        boolean isExhausted() {
            return writtenBlocks == io.blockCount();
        }

        @Override
        void abort() {
            if (stage != Stage.WRITE) {
                super.abort();
            } else if (io.blockCount() <= chunkBlocks) {
                // The device does this one write whole or not at all; several are all done once one has begun.
                channel.abortSteps(io);
            }
        }

        @Override
        void end(int result) {
            channel.bdev().rangeLocks().end(lock);
            io.complete(result);
        }
    }
}
