package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * SPDK's thread library, set up so that threads which somebody inside SPDK creates reach Java: they wait in a list
 * until {@link #take} hands them out. Nobody polls them before. SPDK's initialisation and targets wait for such
 * threads, so whoever uses them looks into the list in its poll loop; {@link #untaken} costs a read of memory.
 *
 * <p>Any thread may call these methods, after {@link #init} and before {@link #fini}. There is one thread library in a
 * process.
 */
public final class SpdkThreads {
    /** What C's ENOTSUP is, negative. */
    static final int ENOTSUP = -95;

    private SpdkThreads() {}

    /**
     * {@code spdk_thread_lib_init_ext}, in place of the functions that the bindings have; loads the library if need be.
     * After {@code spdk_env_init}.
     *
     * @param messagePoolSize how many messages there are for all threads; 0 for SPDK's default
     * @throws NativeException when it was called before, or there is no memory for the messages
     */
    public static void init(long messagePoolSize) {
        if (messagePoolSize < 0) {
            throw new IllegalArgumentException("a pool of " + messagePoolSize + " messages");
        }
        int rc = Bridge.threadsInit(messagePoolSize);
        if (rc != 0) {
            throw new NativeException(
                    rc == -114
                            ? "SPDK's thread library is initialised already; a process has one"
                            : "SPDK's thread library has no memory for its messages ("
                                    + rc
                                    + "); give SPDK more memory");
        }
    }

    /**
     * {@code spdk_thread_lib_fini}. Every thread has exited and been destroyed. Without {@link #init} it does nothing.
     */
    public static void fini() {
        Bridge.threadsFini();
    }

    /**
     * {@code spdk_thread_create}, of a thread that {@link #take} does not hand out. The first thread of all becomes
     * SPDK's app thread.
     *
     * @param name for SPDK's log and statistics
     * @param cpuMask a struct spdk_cpuset, copied; {@link MemorySegment#NULL} for every CPU. It is only told on: who
     *     polls the thread decides where it runs
     * @return the struct spdk_thread
     * @throws NativeException when there is no memory for it
     */
    public static MemorySegment create(String name, MemorySegment cpuMask) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment thread = Bridge.threadCreate(arena.allocateFrom(name), cpuMask);
            if (thread.address() == 0) {
                throw new NativeException("no memory for the SPDK thread " + name + "; give SPDK more memory");
            }
            return thread;
        }
    }

    /**
     * Whether anybody has channels on a thread. Such a thread is better not told to exit: SPDK lets it exit after five
     * seconds all the same, and ends the process at the next message to it. On that thread.
     *
     * @param thread a struct spdk_thread
     * @return true if there is a channel
     */
    public static boolean hasChannels(MemorySegment thread) {
        return Bridge.threadHasChannels(thread);
    }

    /**
     * Takes the oldest thread that nobody has taken. The caller polls it from now on, and destroys it when it has
     * exited.
     *
     * @return the struct spdk_thread, or {@link MemorySegment#NULL}
     */
    public static MemorySegment take() {
        return Bridge.threadsTake();
    }

    /**
     * How many threads wait to be taken.
     *
     * @return a number of threads
     */
    public static int untaken() {
        return Bridge.threadsUntaken();
    }
}
