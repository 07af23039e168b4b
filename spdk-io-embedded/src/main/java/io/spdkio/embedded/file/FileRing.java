package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.file.BackingFile.RangeCall;
import io.spdkio.embedded.file.FileOperation.Kind;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * One thread's file I/O, of all its files.
 *
 * <p>Confined to that thread; another may go on with it when that has ended. {@link #poll} is to be called again and
 * again: it hands what was submitted to the system and delivers what has completed, which happens nowhere else. On the
 * way short reads and writes are carried on with, so that an I/O completes whole or with an error.
 *
 * @param <T> what an I/O is submitted with, given back when it completes
 */
public abstract sealed class FileRing<T> implements AutoCloseable permits UringFileRing, WorkerFileRing {

    private final FileCompletion<T> completion;
    private final int capacity;
    private FileOperation<T>[] operations;
    private int operationCount;

    /** The operations not in use, first in, first out: under steady load each then meets the same request again. */
    private final int[] free;

    private int freeHead;
    private int freeTail;

    private final OperationList<T> settled = new OperationList<>();
    private int inFlight;
    private long finished;
    private boolean closed;

    /**
     * @param capacity a power of two
     * @param completion takes all completions
     */
    @SuppressWarnings({"unchecked", "rawtypes"})
    FileRing(int capacity, FileCompletion<T> completion) {
        this.capacity = capacity;
        this.free = new int[capacity];
        this.completion = Objects.requireNonNull(completion);
        this.operations = new FileOperation[Math.min(64, capacity)];
    }

    /**
     * Attaches a file.
     *
     * @param file open, and opened by the engine that made this ring
     * @return where to submit I/O
     */
    public final RingFile<T> attach(BackingFile file) {
        ensureOpen();
        RingFile<T> attached = new RingFile<>(this, file);
        file.attached();
        try {
            attach(attached);
            return attached;
        } catch (RuntimeException e) {
            file.detached();
            throw e;
        }
    }

    /**
     * Hands over what was submitted and delivers what has completed.
     *
     * @return how many I/Os completed
     */
    public final int poll() {
        if (inFlight == 0) {
            idle();
            return 0;
        }
        long before = finished;
        // Not those that are added meanwhile: a failing file must not keep the thread here.
        for (int due = settled.size(); due > 0 && !settled.isEmpty(); due--) {
            FileOperation<T> operation = settled.removeFirst();
            stepped(operation, operation.result);
        }
        pollSystem();
        return (int) (finished - before);
    }

    /** {@return how many I/Os were submitted and have not completed} */
    public final int inFlight() {
        return inFlight;
    }

    /** {@return how many I/Os may be in flight} */
    public final int capacity() {
        return capacity;
    }

    /**
     * Asks for the I/Os that were submitted with a request to be cancelled. Those that have not begun complete with
     * ECANCELED, the others as if nothing had been asked.
     */
    @SuppressWarnings("ReferenceEquality") // this very request is meant
    public final void cancel(T request) {
        for (int i = 0; i < operationCount; i++) {
            if (operations[i].active && operations[i].request == request) {
                operations[i].cancelRequested = true;
                cancel(operations[i]);
            }
        }
    }

    /**
     * Cancels what is in flight, delivers its completions, and gives the ring back when the system is done with all
     * memory. Closing twice is fine.
     */
    @Override
    public final void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int i = 0; i < operationCount; i++) {
            if (operations[i].active) {
                operations[i].cancelRequested = true;
                cancel(operations[i]);
            }
        }
        while (inFlight != 0) {
            if (settled.isEmpty()) {
                awaitSystem();
            }
            poll();
        }
        release();
    }

    abstract void attach(RingFile<T> file);

    abstract void detach(RingFile<T> file);

    /** Begins the next step of an operation, whose result goes to {@link #stepped}, though not from in here. */
    abstract void step(FileOperation<T> operation);

    abstract void cancel(FileOperation<T> operation);

    /** Hands over what was submitted and delivers what has completed. */
    abstract void pollSystem();

    /** Polled with nothing in flight. */
    abstract void idle();

    /** Blocks until there is something to deliver, or a little time has passed. */
    abstract void awaitSystem();

    abstract void release();

    final boolean submit(
            RingFile<T> file,
            Kind kind,
            MemorySegment data,
            long dataOffset,
            MemorySegment[] pieces,
            int pieceCount,
            long bytes,
            long fileOffset,
            T request) {
        if (closed || file.isClosed()) {
            throw new IllegalStateException(file.file() + " is not attached any more");
        }
        if (data != null) {
            checkMemory(kind, data);
        }
        for (int i = 0; i < pieceCount; i++) {
            checkMemory(kind, pieces[i]);
        }
        FileOperation<T> operation = take();
        if (operation == null) {
            return false;
        }
        boolean onePiece = pieceCount == 1;
        operation.describe(file, kind, bytes, fileOffset, request);
        operation.useMemory(onePiece ? pieces[0] : data, dataOffset, onePiece ? null : pieces, pieceCount);
        file.inFlight++;
        inFlight++;
        begin(operation);
        return true;
    }

    private void begin(FileOperation<T> operation) {
        switch (operation.kind) {
            case READ, WRITE -> {
                boolean usable =
                        operation.pieces == null
                                ? operation.file.canUse(operation.data, operation.dataOffset)
                                : operation.file.canUse(operation.pieces, operation.pieceCount);
                if (!usable && !bounce(operation)) {
                    return;
                }
            }
            case WRITE_ZEROES, UNMAP -> chooseRangeCall(operation);
            case FLUSH -> {}
        }
        if (operation.kind == Kind.UNMAP && operation.rangeCall == RangeCall.NONE) {
            settle(operation, -Errno.EOPNOTSUPP);
        } else {
            step(operation);
        }
    }

    private boolean bounce(FileOperation<T> operation) {
        try {
            operation.bounce(operation.file.file().memoryAlignmentBytes());
            return true;
        } catch (OutOfMemoryError e) {
            settle(operation, -Errno.ENOMEM);
            return false;
        }
    }

    /** Has a step's result taken by the next poll. */
    final void settle(FileOperation<T> operation, int result) {
        operation.result = result;
        settled.add(operation);
    }

    private static void checkMemory(Kind kind, MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("files are read into and written from off-heap memory only");
        }
        if (kind == Kind.READ && memory.isReadOnly()) {
            throw new IllegalArgumentException("a file can't be read into read-only memory");
        }
    }

    private FileOperation<T> take() {
        if (freeHead != freeTail) {
            return operations[free[freeHead++ & (capacity - 1)]];
        }
        if (operationCount == capacity) {
            return null;
        }
        if (operationCount == operations.length) {
            operations = Arrays.copyOf(operations, Math.min(capacity, operationCount * 2));
        }
        FileOperation<T> operation = new FileOperation<>(operationCount);
        operations[operationCount++] = operation;
        return operation;
    }

    final FileOperation<T> operation(int index) {
        return operations[index];
    }

    /**
     * Takes the result of a step.
     *
     * @param result bytes transferred, 0, or a negated errno
     */
    final void stepped(FileOperation<T> operation, int result) {
        if (result == operation.remaining()) {
            finish(operation, 0);
        } else if (result < 0) {
            failed(operation, result);
        } else if (!operation.isTransfer()) {
            finish(operation, 0);
        } else {
            transferredSome(operation, result);
        }
    }

    private void transferredSome(FileOperation<T> operation, int bytes) {
        operation.done += bytes;
        boolean aligned = operation.done % operation.file.file().offsetAlignmentBytes() == 0;
        if (bytes == 0 || !aligned) {
            // The file ends here. Direct I/O could not even ask for the rest.
            finish(operation, -Errno.EIO);
        } else {
            step(operation);
        }
    }

    private void failed(FileOperation<T> operation, int status) {
        if (status == -Errno.EINTR || status == -Errno.EAGAIN) {
            step(operation);
        } else if (isRefused(operation, status)) {
            operation.file.file().refuseRangeCall(operation.rangeCall);
            begin(operation);
        } else {
            finish(operation, status);
        }
    }

    /** {@return whether the way to zero or unmap is not known here, so that another is to be tried} */
    private static boolean isRefused(FileOperation<?> operation, int status) {
        if (operation.kind != Kind.WRITE_ZEROES && operation.kind != Kind.UNMAP) {
            return false;
        }
        return switch (operation.rangeCall) {
            case NONE -> false;
            case ZERO_RANGE, PUNCH_HOLE -> status == -Errno.EOPNOTSUPP;
            // A kernel that does not know the command has several ways to say so.
            case DISCARD -> status == -Errno.EOPNOTSUPP || status == -Errno.EINVAL || status == -Errno.ENOTTY;
        };
    }

    private static void chooseRangeCall(FileOperation<?> operation) {
        BackingFile file = operation.file.file();
        if (operation.kind == Kind.UNMAP) {
            operation.rangeCall = file.unmapCall();
        } else {
            operation.rangeCall = file.zeroCall();
            if (operation.rangeCall == RangeCall.NONE) {
                operation.data = Zeros.MEMORY;
            }
        }
    }

    private void finish(FileOperation<T> operation, int status) {
        operation.unbounce(status == 0);
        RingFile<T> file = operation.file;
        T request = operation.request;
        operation.active = false;
        free[freeTail++ & (capacity - 1)] = operation.index;
        file.inFlight--;
        inFlight--;
        finished++;
        completion.completed(request, status);
    }

    final boolean isClosed() {
        return closed;
    }

    private void ensureOpen() {
        if (closed) {
            throw new IllegalStateException("this ring is closed");
        }
    }

    /** What is written where the file system cannot zero by itself. */
    private static final class Zeros {
        static final MemorySegment MEMORY = Arena.global().allocate(1 << 20, 4096).asReadOnly();
    }
}
