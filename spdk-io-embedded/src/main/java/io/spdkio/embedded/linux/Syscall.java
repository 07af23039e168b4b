package io.spdkio.embedded.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The system calls in use, by their numbers on x86-64 and on the architectures that share Linux's generic table
 * (AArch64, RISC-V).
 *
 * <p>Going through {@code syscall(2)} rather than one C function each keeps this to one method handle, and away from
 * what differs between C libraries: variadic prototypes, {@code struct stat}, missing {@code statx} wrappers.
 */
enum Syscall {
    CLOSE(3, 57),
    FALLOCATE(285, 47),
    FCNTL(72, 25),
    FDATASYNC(75, 83),
    FSTATFS(138, 44),
    FTRUNCATE(77, 46),
    GETPID(39, 172),
    IOCTL(16, 29),
    IO_URING_SETUP(425, 425),
    IO_URING_ENTER(426, 426),
    IO_URING_REGISTER(427, 427),
    MADVISE(28, 233),
    MMAP(9, 222),
    MUNMAP(11, 215),
    OPENAT(257, 56),
    PREAD64(17, 67),
    PRLIMIT64(302, 261),
    PWRITE64(18, 68),
    SCHED_GETAFFINITY(204, 123),
    SCHED_SETAFFINITY(203, 122),
    STATX(332, 291);

    /** Each thread's own. */
    private static final ThreadLocal<MemorySegment> ERRNO = ThreadLocal.withInitial(() -> newErrno(Arena.ofAuto()));

    private final int x86Number;
    private final int genericNumber;

    Syscall(int x86Number, int genericNumber) {
        this.x86Number = x86Number;
        this.genericNumber = genericNumber;
    }

    int number() {
        return Linux.isX86() ? x86Number : genericNumber;
    }

    /**
     * Makes this system call.
     *
     * @param arguments up to six
     * @return its result, or the negated errno
     */
    long call(long... arguments) {
        long[] six = new long[6];
        System.arraycopy(arguments, 0, six, 0, arguments.length);
        return invoke(ERRNO.get(), number(), six[0], six[1], six[2], six[3], six[4], six[5]);
    }

    /** Makes this system call without allocating. @return its result, or the negated errno */
    long call4(long a, long b, long c, long d) {
        return invoke(ERRNO.get(), number(), a, b, c, d, 0, 0);
    }

    /** {@return memory for one caller's errno, for {@link #invoke}} */
    static MemorySegment newErrno(Arena arena) {
        return arena.allocate(Native.CAPTURE_LAYOUT);
    }

    /**
     * Makes a system call without allocating.
     *
     * <p>This is never a critical downcall: whatever is called here may block.
     *
     * @param errno the caller's own, from {@link #newErrno}, not to be shared between threads
     * @return its result, or the negated errno
     */
    static long invoke(MemorySegment errno, int number, long a, long b, long c, long d, long e, long f) {
        long result;
        try {
            result = (long) Native.SYSCALL.invokeExact(errno, (long) number, a, b, c, d, e, f);
        } catch (RuntimeException | Error failed) {
            throw failed;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
        return result == -1 ? -errno.get(JAVA_INT, Native.ERRNO_OFFSET) : result;
    }

    /** Linked on first use, so that this class loads on every system. */
    private static final class Native {
        static final MemoryLayout CAPTURE_LAYOUT = Linker.Option.captureStateLayout();
        static final long ERRNO_OFFSET = CAPTURE_LAYOUT.byteOffset(PathElement.groupElement("errno"));
        static final MethodHandle SYSCALL = link();

        @SuppressWarnings("restricted")
        private static MethodHandle link() {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("syscall"),
                    FunctionDescriptor.of(
                            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                    Linker.Option.firstVariadicArg(1),
                    Linker.Option.captureCallState("errno"));
        }
    }
}
