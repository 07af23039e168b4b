package io.spdkio.tck;

import io.spdkio.IoStatus;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.lang.foreign.MemorySegment;
import java.util.TreeMap;

/**
 * A disk in memory that keeps only what is not zero, so that a large store which is nearly empty costs nearly nothing.
 * It outlives the environments that use it, one after the other. Any thread may use it.
 */
public final class SparseDisk {
    private static final int PIECE_BYTES = 4096;
    private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[PIECE_BYTES]);

    private final long sizeBytes;

    /** By number. One that is not there is zero. */
    private final TreeMap<Long, MemorySegment> pieces = new TreeMap<>();

    /**
     * A disk of zeroes.
     *
     * @param sizeBytes its size, a multiple of 4096
     */
    public SparseDisk(long sizeBytes) {
        if (sizeBytes < PIECE_BYTES || sizeBytes % PIECE_BYTES != 0) {
            throw new IllegalArgumentException("a disk has a multiple of 4096 bytes, not " + sizeBytes);
        }
        this.sizeBytes = sizeBytes;
    }

    /**
     * Its size.
     *
     * @return bytes
     */
    public long sizeBytes() {
        return sizeBytes;
    }

    /**
     * How much memory it takes.
     *
     * @return bytes that are kept
     */
    public synchronized long keptBytes() {
        return (long) pieces.size() * PIECE_BYTES;
    }

    /**
     * Reads, past every device.
     *
     * @param offset the first byte
     * @param into receives the bytes
     */
    public synchronized void read(long offset, MemorySegment into) {
        into.fill((byte) 0);
        long end = offset + into.byteSize();
        pieces.subMap(offset / PIECE_BYTES, (end + PIECE_BYTES - 1) / PIECE_BYTES)
                .forEach((number, piece) -> {
                    long from = Math.max(offset, number * PIECE_BYTES);
                    long to = Math.min(end, (number + 1) * PIECE_BYTES);
                    MemorySegment.copy(piece, from % PIECE_BYTES, into, from - offset, to - from);
                });
    }

    private synchronized void write(long offset, MemorySegment data) {
        for (long at = 0; at < data.byteSize(); ) {
            long number = (offset + at) / PIECE_BYTES;
            long inPiece = (offset + at) % PIECE_BYTES;
            long length = Math.min(data.byteSize() - at, PIECE_BYTES - inPiece);
            boolean zero = MemorySegment.mismatch(data, at, at + length, ZEROES, 0, length) == -1;
            if (zero && length == PIECE_BYTES) {
                pieces.remove(number);
            } else if (!zero || pieces.containsKey(number)) {
                MemorySegment piece = pieces.computeIfAbsent(number, _ -> MemorySegment.ofArray(new byte[PIECE_BYTES]));
                MemorySegment.copy(data, at, piece, inPiece, length);
            }
            at += length;
        }
    }

    private synchronized void zero(long offset, long length) {
        long first = (offset + PIECE_BYTES - 1) / PIECE_BYTES;
        long last = (offset + length) / PIECE_BYTES;
        if (first < last) {
            pieces.subMap(first, last).clear();
        }
        // What is left are parts of a piece at either end.
        long head = Math.min(length, first * PIECE_BYTES - offset);
        write(offset, ZEROES.asSlice(0, head));
        long tail = Math.max(last * PIECE_BYTES, offset + head);
        write(tail, ZEROES.asSlice(0, offset + length - tail));
    }

    /**
     * A device on it, for one environment.
     *
     * @param blockSize bytes in a block
     * @return the device
     */
    public BdevBackend device(int blockSize) {
        return new Device(blockSize);
    }

    private final class Device extends ImmediateBackend {
        Device(int blockSize) {
            super("Sparse disk", sizeBytes, blockSize);
        }

        @Override
        protected int serve(BdevIo io) {
            switch (io.type()) {
                case READ, WRITE -> data(io);
                case UNMAP, WRITE_ZEROES -> zero(io.offsetBytes(), io.lengthBytes());
                case FLUSH -> {}
                default -> throw new IllegalStateException("not asked for: " + io.type());
            }
            return IoStatus.SUCCESS;
        }

        private void data(BdevIo io) {
            long at = io.offsetBytes();
            for (int i = 0; i < io.segmentCount(); i++) {
                MemorySegment segment = io.segment(i);
                if (io.type() == IoType.READ) {
                    read(at, segment);
                } else {
                    write(at, segment);
                }
                at += segment.byteSize();
            }
        }
    }
}
