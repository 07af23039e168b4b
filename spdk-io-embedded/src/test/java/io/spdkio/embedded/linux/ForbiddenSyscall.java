package io.spdkio.embedded.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;

/** Runs code on a thread to which a seccomp filter forbids a system call, as containers do. Needs no privilege. */
public final class ForbiddenSyscall {

    public static final int IO_URING_SETUP = 425;
    public static final int IO_URING_REGISTER = 427;

    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int SECCOMP_SET_MODE_FILTER = 1;

    private ForbiddenSyscall() {}

    /** {@return what the code returns, run while a system call fails with an errno} */
    public static <V> V run(int syscall, int errno, Callable<V> code) throws Exception {
        FutureTask<V> task =
                new FutureTask<>(() -> {
                    forbid(syscall, errno);
                    return code.call();
                });
        Thread thread = Thread.ofPlatform().name("forbidden-syscall-" + syscall).start(task);
        thread.join();
        return task.get();
    }

    private static void forbid(int syscall, int errno) {
        int prctl = Linux.isX86() ? 157 : 167;
        int seccomp = Linux.isX86() ? 317 : 277;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment program = arena.allocate(4 * 8, 8);
            instruction(program, 0, 0x20, 0, 0, 0); // load the system call's number
            instruction(program, 1, 0x15, 0, 1, syscall); // another one? skip an instruction
            instruction(program, 2, 0x06, 0, 0, 0x00050000 | errno); // fail
            instruction(program, 3, 0x06, 0, 0, 0x7fff0000); // allow
            MemorySegment filter = arena.allocate(16, 8);
            filter.set(JAVA_SHORT, 0, (short) 4);
            filter.set(JAVA_LONG, 8, program.address());
            check(invoke(arena, prctl, PR_SET_NO_NEW_PRIVS, 1, 0));
            check(invoke(arena, seccomp, SECCOMP_SET_MODE_FILTER, 0, filter.address()));
        }
    }

    private static void instruction(MemorySegment program, int index, int code, int yes, int no, int operand) {
        program.set(JAVA_SHORT, index * 8L, (short) code);
        program.set(JAVA_BYTE, index * 8L + 2, (byte) yes);
        program.set(JAVA_BYTE, index * 8L + 3, (byte) no);
        program.set(JAVA_INT, index * 8L + 4, operand);
    }

    private static long invoke(Arena arena, int number, long a, long b, long c) {
        return Syscall.invoke(Syscall.newErrno(arena), number, a, b, c, 0, 0, 0);
    }

    private static void check(long result) {
        if (result < 0) {
            throw new ErrnoException((int) -result, "cannot install a seccomp filter");
        }
    }
}
