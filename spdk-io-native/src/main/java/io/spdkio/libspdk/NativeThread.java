package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;
import io.spdkio.spi.SpinLock;
import io.spdkio.sys.BdevRequests;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.SpdkThreads;
import io.spdkio.sys.raw.ThreadH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A struct spdk_thread and the ring through which its I/O goes. An I/O's slot in the ring is its number in the thread's
 * table of requests.
 */
final class NativeThread implements EngineThread, BdevRing.Completions, BdevRequests {
    private static final int FIRST_SLOTS = 256;

    /** SPDK lets a thread exit after five seconds, whatever is left. */
    private static final long FORCED_NANOS = TimeUnit.MILLISECONDS.toNanos(4_900);

    private static final long HAND_OVER_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long HELP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long IOVEC_BYTES = 16;
    private static final long FIRST_RETRY_NANOS = 250_000;
    private static final long LAST_RETRY_NANOS = 64_000_000;

    private final SpdkRuntime runtime;
    private final IoContext context;
    private final MemorySegment spdkThread;
    private final long address;
    private final BdevRing ring;
    private final Arena arena = Arena.ofShared();
    private final TickClock clock = new TickClock();
    private final ArrayDeque<OwnIo> spareIos = new ArrayDeque<>();

    /** Aborts that failed and are to be tried again. */
    private final List<OwnIo> retries = new ArrayList<>();

    /** For the slots of I/Os that are done with a copy of their data, the copy. */
    private final Map<Integer, MemorySegment> copies = new HashMap<>();

    /** Those of the devices that this thread serves, by SPDK's number. */
    private final Map<Integer, CustomChannel> customChannels = new HashMap<>();

    /** The channels that their backends did not open, by device. */
    private final Map<Integer, Integer> unopened = new HashMap<>();

    /** The stores whose metadata belongs to this thread. */
    private final List<NativeBlobstore> stores = new ArrayList<>();

    /** Calls into blobstore that have their results. */
    private final ArrayDeque<BlobCalls.Call> doneCalls = new ArrayDeque<>();

    /** What other threads want done in the next poll, whoever polls. */
    private final Queue<Runnable> later = new ConcurrentLinkedQueue<>();

    /** Held while blobstore may change what other threads read. */
    private final SpinLock metadataGuard = new SpinLock();

    private int callsUnderWay;
    private int blobChannels;

    /** For each slot, memory for the vectors of its I/O; null where none was needed yet. */
    private MemorySegment[] vectors = new MemorySegment[FIRST_SLOTS];

    private volatile boolean exited;

    NativeThread(SpdkRuntime runtime, IoContext context) {
        this.runtime = runtime;
        this.context = context;
        this.spdkThread = runtime.createThread(context.thread().name());
        this.address = spdkThread.address();
        this.ring = new BdevRing(FIRST_SLOTS);
        ring.attach(address);
        // So that a poll need not, which costs in a library that was opened late.
        ThreadH.spdk_set_thread(spdkThread);
    }

    IoContext context() {
        return context;
    }

    /** Runs an action as the SPDK thread, as SPDK's functions want it outside a poll. */
    <T> T as(Supplier<T> action) {
        MemorySegment before = ThreadH.spdk_get_thread();
        ThreadH.spdk_set_thread(spdkThread);
        try {
            return action.get();
        } finally {
            ThreadH.spdk_set_thread(before);
        }
    }

    // ---- I/O

    /** Where the I/O of a request goes into the ring. */
    int slotOf(IoRequest io) {
        int slot = io.id();
        if (slot >= ring.slots()) {
            ring.grow(slot + 1);
        }
        return slot;
    }

    BdevRing ring() {
        return ring;
    }

    /** The pieces of an I/O as an array of struct iovec, which stays as it is until the I/O's next use. */
    long vectorsOf(IoRequest io) {
        int slot = io.id();
        int count = io.segmentCount();
        if (slot >= vectors.length) {
            vectors = java.util.Arrays.copyOf(vectors, Math.max(slot + 1, vectors.length * 2));
        }
        MemorySegment array = vectors[slot];
        if (array == null || array.byteSize() < count * IOVEC_BYTES) {
            array = arena.allocate(Math.max(4, Integer.highestOneBit(count - 1) * 2) * IOVEC_BYTES, 8);
            vectors[slot] = array;
        }
        for (int i = 0; i < count; i++) {
            MemorySegment piece = io.segment(i);
            array.set(ValueLayout.JAVA_LONG, i * IOVEC_BYTES, piece.address());
            array.set(ValueLayout.JAVA_LONG, i * IOVEC_BYTES + 8, piece.byteSize());
        }
        return array.address();
    }

