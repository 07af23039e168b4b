package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The functions of our own in the library, as they are; {@link BdevRing} and {@link LogLines} are the way to use them.
 */
public final class Bridge {
    private Bridge() {}

    /** {@code spdkio_ring_create}. */
    static MemorySegment ringCreate(int slots) {
        RawSupport.ensureLoaded();
        try {
            return (MemorySegment) RingHandles.CREATE.invokeExact(slots);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_grow}. */
    static int ringGrow(MemorySegment ring, int slots) {
        try {
            return (int) RingHandles.GROW.invokeExact(ring, slots);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_free}. */
    static void ringFree(MemorySegment ring) {
        try {
            RingHandles.FREE.invokeExact(ring);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /**
     * {@code spdkio_ring_poll}: hands submissions over, polls the SPDK thread, and says how many completions wait. SPDK
     * may call Java from here, so this is never a critical call.
     *
     * @param ring the ring's address
     * @param thread the struct spdk_thread's address
     * @param maxMessages as for spdk_thread_poll; 0 for its own limit
     * @return how many completions wait
     */
    public static int ringPoll(long ring, long thread, int maxMessages) {
        try {
            return (int) RingHandles.POLL.invokeExact(ring, thread, maxMessages);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    static int chainSigbus(MemorySegment spdkAction) {
        try {
            return (int) RawSupport.bind("spdkio_chain_sigbus", "IP").invokeExact(spdkAction);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    static void logOpen() {
        RawSupport.ensureLoaded();
        try {
            LogHandles.OPEN.invokeExact();
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    static boolean logTake(MemorySegment line, MemorySegment dropped) {
        try {
            return (boolean) LogHandles.TAKE.invokeExact(line, dropped);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    @SuppressWarnings("restricted")
    static MemorySegment memory(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    static MemorySegment newDropped(Arena arena) {
        return arena.allocate(ValueLayout.JAVA_LONG);
    }

    /** Bound when the library is loaded. Addresses are longs here: nothing has to be unwrapped on the hot path. */
    private static final class RingHandles {
        static final MethodHandle CREATE = RawSupport.bind("spdkio_ring_create", "PI");
        static final MethodHandle GROW = RawSupport.bind("spdkio_ring_grow", "IPI");
        static final MethodHandle FREE = RawSupport.bind("spdkio_ring_free", "VP");
        static final MethodHandle POLL = RawSupport.bind("spdkio_ring_poll", "IJJI");
    }

    private static final class LogHandles {
        static final MethodHandle OPEN = RawSupport.bind("spdkio_log_open", "V");
        static final MethodHandle TAKE = RawSupport.bind("spdkio_log_take", "ZPP");
    }
}
