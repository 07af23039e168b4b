package io.spdkio.embedded.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.spdkio.Errno;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * One io_uring: a submission queue that Java writes and a completion queue that it reads, both shared with the kernel.
 *
 * <p>{@code prep…} methods write the next submission entry, or return false when the queue is full; nothing is
 * allocated and no system call made. {@link #poll} hands everything over in one system call, which it leaves out when
 * there is nothing to hand over, and drains the completions. Files are named by descriptor, or by {@link #fixed} for
 * one in the table of registered files.
 *
 * <p>Confined to one thread at a time. Another may go on with it when that has ended: what was running still completes,
 * what was waiting for a kernel worker completes with ECANCELED.
 *
 * <p>The structures and rules are those of {@code linux/io_uring.h} and {@code io_uring_enter(2)}.
 */
public final class IoUring implements AutoCloseable {

    /** Takes completions. */
    @FunctionalInterface
    public interface CompletionHandler {
        /**
         * @param userData what the request was submitted with
         * @param result zero or more, or a negated errno; for reads and writes the number of bytes
         */
        void complete(long userData, int result);
    }

    private static final int SETUP_CQSIZE = 1 << 3;
    private static final int SETUP_CLAMP = 1 << 4;
    private static final int SETUP_SUBMIT_ALL = 1 << 7;
    private static final int SETUP_COOP_TASKRUN = 1 << 8;
    private static final int SETUP_TASKRUN_FLAG = 1 << 9;
    private static final int SETUP_NO_SQARRAY = 1 << 16;

    private static final int SETUP_BASIC = SETUP_CQSIZE | SETUP_CLAMP;
    private static final int SETUP_COOPERATIVE =
            SETUP_BASIC | SETUP_SUBMIT_ALL | SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG;

    /**
     * Best first, from Linux 6.6, 5.19, 5.18 and 5.6; a kernel that does not know a flag says EINVAL.
     *
     * <p>Not among them are SINGLE_ISSUER and DEFER_TASKRUN: they were no faster here (Linux 6.18, 4 KiB reads, queue
     * depth 64: 1 % in memory, within the noise on a disk), and if the thread ends, nobody ever sees the completions of
     * what it left.
     */
    private static final int[] SETUPS = {
        SETUP_COOPERATIVE | SETUP_NO_SQARRAY, SETUP_COOPERATIVE, SETUP_BASIC | SETUP_SUBMIT_ALL, SETUP_BASIC
    };

    private static final int FEAT_SINGLE_MMAP = 1;
    private static final int FEAT_NODROP = 1 << 1;
    private static final int FEAT_SUBMIT_STABLE = 1 << 2;
    private static final int FEAT_RW_CUR_POS = 1 << 3;

    /** The last came with Linux 5.6, and so did reads and writes without vectors, and fallocate. */
    private static final int FEATURES_NEEDED = FEAT_SINGLE_MMAP | FEAT_NODROP | FEAT_SUBMIT_STABLE | FEAT_RW_CUR_POS;

    private static final int PARAMS_BYTES = 120;
    private static final int SQ_OFFSETS = 40;
    private static final int CQ_OFFSETS = 80;
    private static final int OFF_RINGS = 0;
    private static final int OFF_SQES = 0x10000000;
    private static final int MAP_SHARED_POPULATE = 0x01 | 0x8000;
    private static final int SQE_BYTES_SHIFT = 6;
    private static final int CQE_BYTES_SHIFT = 4;

    private static final int ENTER_GETEVENTS = 1;
    private static final int SQ_CQ_OVERFLOW = 1 << 1;
    private static final int SQ_TASKRUN = 1 << 2;
    private static final int SQE_FIXED_FILE = 1;

    private static final int OP_NOP = 0;
    private static final int OP_READV = 1;
    private static final int OP_WRITEV = 2;
    private static final int OP_FSYNC = 3;
    private static final int OP_READ_FIXED = 4;
    private static final int OP_WRITE_FIXED = 5;
    private static final int OP_ASYNC_CANCEL = 14;
    private static final int OP_FALLOCATE = 17;
    private static final int OP_READ = 22;
    private static final int OP_WRITE = 23;
    private static final int OP_URING_CMD = 46;
    private static final int BLOCK_CMD_DISCARD = 0x1200;
    private static final int FSYNC_DATASYNC = 1;

    private static final int REGISTER_FILES = 2;
    private static final int REGISTER_FILES_UPDATE = 6;
    private static final int REGISTER_FILES2 = 13;
    private static final int REGISTER_BUFFERS2 = 15;
    private static final int REGISTER_BUFFERS_UPDATE = 16;
    private static final int REGISTER_SPARSE = 1;

    private static final VarHandle INT = JAVA_INT.varHandle();

    private final Arena arena = Arena.ofShared();
    // Not in the arena: a downcall would take hold of a shared arena and let go of it each time.
    private final MemorySegment errno = Syscall.newErrno(Arena.ofAuto());
    private final int enterNumber = Syscall.IO_URING_ENTER.number();
    private final int fd;
    private final int setupFlags;
    private final int features;

    private final MemorySegment rings;
    private final MemorySegment sqes;
    private final int sqEntries;
    private final int sqMask;
    private final int cqMask;
    private final long sqHeadOffset;
    private final long sqTailOffset;
    private final long sqFlagsOffset;
    private final long cqHeadOffset;
    private final long cqTailOffset;
    private final long cqesOffset;

    private int sqTail;
    private int cqHead;
    private int pending;
    private boolean closed;

    /**
     * Makes a ring.
     *
     * @param entries submission entries, rounded up to a power of two by the kernel
     * @param completionEntries completion entries, likewise; best as many as requests may be in flight
     * @throws ErrnoException when the kernel refuses, with what to do about it
     */
    public IoUring(int entries, int completionEntries) {
        Linux.ensureAvailable();
        MemorySegment params = arena.allocate(PARAMS_BYTES, 8);
        this.fd = setUp(entries, completionEntries, params);
        try {
            this.setupFlags = params.get(JAVA_INT, 8);
            this.features = params.get(JAVA_INT, 20);
            if ((features & FEATURES_NEEDED) != FEATURES_NEEDED) {
                throw new ErrnoException(
                        Errno.ENOSYS, "this kernel's io_uring is too old", "Linux 5.6 or later has all of it");
            }
            this.sqEntries = params.get(JAVA_INT, 0);
            int cqEntries = params.get(JAVA_INT, 4);
            this.sqMask = sqEntries - 1;
            this.cqMask = cqEntries - 1;
            this.sqHeadOffset = params.get(JAVA_INT, SQ_OFFSETS);
            this.sqTailOffset = params.get(JAVA_INT, SQ_OFFSETS + 4);
            this.sqFlagsOffset = params.get(JAVA_INT, SQ_OFFSETS + 16);
            long sqArrayOffset = params.get(JAVA_INT, SQ_OFFSETS + 24);
            this.cqHeadOffset = params.get(JAVA_INT, CQ_OFFSETS);
            this.cqTailOffset = params.get(JAVA_INT, CQ_OFFSETS + 4);
            this.cqesOffset = params.get(JAVA_INT, CQ_OFFSETS + 20);
            boolean sqArray = (setupFlags & SETUP_NO_SQARRAY) == 0;
            long cqEnd = cqesOffset + ((long) cqEntries << CQE_BYTES_SHIFT);
            long sqEnd = sqArray ? sqArrayOffset + sqEntries * 4L : 0;
            this.rings = map(Math.max(sqEnd, cqEnd), OFF_RINGS);
            this.sqes = map((long) sqEntries << SQE_BYTES_SHIFT, OFF_SQES);
            for (int i = 0; sqArray && i < sqEntries; i++) {
                rings.set(JAVA_INT, sqArrayOffset + i * 4L, i);
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private static int setUp(int entries, int completionEntries, MemorySegment params) {
        long result = -Errno.EINVAL;
        for (int i = 0; i < SETUPS.length && result == -Errno.EINVAL; i++) {
            params.fill((byte) 0);
            params.set(JAVA_INT, 4, completionEntries);
            params.set(JAVA_INT, 8, SETUPS[i]);
            result = Syscall.IO_URING_SETUP.call(entries, params.address());
        }
        if (result < 0) {
            int errno = (int) -result;
            throw new ErrnoException(errno, "cannot set up an io_uring", IoUringSupport.advice(errno));
        }
        return (int) result;
    }

    private MemorySegment map(long bytes, long offset) {
        return LinuxMemory.wrap(LinuxMemory.mapPages(bytes, MAP_SHARED_POPULATE, fd, offset), bytes, arena);
    }

    /** {@return the name of a file of the registered table, to be given in place of a descriptor} */
    public static int fixed(int fileIndex) {
        return ~fileIndex;
    }

    /** {@return how many prepared requests the kernel has not taken yet} */
    public int pending() {
        return pending;
    }

    /** {@return whether no request can be prepared before the next submit} */
    public boolean isFull() {
        return pending == sqEntries;
    }

    /** {@return the setup flags that the kernel accepted, as {@code IORING_SETUP_…}} */
    public int setupFlags() {
        return setupFlags;
    }

    /** {@return the kernel's features, as {@code IORING_FEAT_…}} */
    public int features() {
        return features;
    }

    /** Reads into memory at an address. @return false when the submission queue is full */
    public boolean prepRead(int file, long address, int bytes, long offset, long userData) {
        return prep(OP_READ, file, offset, address, bytes, 0, 0, 0, userData);
    }

    /** Writes from memory at an address. @return false when the submission queue is full */
    public boolean prepWrite(int file, long address, int bytes, long offset, long userData) {
        return prep(OP_WRITE, file, offset, address, bytes, 0, 0, 0, userData);
    }

    /** Reads into a part of a registered buffer. @return false when the submission queue is full */
    public boolean prepReadFixed(int file, long address, int bytes, long offset, int buffer, long userData) {
        return prep(OP_READ_FIXED, file, offset, address, bytes, 0, buffer, 0, userData);
    }

    /** Writes from a part of a registered buffer. @return false when the submission queue is full */
    public boolean prepWriteFixed(int file, long address, int bytes, long offset, int buffer, long userData) {
        return prep(OP_WRITE_FIXED, file, offset, address, bytes, 0, buffer, 0, userData);
    }

    /**
     * Reads into several pieces of memory.
     *
     * @param iovecs address of an array of {@code struct iovec}, which must stay as it is until {@link #pending()} is
     *     zero
     * @return false when the submission queue is full
     */
    public boolean prepReadv(int file, long iovecs, int count, long offset, long userData) {
        return prep(OP_READV, file, offset, iovecs, count, 0, 0, 0, userData);
    }

    /**
     * Writes from several pieces of memory, like {@link #prepReadv}. @return false when the submission queue is full
     */
    public boolean prepWritev(int file, long iovecs, int count, long offset, long userData) {
        return prep(OP_WRITEV, file, offset, iovecs, count, 0, 0, 0, userData);
    }

    /** Makes what was written durable ({@code fdatasync}). @return false when the submission queue is full */
    public boolean prepDataSync(int file, long userData) {
        return prep(OP_FSYNC, file, 0, 0, 0, FSYNC_DATASYNC, 0, 0, userData);
    }

    /**
     * Punches a hole or zeroes a range.
     *
     * @param mode {@link LinuxFile#PUNCH_HOLE} or {@link LinuxFile#ZERO_RANGE}
     * @return false when the submission queue is full
     */
    public boolean prepAllocate(int file, int mode, long offset, long bytes, long userData) {
        return prep(OP_FALLOCATE, file, offset, bytes, mode, 0, 0, 0, userData);
    }

    /**
     * Discards a range of a block device. Known from Linux 6.12 on; EINVAL or EOPNOTSUPP before.
     *
     * @return false when the submission queue is full
     */
    public boolean prepDiscard(int file, long offset, long bytes, long userData) {
        return prep(OP_URING_CMD, file, BLOCK_CMD_DISCARD, offset, 0, 0, 0, bytes, userData);
    }

    /**
     * Asks for another request to be cancelled. Both complete: the other with ECANCELED if it was cancelled, this one
     * with 0, ENOENT (done or not found) or EALREADY (under way).
     *
     * @param target the other's user data
     * @return false when the submission queue is full
     */
    public boolean prepCancel(long target, long userData) {
        return prep(OP_ASYNC_CANCEL, 0, 0, target, 0, 0, 0, 0, userData);
    }

    /** Does nothing. @return false when the submission queue is full */
    public boolean prepNop(long userData) {
        return prep(OP_NOP, 0, 0, 0, 0, 0, 0, 0, userData);
    }

    private boolean prep(
            int opcode,
            int file,
            long offset,
            long address,
            int length,
            int flags,
            int buffer,
            long extra,
            long userData) {
        if (pending == sqEntries) {
            return false;
        }
        // struct io_uring_sqe as seven longs; the last is always zero, as the kernel gave it.
        long sqe = (long) (sqTail & sqMask) << SQE_BYTES_SHIFT;
        long target = file >= 0 ? (long) file << 32 : (long) ~file << 32 | SQE_FIXED_FILE << 8;
        sqes.set(JAVA_LONG, sqe, target | opcode);
        sqes.set(JAVA_LONG, sqe + 8, offset);
        sqes.set(JAVA_LONG, sqe + 16, address);
        sqes.set(JAVA_LONG, sqe + 24, (long) flags << 32 | Integer.toUnsignedLong(length));
        sqes.set(JAVA_LONG, sqe + 32, userData);
        sqes.set(JAVA_LONG, sqe + 40, buffer);
        sqes.set(JAVA_LONG, sqe + 48, extra);
        sqTail++;
        pending++;
        return true;
    }

    /** Hands all prepared requests to the kernel. It may leave some {@link #pending()} for the next time. */
    public void submit() {
        if (pending != 0) {
            enter(0, 0);
        }
    }

    /**
     * Hands all prepared requests to the kernel and delivers what has completed, in one system call or none.
     *
     * @return how many completions were delivered
     */
    public int poll(CompletionHandler handler) {
        int kernelHasMore = (int) INT.getOpaque(rings, sqFlagsOffset) & (SQ_CQ_OVERFLOW | SQ_TASKRUN);
        if (kernelHasMore != 0) {
            enter(0, ENTER_GETEVENTS);
        } else if (pending != 0) {
            enter(0, 0);
        }
        return reap(handler);
    }

    /** Hands all prepared requests to the kernel and blocks until something has completed, or a signal has come. */
    public void submitAndWait() {
        if (cqHead == (int) INT.getAcquire(rings, cqTailOffset)) {
            enter(1, ENTER_GETEVENTS);
        } else {
            submit();
        }
    }

    /**
     * Delivers what has completed, without a system call. The handler may prepare, submit and poll.
     *
     * @return how many completions were delivered
     */
    public int reap(CompletionHandler handler) {
        int tail = (int) INT.getAcquire(rings, cqTailOffset);
        int delivered = 0;
        try {
            // By difference: a handler that polls may have taken this loop's completions and more.
            while (tail - cqHead > 0) {
                long cqe = cqesOffset + ((long) (cqHead & cqMask) << CQE_BYTES_SHIFT);
                long userData = rings.get(JAVA_LONG, cqe);
                int result = rings.get(JAVA_INT, cqe + 8);
                cqHead++;
                delivered++;
                handler.complete(userData, result);
            }
        } finally {
            if (delivered != 0) {
                INT.setRelease(rings, cqHeadOffset, cqHead);
            }
        }
        return delivered;
    }

    private void enter(int minComplete, int flags) {
        INT.setRelease(rings, sqTailOffset, sqTail);
        long result = Syscall.invoke(errno, enterNumber, fd, pending, minComplete, flags, 0, 0);
        pending = sqTail - (int) INT.getAcquire(rings, sqHeadOffset);
        if (result < 0) {
            checkEntered((int) -result);
        }
    }

    /** What the kernel did not take for want of memory or of room for completions stays pending for the next time. */
    private static void checkEntered(int errno) {
        if (errno != Errno.EINTR && errno != Errno.EAGAIN && errno != Errno.EBUSY) {
            throw new ErrnoException(errno, "cannot enter the io_uring");
        }
    }

    /**
     * Makes a table of registered files, all empty.
     *
     * @throws ErrnoException EMFILE when more than the limit of open files
     */
    public void registerFileTable(int files) {
        try (Arena call = Arena.ofConfined()) {
            long result = registerSparse(call, REGISTER_FILES2, files);
            if (result == -Errno.EINVAL) { // before Linux 5.19
                MemorySegment none = call.allocate(JAVA_INT, files);
                none.fill((byte) -1);
                result = register(REGISTER_FILES, none, files);
            }
            ErrnoException.check(result, "cannot register", files + " files with io_uring");
        }
    }

    /** Puts a file into the table, or takes one out with a descriptor of -1. */
    public void updateFile(int index, int fileDescriptor) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment update = call.allocate(16, 8);
            update.set(JAVA_INT, 0, index);
            update.set(JAVA_LONG, 8, call.allocateFrom(JAVA_INT, fileDescriptor).address());
            ErrnoException.check(
                    register(REGISTER_FILES_UPDATE, update, 1), "cannot register", "file descriptor " + fileDescriptor);
        }
    }

    /**
     * Makes a table of registered buffers, all empty.
     *
     * @throws ErrnoException when the kernel cannot
     */
    public void registerBufferTable(int buffers) {
        try (Arena call = Arena.ofConfined()) {
            checkBuffers(registerSparse(call, REGISTER_BUFFERS2, buffers), "a table of " + buffers + " buffers");
        }
    }

    /**
     * Puts memory into the table of registered buffers: the kernel keeps its pages in memory and at hand until another
     * or {@link MemorySegment#NULL} takes its place.
     *
     * @param memory off-heap, at most 1 GiB
     * @throws ErrnoException ENOMEM when it is more than this process may lock
     */
    public void updateBuffer(int index, MemorySegment memory) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment update = call.allocate(32, 8);
            update.set(JAVA_INT, 0, index);
            update.set(JAVA_LONG, 8, call.allocateFrom(JAVA_LONG, memory.address(), memory.byteSize()).address());
            update.set(JAVA_INT, 24, 1);
            checkBuffers(
                    register(REGISTER_BUFFERS_UPDATE, update, (int) update.byteSize()),
                    memory.byteSize() + " bytes of memory");
        }
    }

    private static void checkBuffers(long result, String what) {
        if (result < 0) {
            int errno = (int) -result;
            throw new ErrnoException(
                    errno,
                    "cannot register " + what + " with io_uring",
                    errno == Errno.ENOMEM ? IoUringSupport.advice(errno) : null);
        }
    }

    private long registerSparse(Arena call, int opcode, int count) {
        MemorySegment table = call.allocate(32, 8);
        table.set(JAVA_INT, 0, count);
        table.set(JAVA_INT, 4, REGISTER_SPARSE);
        return register(opcode, table, (int) table.byteSize());
    }

    private long register(int opcode, MemorySegment argument, int count) {
        if (closed) {
            throw new IllegalStateException("this io_uring is closed");
        }
        return Syscall.IO_URING_REGISTER.call(fd, opcode, argument.address(), count);
    }

    /**
     * Gives the ring back. Requests in flight go on in the kernel, with their buffers: wait for them first. Closing
     * twice is fine; every other use afterwards is an {@link IllegalStateException}.
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arena.close();
            Syscall.CLOSE.call(fd);
        }
    }
}