    /**
     * Asks SPDK to abort an I/O, again and again until the I/O completes: a device in a stack does not find one that is
     * just on its way between two of its layers.
     */
    OwnIo abort(IoRequest target, NativeChannel on) {
        OwnIo abort = ownIo(on);
        abort.target = target;
        abort.retryNanos = FIRST_RETRY_NANOS;
        abort.tryAgain();
        return abort;
    }

    /** Resets a device. */
    OwnIo reset(NativeChannel on) {
        OwnIo reset = ownIo(on);
        reset.submit(BdevRing.RESET, 0);
        return reset;
    }

    private OwnIo ownIo(NativeChannel on) {
        OwnIo io = spareIos.pollLast();
        if (io == null) {
            io = new OwnIo(this);
        }
        io.on = on;
        if (on != null) {
            on.ownBegan();
        }
        return io;
    }

    /** Submits the aborts again whose time has come. */
    private int retryAborts() {
        long now = System.nanoTime();
        int again = 0;
        for (int i = retries.size() - 1; i >= 0; i--) {
            OwnIo abort = retries.get(i);
            if (now - abort.dueNanos >= 0) {
                retries.remove(i);
                abort.tryAgain();
                again++;
            }
        }
        return again;
    }

    /** An abort or a reset of the engine's own, which needs a slot like any other. */
    static final class OwnIo extends IoRequest {
        private final NativeThread thread;
        private NativeChannel on;
        private IoRequest target;
        private long retryNanos;
        private long dueNanos;

        OwnIo(NativeThread thread) {
            super(thread.context);
            this.thread = thread;
            type = IoType.ABORT;
        }

        IoRequest target() {
            return target;
        }

        @Override
        public String toString() {
            return target == null ? "reset on " + on : "abort of " + target + " on " + on;
        }

        private void submit(int operation, int targetSlot) {
            begin();
            thread.ring.submit(
                    operation, thread.slotOf(this), on.descAddress(), on.channelAddress(), 0, 0, 0, 0, targetSlot, 0);
        }

        private void tryAgain() {
            if (on.abortsReach()) {
                submit(BdevRing.ABORT, target.id());
            } else {
                tryLater();
            }
        }

        /** What it was to abort has completed. */
        void targetEnded() {
            target = null;
            if (thread.retries.remove(this)) {
                end();
            }
        }

        @Override
        protected void onComplete(int status) {
            // In a stack SPDK also says yes when a layer below had done its part, and the one above keeps the I/O.
            if (target == null || target.hasCompleted()) {
                end();
            } else {
                tryLater();
            }
        }

        private void tryLater() {
            dueNanos = System.nanoTime() + retryNanos;
            retryNanos = Math.min(2 * retryNanos, LAST_RETRY_NANOS);
            thread.retries.add(this);
            if (retryNanos == LAST_RETRY_NANOS) {
                on.abortDoesNotReach();
            }
        }

        private void end() {
            NativeChannel from = on;
            target = null;
            thread.spareIos.addLast(this);
            if (from != null) {
                from.ownEnded(this);
            }
        }
    }

    /** Memory for the data of an I/O until it completes; null when there is none. */
    MemorySegment copyFor(IoRequest io, int slot, long alignmentBytes) {
        MemorySegment copy = memory().copy(io.lengthBytes(), alignmentBytes);
        if (copy != null) {
            copies.put(slot, copy);
        }
        return copy;
    }

    /** Brings the data of an I/O that was done with a copy to where they belong. */
    private int finishCopy(int slot, int status) {
        MemorySegment copy = copies.remove(slot);
        if (copy == null) {
            return status;
        }
        IoRequest io = context.request(slot);
        int result = status;
        if (status == 0 && io.type() == IoType.READ) {
            io.copyFrom(copy, 0);
        } else if (status == 0 && io.type() == IoType.COMPARE) {
            result = equals(io, copy) ? 0 : IoStatus.MISCOMPARE;
        }
        memory().freeCopy(copy);
        return result;
    }

