package io.spdkio.libspdk;

import io.spdkio.bdev.BdevGeometry;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.MemorySegment;

/** What a device wants of buffers. */
final class BufferRules {
    private final long alignmentMask;
    private final long wholePieces;

    BufferRules(BdevGeometry geometry, long atLeastBytes) {
        alignmentMask = Math.max(geometry.bufferAlignmentBytes(), atLeastBytes) - 1L;
        boolean splits =
                geometry.maxIoBytes() != 0 || geometry.maxSegments() != 0 || geometry.splitOnOptimalIoBoundary();
        wholePieces = alignmentMask != 0 || splits ? geometry.blockSize() : 1;
    }

    long alignmentBytes() {
        return alignmentMask + 1;
    }

    /**
     * Whether SPDK could not do an I/O with these buffers: it copies one that is not aligned only up to the size of its
     * own, and neither cuts blocks that lie in several pieces nor hands such pieces to a file.
     */
    boolean areAwkward(IoRequest io) {
        if (io.segmentCount() == 1) {
            return alignmentMask != 0 && ((io.data().address() + io.dataOffset()) & alignmentMask) != 0;
        }
        for (int i = 0; i < io.segmentCount(); i++) {
            MemorySegment piece = io.segment(i);
            if ((piece.address() & alignmentMask) != 0 || piece.byteSize() % wholePieces != 0) {
                return true;
            }
        }
        return false;
    }
}
