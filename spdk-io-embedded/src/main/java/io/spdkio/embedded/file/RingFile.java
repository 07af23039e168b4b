package io.spdkio.embedded.file;

import io.spdkio.embedded.file.FileOperation.Kind;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A file as one thread uses it: where its I/O is submitted.
 *
 * <p>Confined to the thread of its ring. Each method returns false, and has done nothing, when the ring has as many
 * I/Os in flight as it can hold; else the I/O completes exactly once, in a later {@link FileRing#poll}. Memory is
 * off-heap, must be usable from any thread (not of a confined arena), and belongs to the I/O until then. Offsets and
 * lengths are multiples of {@link BackingFile#blockBytes}.
 *
 * @param <T> what an I/O is submitted with, given back when it completes
 */
public final class RingFile<T> implements AutoCloseable {

    private final FileRing<T> ring;
    private final BackingFile file;
    private final long memoryMask;
    private final long pieceMask;
    private final boolean inMemory;
    private boolean closed;

    /** How the ring's own system names the file. */
    int name;

    /** How many of the ring's I/Os are this file's. */
    int inFlight;

    RingFile(FileRing<T> ring, BackingFile file) {
        this.ring = ring;
        this.file = file;
        this.memoryMask = file.memoryAlignmentBytes() - 1L;
        this.pieceMask = file.offsetAlignmentBytes() - 1L;
        this.inMemory = file.isInMemory();
    }

    /** {@return the file} */
    public BackingFile file() {
        return file;
    }

    /** Reads from the file into memory. @return false when the ring is full */
    public boolean read(MemorySegment data, long dataOffset, long bytes, long fileOffset, T request) {
        Objects.checkFromIndexSize(dataOffset, bytes, data.byteSize());
        return ring.submit(this, Kind.READ, data, dataOffset, null, 0, bytes, fileOffset, request);
    }

    /** Writes from memory to the file. @return false when the ring is full */
    public boolean write(MemorySegment data, long dataOffset, long bytes, long fileOffset, T request) {
        Objects.checkFromIndexSize(dataOffset, bytes, data.byteSize());
        return ring.submit(this, Kind.WRITE, data, dataOffset, null, 0, bytes, fileOffset, request);
    }

    /**
     * Reads from the file into several pieces of memory, one after the other.
     *
     * @param pieces must stay as they are until completion
     * @param count how many of them
     * @return false when the ring is full
     */
    public boolean readv(MemorySegment[] pieces, int count, long fileOffset, T request) {
        return ring.submit(this, Kind.READ, null, 0, pieces, count, sum(pieces, count), fileOffset, request);
    }

    /** Writes from several pieces of memory, like {@link #readv}. @return false when the ring is full */
    public boolean writev(MemorySegment[] pieces, int count, long fileOffset, T request) {
        return ring.submit(this, Kind.WRITE, null, 0, pieces, count, sum(pieces, count), fileOffset, request);
    }

    /** Makes all writes that have completed before durable. @return false when the ring is full */
    public boolean flush(T request) {
        return ring.submit(this, Kind.FLUSH, null, 0, null, 0, 0, 0, request);
    }

    /**
     * Makes a range read as zeros, with the file system's help where it has some. @return false when the ring is full
     */
    public boolean writeZeroes(long fileOffset, long bytes, T request) {
        return ring.submit(this, Kind.WRITE_ZEROES, null, 0, null, 0, bytes, fileOffset, request);
    }

    /**
     * Gives a range back to the file system or device. What it reads afterwards is zeros in a file, and up to the
     * device else. Completes with EOPNOTSUPP where {@link BackingFile#unmaps} says no.
     *
     * @return false when the ring is full
     */
    public boolean unmap(long fileOffset, long bytes, T request) {
        return ring.submit(this, Kind.UNMAP, null, 0, null, 0, bytes, fileOffset, request);
    }

    /** Detaches the file from the ring; none of its I/O may be in flight. Closing twice is fine. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (inFlight != 0) {
            throw new IllegalStateException(inFlight + " I/Os of " + file + " are in flight");
        }
        closed = true;
        ring.detach(this);
        file.detached();
    }

    boolean isInMemory() {
        return inMemory;
    }

    boolean isClosed() {
        return closed;
    }

    /** {@return whether the file's I/O can use memory as it is} */
    boolean canUse(MemorySegment data, long dataOffset) {
        return ((data.address() + dataOffset) & memoryMask) == 0;
    }

    /** {@return whether the file's I/O can use memory as it is} */
    boolean canUse(MemorySegment[] pieces, int count) {
        long misaligned = 0;
        for (int i = 0; i < count; i++) {
            misaligned |= (pieces[i].address() & memoryMask) | (pieces[i].byteSize() & pieceMask);
        }
        return misaligned == 0;
    }

    private static long sum(MemorySegment[] pieces, int count) {
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            bytes += pieces[i].byteSize();
        }
        return bytes;
    }
}