    private static boolean equals(IoRequest io, MemorySegment copy) {
        long at = 0;
        for (int i = 0; i < io.segmentCount(); i++) {
            MemorySegment piece = io.segment(i);
            if (MemorySegment.mismatch(piece, 0, piece.byteSize(), copy, at, at + piece.byteSize()) >= 0) {
                return false;
            }
            at += piece.byteSize();
        }
        return true;
    }

    @Override
    public void complete(int slot, int status) {
        int result = copies.isEmpty() ? status : finishCopy(slot, status);
        if (blobChannels != 0) {
            IoRequest io = context.request(slot);
            if (io.channel() instanceof NativeBlobChannel channel) {
                result = channel.result(io, result);
            }
        }
        context.completeNow(slot, result);
    }

    @Override
    public int poll() {
        int work = retries.isEmpty() ? 0 : retryAborts();
        if (pollRing() != 0) {
            context.now(clock.nanosAt(ring.ticks()));
            work += ring.drain(this);
        }
        work += ring.drainRequests(this);
        if (!stores.isEmpty() || !doneCalls.isEmpty() || !later.isEmpty()) {
            work += pollStores();
        }
        return ring.lastPoll() > 0 ? work + 1 : work;
    }

    private int pollRing() {
        if (callsUnderWay == 0) {
            return ring.poll(address, 0);
        }
        try (SpinLock _ = metadataGuard.acquire()) {
            return ring.poll(address, 0);
        }
    }

    private int pollStores() {
        int work = 0;
        for (Runnable task = later.poll(); task != null; task = later.poll()) {
            task.run();
            work++;
        }
        for (BlobCalls.Call call = doneCalls.pollFirst(); call != null; call = doneCalls.pollFirst()) {
            callsUnderWay--;
            call.handOut();
            work++;
        }
        for (int i = stores.size() - 1; i >= 0 && i < stores.size(); i--) {
            if (stores.get(i).isAbandoned()) {
                stores.get(i).tryEnd();
            }
        }
        return work;
    }

    /** Blobstore sends messages to threads that have to do with it, and those don't wake anybody. */
    @Override
    public boolean isIdle() {
        return ring.pending() == 0 && stores.isEmpty() && blobChannels == 0 && callsUnderWay == 0 && later.isEmpty();
    }

    // ---- stores

    void storeOpened(NativeBlobstore store) {
        stores.add(store);
    }

    void storeEnded(NativeBlobstore store) {
        stores.remove(store);
    }

    void blobChannelOpened() {
        blobChannels++;
    }

    void blobChannelClosed() {
        blobChannels--;
    }

    /** Has something done in the next poll, also when the thread has exited and SPDK's part of it lives on. */
    void later(Runnable task) {
        later.add(task);
    }

    SpinLock metadataLock() {
        return metadataGuard.acquire();
    }

    void callBegun() {
        callsUnderWay++;
    }

    /** A call has its result; called from C. */
    void callDone(BlobCalls.Call call) {
        doneCalls.addLast(call);
    }

    /** Asks the device of a store to abort what it does for the I/O in a slot. */
    void abortBlobIo(int slot) {
        // It has ended when the ring has taken it, and so needs no channel to wait for it.
        OwnIo abort = ownIo(null);
        abort.begin();
        ring.submit(BdevRing.BLOB_ABORT, slotOf(abort), 0, 0, 0, 0, 0, 0, slot, 0);
    }

    // ---- the end

    @Override
    public void close() {
        long begin = System.nanoTime();
        boolean helped = false;
        while (isInUse()) {
            int _ = poll();
            long nanos = System.nanoTime() - begin;
            if (!helped && nanos > HELP_NANOS) {
                helped = true;
                runtime.moveLimits(() -> !exited);
            }
            if (nanos > HAND_OVER_NANOS) {
                handOver();
                return;
            }
            Thread.onSpinWait();
        }
        int _ = as(() -> ThreadH.spdk_thread_exit(spdkThread));
        begin = System.nanoTime();
        while (!ThreadH.spdk_thread_is_exited(spdkThread)) {
            int _ = poll();
            Thread.onSpinWait();
        }
        if (System.nanoTime() - begin > FORCED_NANOS) {
            exited = true;
            // SPDK has given up by itself; freeing it now would be worse than to keep it.
            System.getLogger("io.spdkio")
                    .log(
                            System.Logger.Level.WARNING,
                            "SPDK thread ''{0}'' does not exit and stays allocated",
                            context.thread().name());
            return;
        }
        free();
    }

