package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.file.FileOperation.Kind;

import org.jctools.queues.varhandle.MpscVarHandleArrayQueue;

import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** File I/O by blocking calls on worker threads, where io_uring cannot be had. */
final class WorkerFileRing<T> extends FileRing<T> {

    private static final int CAPACITY = 512;
    private static final long AWAIT_NANOS = 20_000;

    private final Executor workers;
    private final Queue<Task<T>> done = new MpscVarHandleArrayQueue<>(CAPACITY);

    WorkerFileRing(Executor workers, FileCompletion<T> completion) {
        super(CAPACITY, completion);
        this.workers = workers;
    }

    @Override
    void attach(RingFile<T> file) {}

    @Override
    void detach(RingFile<T> file) {}

    @Override
    void step(FileOperation<T> operation) {
        if (operation.isTransfer() && operation.file.file().isInMemory()) {
            settle(operation, transfer(operation));
            return;
        }
        if (operation.task == null) {
            operation.task = new Task<>(operation, done);
        }
        operation.task.waiting.set(true);
        workers.execute(operation.task);
    }

    @Override
    void cancel(FileOperation<T> operation) {
        if (operation.task != null) {
            operation.task.waiting.set(false);
        }
    }

    @Override
    void pollSystem() {
        for (Task<T> task = done.poll(); task != null; task = done.poll()) {
            stepped(task.operation, task.result);
        }
    }

    @Override
    void idle() {}

    @Override
    void awaitSystem() {
        LockSupport.parkNanos(this, AWAIT_NANOS);
    }

    @Override
    void release() {}

    /** An operation's steps, one after the other on whatever worker. */
    static final class Task<T> implements Runnable {
        private final FileOperation<T> operation;
        private final Queue<Task<T>> done;

        /** Whether it may be begun: it was neither before, nor cancelled. */
        private final AtomicBoolean waiting = new AtomicBoolean();

        private int result;

        Task(FileOperation<T> operation, Queue<Task<T>> done) {
            this.operation = operation;
            this.done = done;
        }

        @Override
        public void run() {
            if (waiting.compareAndSet(true, false)) {
                result = perform(operation);
            } else {
                result = -Errno.ECANCELED;
            }
            done.add(this);
        }
    }

    private static int perform(FileOperation<?> operation) {
        try {
            BackingFile file = operation.file.file();
            if (operation.isTransfer()) {
                return transfer(operation);
            }
            return operation.kind == Kind.FLUSH
                    ? file.flush()
                    : file.callRange(operation.rangeCall, operation.fileOffset, operation.bytes);
        } catch (RuntimeException | Error unusable) { // memory that this thread may not touch, or that is freed
            System.getLogger(WorkerFileRing.class.getName())
                    .log(System.Logger.Level.WARNING, "file I/O failed in Java", unusable);
            return -Errno.EFAULT;
        }
    }

    private static int transfer(FileOperation<?> operation) {
        if (operation.pieces != null) {
            return transferPieces(operation);
        }
        return transfer(
                operation,
                operation.data,
                operation.nextDataOffset(),
                operation.nextBytes(),
                operation.nextFileOffset());
    }

    private static int transferPieces(FileOperation<?> operation) {
        long skip = operation.done;
        int transferred = 0;
        for (int i = 0; i < operation.pieceCount; i++) {
            MemorySegment piece = operation.pieces[i];
            if (skip >= piece.byteSize()) {
                skip -= piece.byteSize();
                continue;
            }
            int bytes = (int) Math.min(piece.byteSize() - skip, FileOperation.MOST_BYTES_AT_ONCE - transferred);
            int result = transfer(operation, piece, skip, bytes, operation.nextFileOffset() + transferred);
            if (result < 0) {
                return transferred > 0 ? transferred : result;
            }
            transferred += result;
            if (result < bytes || transferred == FileOperation.MOST_BYTES_AT_ONCE) {
                return transferred;
            }
            skip = 0;
        }
        return transferred;
    }

    private static int transfer(
            FileOperation<?> operation, MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        BackingFile file = operation.file.file();
        return operation.kind == Kind.READ
                ? file.read(data, dataOffset, bytes, fileOffset)
                : file.write(data, dataOffset, bytes, fileOffset);
    }
}
