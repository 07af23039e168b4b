package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.file.FileOperation.Kind;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.embedded.linux.IoUring;
import io.spdkio.embedded.linux.LinuxFile;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/** File I/O through io_uring: no system call an I/O but one a poll, and none when there is nothing to hand over. */
final class UringFileRing<T> extends FileRing<T> {

    /** As many as SPDK's {@code bdev_uring} has. */
    private static final int CAPACITY = 512;

    /** Few, so that the queue stays in the first-level cache; a longer batch takes another system call. */
    private static final int SUBMISSION_ENTRIES = 128;

    /**
     * How many requests to a device wait for one system call: it begins with the first while the rest is prepared.
     * Measured on a virtio disk, 4 KiB reads, queue depth 64: 4 to 6 % more than without; in memory there is nothing to
     * begin.
     */
    private static final int MOST_WAITING = 8;

    private static final int FILE_TABLE_SIZE = 1024;
    private static final int IOVEC_BYTES = 16;

    /** The kernel takes no more at once ({@code UIO_MAXIOV}). */
    private static final int MOST_IOVECS = 1024;

    private static final int IOVECS = 4 * MOST_IOVECS;
    private static final long CANCEL_TOKEN = -1;

    private final IoUring.CompletionHandler handler = this::completed;
    private final OperationList<T> stuck = new OperationList<>();
    private final BitSet filesInTable = new BitSet();
    private final IoUring ring;
    private final RingBuffers buffers;
    private final int fileTableSize;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment iovecs = arena.allocate((long) IOVECS * IOVEC_BYTES, 8);
    private int iovecsUsed;

    UringFileRing(RegisteredMemory memory, FileCompletion<T> completion) {
        super(CAPACITY, completion);
        this.ring = new IoUring(SUBMISSION_ENTRIES, CAPACITY);
        this.fileTableSize = makeFileTable();
        this.buffers = new RingBuffers(ring, memory);
    }

    private int makeFileTable() {
        try {
            ring.registerFileTable(FILE_TABLE_SIZE);
            return FILE_TABLE_SIZE;
        } catch (ErrnoException unregistered) { // more than the limit of open files: descriptors do as well
            return 0;
        }
    }

    @Override
    void attach(RingFile<T> file) {
        int descriptor = ((LinuxBackingFile) file.file()).fd();
        int index = filesInTable.nextClearBit(0);
        if (index < fileTableSize) {
            ring.updateFile(index, descriptor);
            filesInTable.set(index);
            file.name = IoUring.fixed(index);
        } else {
            file.name = descriptor;
        }
    }

    @Override
    void detach(RingFile<T> file) {
        if (file.name < 0 && !isClosed()) {
            int index = IoUring.fixed(file.name);
            ring.updateFile(index, -1);
            filesInTable.clear(index);
        }
    }

    @Override
    void step(FileOperation<T> operation) {
        if (!stuck.isEmpty() || !prepare(operation)) {
            stuck.add(operation);
        } else if (ring.pending() >= MOST_WAITING && !operation.file.isInMemory()) {
            ring.submit();
        }
    }

    /**
     * @return false when the submission queue is full and the kernel does not take more for now
     */
    private boolean prepare(FileOperation<T> operation) {
        if (ring.isFull()) {
            ring.submit();
        }
        int file = operation.file.name;
        return switch (operation.kind) {
            case READ, WRITE -> operation.pieces == null ? prepareTransfer(operation) : prepareVector(operation);
            case FLUSH -> ring.prepDataSync(file, operation.index);
            case WRITE_ZEROES, UNMAP -> prepareRange(operation);
        };
    }