    /** Whether stores or channels, of whomever, are still on the SPDK thread. */
    private boolean isInUse() {
        return !stores.isEmpty() || as(() -> SpdkThreads.hasChannels(spdkThread));
    }

    @Override
    public void giveUp() {
        if (!stores.isEmpty()) {
            handOver();
        }
    }

    /**
     * Others still have to do with stores or channels that were left behind here, and SPDK sends them messages through
     * this SPDK thread: the app thread polls it until they are gone.
     */
    private void handOver() {
        boolean freed = context.outstanding() == 0;
        var _ =
                runtime.app()
                        .submit(() -> {
                            boolean[] exiting = new boolean[1];
                            runtime.app().poll(() -> pollAfterwards(exiting, freed));
                            return null;
                        });
    }

    private int pollAfterwards(boolean[] exiting, boolean freed) {
        int work = poll();
        if (!exiting[0] && isInUse()) {
            return work;
        }
        if (!exiting[0]) {
            exiting[0] = true;
            int _ = as(() -> ThreadH.spdk_thread_exit(spdkThread));
        }
        if (!ThreadH.spdk_thread_is_exited(spdkThread)) {
            return work;
        }
        if (freed) {
            free();
        }
        return -1;
    }

    private void free() {
        exited = true;
        ring.detach();
        ThreadH.spdk_thread_destroy(spdkThread);
        ring.close();
        arena.close();
    }

    // ---- serving devices written in Java

    Memory memory() {
        return runtime.memory();
    }

    void answer(long io, int status) {
        ring.answer(io, status);
    }

    /** Opens the backend's channel of a device of which SPDK has just given a channel; throws what the backend does. */
    void openCustomChannel(CustomDevice device) {
        int _ = ring.drainRequests(this);
        Integer channel = unopened.get(device.id());
        if (channel != null) {
            customChannels.put(channel, new CustomChannel(device, this));
            unopened.remove(device.id());
        }
    }

    @Override
    public void channelCreated(int device, int channel) {
        CustomDevice on = runtime.customDevice(device);
        if (on != null) {
            try {
                customChannels.put(channel, new CustomChannel(on, this));
            } catch (Throwable e) {
                // Whoever opened it tries again, and hears of it.
                unopened.put(device, channel);
            }
        }
    }

    @Override
    public void channelDestroyed(int device, int channel) {
        unopened.remove(device, channel);
        CustomChannel gone = customChannels.remove(channel);
        if (gone != null) {
            gone.close();
        }
    }

    @Override
    public void request(
            long io,
            int device,
            int channel,
            int operation,
            long offsetBlocks,
            long blockCount,
            long vectors,
            int vectorCount,
            long extra,
            int extraCount) {
        CustomChannel on = customChannels.get(channel);
        if (on == null) {
            answer(io, -Errno.EIO);
            return;
        }
        switch (operation) {
            case BdevRing.ABORT -> on.abort(extra, io);
            case BdevRing.RESET ->
                    on.device()
                            .reset(() -> {
                                if (context.isCurrent()) {
                                    answer(io, 0);
                                } else {
                                    boolean _ = context.post(() -> answer(io, 0));
                                }
                            });
            default ->
                    on.submit(
                            on.take()
                                    .describe(
                                            io,
                                            CustomDevice.type(operation),
                                            offsetBlocks,
                                            blockCount,
                                            vectors,
                                            vectorCount,
                                            extra,
                                            extraCount));
        }
    }

    @Override
    public void destruct(int device) {
        throw new IllegalStateException("devices are registered, and so destructed, on the app thread");
    }

    @Override
    public void gone(int device) {
        throw new IllegalStateException("devices are registered, and so freed, on the app thread");
    }
}
