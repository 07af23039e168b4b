package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The functions of our own in the library, as they are; {@link BdevRing}, {@link ServedBdev}, {@link ErrorGate}, {@link
 * StoreDevice}, {@link SpdkThreads} and {@link LogLines} are the way to use them.
 */
public final class Bridge {
    private Bridge() {}

    /** {@code spdkio_ring_create}. */
    static long ringCreate(int slots) {
        RawSupport.ensureLoaded();
        try {
            return (long) RingHandles.CREATE.invokeExact(slots);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_grow}. */
    static int ringGrow(long ring, int slots) {
        try {
            return (int) RingHandles.GROW.invokeExact(ring, slots);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_attach}. */
    static int ringAttach(long ring, long thread) {
        try {
            return (int) RingHandles.ATTACH.invokeExact(ring, thread);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_detach}. */
    static void ringDetach(long ring) {
        try {
            RingHandles.DETACH.invokeExact(ring);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_ring_free}. */
    static void ringFree(long ring) {
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

    /** {@code spdkio_threads_init}. */
    static int threadsInit(long messagePoolSize) {
        RawSupport.ensureLoaded();
        try {
            return (int) ThreadHandles.INIT.invokeExact(messagePoolSize);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_threads_fini}. */
    static void threadsFini() {
        try {
            ThreadHandles.FINI.invokeExact();
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_thread_create}. */
    static MemorySegment threadCreate(MemorySegment name, MemorySegment cpuMask) {
        try {
            return (MemorySegment) ThreadHandles.CREATE.invokeExact(name, cpuMask);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_thread_has_channels}. */
    static boolean threadHasChannels(MemorySegment thread) {
        try {
            return (int) ThreadHandles.HAS_CHANNELS.invokeExact(thread) != 0;
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_threads_take}. */
    static MemorySegment threadsTake() {
        try {
            return (MemorySegment) ThreadHandles.TAKE.invokeExact();
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** What {@code spdkio_threads_untaken} points to. */
    static int threadsUntaken() {
        return (int) ThreadHandles.INT.getAcquire(ThreadHandles.UNTAKEN, 0L);
    }

    /** {@code spdkio_device_register}. */
    static int deviceRegister(MemorySegment options, MemorySegment registered) {
        try {
            return (int) DeviceHandles.REGISTER.invokeExact(options, registered);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_device_unregister}. */
    static void deviceUnregister(MemorySegment device) {
        try {
            DeviceHandles.UNREGISTER.invokeExact(device);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_device_destructed}. */
    static void deviceDestructed(MemorySegment device) {
        try {
            DeviceHandles.DESTRUCTED.invokeExact(device);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_device_resize}. */
    static int deviceResize(MemorySegment device, long blockCount) {
        try {
            return (int) DeviceHandles.RESIZE.invokeExact(device, blockCount);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_device_bdev}. */
    static MemorySegment deviceBdev(MemorySegment device) {
        try {
            return (MemorySegment) DeviceHandles.BDEV.invokeExact(device);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_gate_install}. */
    static MemorySegment gateInstall(long bdev) {
        RawSupport.ensureLoaded();
        try {
            return (MemorySegment) GateHandles.INSTALL.invokeExact(bdev);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_gate_set}. */
    static int gateSet(MemorySegment gate, int operation, int mode, long threshold, long seed, long count) {
        try {
            return (int) GateHandles.SET.invokeExact(gate, operation, mode, threshold, seed, count);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_gate_clear}. */
    static void gateClear(MemorySegment gate) {
        try {
            GateHandles.CLEAR.invokeExact(gate);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_open}. */
    static MemorySegment storeOpen(
            MemorySegment name, boolean writable, MemorySegment module, MemorySegment onEvent, MemorySegment result) {
        RawSupport.ensureLoaded();
        try {
            return (MemorySegment) StoreHandles.OPEN.invokeExact(name, writable, module, onEvent, result);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** One of the functions that take a store and give nothing. */
    private static void storeCall(MethodHandle function, MemorySegment store) {
        try {
            function.invokeExact(store);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_release}. */
    static void storeRelease(MemorySegment store) {
        storeCall(StoreHandles.RELEASE, store);
    }

    /** {@code spdkio_store_discard}. */
    static void storeDiscard(MemorySegment store) {
        storeCall(StoreHandles.DISCARD, store);
    }

    /** {@code spdkio_store_cut_off}. */
    static void storeCutOff(MemorySegment store) {
        storeCall(StoreHandles.CUT_OFF, store);
    }

    /** {@code spdkio_store_fail}. */
    static void storeFail(MemorySegment store) {
        storeCall(StoreHandles.FAIL, store);
    }

    /** {@code spdkio_store_abort}. */
    static void storeAbort(MemorySegment store) {
        storeCall(StoreHandles.ABORT, store);
    }

    /** {@code spdkio_store_is_closed}. */
    static boolean storeIsClosed(MemorySegment store) {
        try {
            return (boolean) StoreHandles.IS_CLOSED.invokeExact(store);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** What {@code spdkio_store_lost} points to. */
    static MemorySegment storeLost(MemorySegment store) {
        try {
            var pointer = (MemorySegment) StoreHandles.LOST.invokeExact(store);
            return memory(pointer.address(), 2 * ValueLayout.JAVA_INT.byteSize());
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_resize}. */
    static void storeResize(MemorySegment store) {
        storeCall(StoreHandles.RESIZE, store);
    }

    /** {@code spdkio_store_flush}. */
    static void storeFlush(MemorySegment store, MemorySegment done, MemorySegment argument) {
        try {
            StoreHandles.FLUSH.invokeExact(store, done, argument);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_transfer}. */
    static void storeTransfer(
            MemorySegment store,
            boolean writing,
            MemorySegment buffer,
            long lba,
            long count,
            MemorySegment done,
            MemorySegment argument) {
        try {
            StoreHandles.TRANSFER.invokeExact(store, writing, buffer, lba, count, done, argument);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_super}. */
    static MemorySegment storeSuper(MemorySegment store) {
        try {
            return (MemorySegment) StoreHandles.SUPER.invokeExact(store);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_remember}. */
    static void storeRemember(MemorySegment store, boolean on) {
        try {
            StoreHandles.REMEMBER.invokeExact(store, on);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_spare_pages}. */
    static int storeSparePages(MemorySegment store, boolean ioTakes) {
        try {
            return (int) StoreHandles.SPARE_PAGES.invokeExact(store, ioTakes);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_keep_pages}. */
    static void storeKeepPages(MemorySegment store, int first, boolean open, int addedBytes) {
        try {
            StoreHandles.KEEP_PAGES.invokeExact(store, first, open, addedBytes);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_writes_of}. */
    static int storeWritesOf(MemorySegment store, int first) {
        try {
            return (int) StoreHandles.WRITES_OF.invokeExact(store, first);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_pages_of}. */
    static void storePagesOf(MemorySegment store, int first, MemorySegment result) {
        try {
            StoreHandles.PAGES_OF.invokeExact(store, first, result);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@code spdkio_store_xattrs}. */
    static void storeXattrs(MemorySegment options, MemorySegment xattrs) {
        try {
            StoreHandles.XATTRS.invokeExact(options, xattrs);
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
        static final MethodHandle CREATE = RawSupport.bind("spdkio_ring_create", "JI");
        static final MethodHandle GROW = RawSupport.bind("spdkio_ring_grow", "IJI");
        static final MethodHandle ATTACH = RawSupport.bind("spdkio_ring_attach", "IJJ");
        static final MethodHandle DETACH = RawSupport.bind("spdkio_ring_detach", "VJ");
        static final MethodHandle FREE = RawSupport.bind("spdkio_ring_free", "VJ");
        static final MethodHandle POLL = RawSupport.bind("spdkio_ring_poll", "IJJI");
    }

    private static final class ThreadHandles {
        static final MethodHandle INIT = RawSupport.bind("spdkio_threads_init", "IJ");
        static final MethodHandle FINI = RawSupport.bind("spdkio_threads_fini", "V");
        static final MethodHandle CREATE = RawSupport.bind("spdkio_thread_create", "PPP");
        static final MethodHandle HAS_CHANNELS = RawSupport.bind("spdkio_thread_has_channels", "IP");
        static final MethodHandle TAKE = RawSupport.bind("spdkio_threads_take", "P");
        static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
        static final MemorySegment UNTAKEN;

        static {
            try {
                var pointer = (MemorySegment) RawSupport.bind("spdkio_threads_untaken", "P").invokeExact();
                UNTAKEN = memory(pointer.address(), ValueLayout.JAVA_INT.byteSize());
            } catch (Throwable e) {
                throw RawSupport.thrown(e);
            }
        }
    }

    private static final class DeviceHandles {
        static final MethodHandle REGISTER = RawSupport.bind("spdkio_device_register", "IPP");
        static final MethodHandle UNREGISTER = RawSupport.bind("spdkio_device_unregister", "VP");
        static final MethodHandle DESTRUCTED = RawSupport.bind("spdkio_device_destructed", "VP");
        static final MethodHandle RESIZE = RawSupport.bind("spdkio_device_resize", "IPJ");
        static final MethodHandle BDEV = RawSupport.bind("spdkio_device_bdev", "PP");
    }

    private static final class GateHandles {
        static final MethodHandle INSTALL = RawSupport.bind("spdkio_gate_install", "PJ");
        static final MethodHandle SET = RawSupport.bind("spdkio_gate_set", "IPIIJJJ");
        static final MethodHandle CLEAR = RawSupport.bind("spdkio_gate_clear", "VP");
    }

    private static final class StoreHandles {
        static final MethodHandle OPEN = RawSupport.bind("spdkio_store_open", "PPZPPP");
        static final MethodHandle RELEASE = RawSupport.bind("spdkio_store_release", "VP");
        static final MethodHandle DISCARD = RawSupport.bind("spdkio_store_discard", "VP");
        static final MethodHandle CUT_OFF = RawSupport.bind("spdkio_store_cut_off", "VP");
        static final MethodHandle FAIL = RawSupport.bind("spdkio_store_fail", "VP");
        static final MethodHandle ABORT = RawSupport.bind("spdkio_store_abort", "VP");
        static final MethodHandle IS_CLOSED = RawSupport.bind("spdkio_store_is_closed", "ZP");
        static final MethodHandle LOST = RawSupport.bind("spdkio_store_lost", "PP");
        static final MethodHandle RESIZE = RawSupport.bind("spdkio_store_resize", "VP");
        static final MethodHandle FLUSH = RawSupport.bind("spdkio_store_flush", "VPPP");
        static final MethodHandle TRANSFER = RawSupport.bind("spdkio_store_transfer", "VPZPJJPP");
        static final MethodHandle SUPER = RawSupport.bind("spdkio_store_super", "PP");
        static final MethodHandle REMEMBER = RawSupport.bind("spdkio_store_remember", "VPZ");
        static final MethodHandle SPARE_PAGES = RawSupport.bind("spdkio_store_spare_pages", "IPZ");
        static final MethodHandle KEEP_PAGES = RawSupport.bind("spdkio_store_keep_pages", "VPIZI");
        static final MethodHandle WRITES_OF = RawSupport.bind("spdkio_store_writes_of", "IPI");
        static final MethodHandle PAGES_OF = RawSupport.bind("spdkio_store_pages_of", "VPIP");
        static final MethodHandle XATTRS = RawSupport.bind("spdkio_store_xattrs", "VPP");
    }

    private static final class LogHandles {
        static final MethodHandle OPEN = RawSupport.bind("spdkio_log_open", "V");
        static final MethodHandle TAKE = RawSupport.bind("spdkio_log_take", "ZPP");
    }
}