    private boolean prepareTransfer(FileOperation<T> operation) {
        int file = operation.file.name;
        long address = operation.data.address() + operation.nextDataOffset();
        int bytes = operation.nextBytes();
        long offset = operation.nextFileOffset();
        int buffer = buffers.find(address, bytes);
        if (operation.kind == Kind.READ) {
            return buffer >= 0
                    ? ring.prepReadFixed(file, address, bytes, offset, buffer, operation.index)
                    : ring.prepRead(file, address, bytes, offset, operation.index);
        }
        return buffer >= 0
                ? ring.prepWriteFixed(file, address, bytes, offset, buffer, operation.index)
                : ring.prepWrite(file, address, bytes, offset, operation.index);
    }

    private boolean prepareVector(FileOperation<T> operation) {
        if (ring.pending() != 0 && iovecsUsed > IOVECS - Math.min(operation.pieceCount, MOST_IOVECS)) {
            ring.submit();
        }
        if (ring.pending() == 0) {
            iovecsUsed = 0;
        } else if (iovecsUsed > IOVECS - Math.min(operation.pieceCount, MOST_IOVECS)) {
            return false;
        }
        int count = writeIovecs(operation);
        long address = iovecs.address() + (long) iovecsUsed * IOVEC_BYTES;
        int file = operation.file.name;
        long offset = operation.nextFileOffset();
        boolean prepared =
                operation.kind == Kind.READ
                        ? ring.prepReadv(file, address, count, offset, operation.index)
                        : ring.prepWritev(file, address, count, offset, operation.index);
        iovecsUsed += prepared ? count : 0;
        return prepared;
    }

    /** Writes the pieces that are still to be transferred. @return how many */
    private int writeIovecs(FileOperation<T> operation) {
        long skip = operation.done;
        int count = 0;
        for (int i = 0; i < operation.pieceCount && count < MOST_IOVECS; i++) {
            MemorySegment piece = operation.pieces[i];
            long bytes = piece.byteSize();
            if (skip >= bytes) {
                skip -= bytes;
                continue;
            }
            long at = (long) (iovecsUsed + count) * IOVEC_BYTES;
            iovecs.set(ValueLayout.JAVA_LONG, at, piece.address() + skip);
            iovecs.set(ValueLayout.JAVA_LONG, at + 8, bytes - skip);
            skip = 0;
            count++;
        }
        return count;
    }

    private boolean prepareRange(FileOperation<T> operation) {
        int file = operation.file.name;
        long offset = operation.fileOffset;
        long bytes = operation.bytes;
        return switch (operation.rangeCall) {
            case ZERO_RANGE -> ring.prepAllocate(file, LinuxFile.ZERO_RANGE, offset, bytes, operation.index);
            case PUNCH_HOLE -> ring.prepAllocate(file, LinuxFile.PUNCH_HOLE, offset, bytes, operation.index);
            case DISCARD -> ring.prepDiscard(file, offset, bytes, operation.index);
            case NONE -> prepareTransfer(operation);
        };
    }

    @Override
    void cancel(FileOperation<T> operation) {
        if (ring.isFull()) {
            ring.submit();
        }
        // Where even that does not help, the operation completes uncancelled.
        ring.prepCancel(operation.index, CANCEL_TOKEN);
    }

    @Override
    void idle() {
        buffers.forgetFreed();
    }

    @Override
    void pollSystem() {
        buffers.forgetFreed();
        while (!stuck.isEmpty() && !ring.isFull()) {
            FileOperation<T> operation = stuck.removeFirst();
            if (!prepare(operation)) {
                stuck.add(operation);
                break;
            }
        }
        ring.poll(handler);
    }

    private void completed(long token, int result) {
        if (token == CANCEL_TOKEN) {
            return;
        }
        FileOperation<T> operation = operation((int) token);
        if (result == -Errno.ECANCELED && !operation.cancelRequested) {
            // The thread that submitted it has ended: once more, by the one that polls now.
            step(operation);
        } else {
            stepped(operation, result);
        }
    }

    @Override
    void awaitSystem() {
        ring.submitAndWait();
    }

    @Override
    void release() {
        ring.close();
        arena.close();
    }
}
