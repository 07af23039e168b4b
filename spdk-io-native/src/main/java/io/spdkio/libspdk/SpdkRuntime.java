package io.spdkio.libspdk;

import io.spdkio.CpuSet;
import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.QosLimits;
import io.spdkio.spi.EngineConfig;
import io.spdkio.sys.BdevRequests;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.NativeException;
import io.spdkio.sys.SpdkLibrary;
import io.spdkio.sys.SpdkThreads;
import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.BdevModuleH;
import io.spdkio.sys.raw.EnvH;
import io.spdkio.sys.raw.InitH;
import io.spdkio.sys.raw.ThreadH;
import io.spdkio.sys.raw.spdk_bdev_event_cb_t;
import io.spdkio.sys.raw.spdk_bdev_histogram_status_cb;
import io.spdkio.sys.raw.spdk_bdev_module;
import io.spdkio.sys.raw.spdk_bdev_opts;
import io.spdkio.sys.raw.spdk_env_opts;
import io.spdkio.sys.raw.spdk_msg_fn;
import io.spdkio.sys.raw.spdk_subsystem_init_fn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * SPDK in this process. DPDK starts once a process, so it is started for the first environment and kept for those that
 * follow; a hook ends it with the process.
 */
final class SpdkRuntime {
    private static final long START_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long STOP_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** There is one SPDK in a process; guarded by the class. */
    private static SpdkRuntime running;

    /** Why it can't be started any more. */
    private static String broken;

    private final StartSettings settings;
    private final AppThread app;
    private final SpdkLog log;
    private final Arena arena = Arena.ofShared();
    private final Memory memory = new Memory();
    private final Map<Integer, CustomDevice> customDevices = new ConcurrentHashMap<>();
    private final AtomicInteger customIds = new AtomicInteger();
    private final Map<Long, IntConsumer> eventSinks = new ConcurrentHashMap<>();
    private final Map<Long, CompletableFuture<Integer>> limiting = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private JsonRpc rpc;
    private final BlobCalls blobCalls = new BlobCalls(arena);
    private MemorySegment module;
    private MemorySegment onBdevEvent;
    private MemorySegment onLimited;

    private SpdkRuntime(StartSettings settings) {
        this.settings = settings;
        this.log = new SpdkLog();
        this.app = new AppThread("spdk-app");
    }

    /** Starts SPDK, or finds it running with settings that serve. */
    static synchronized SpdkRuntime start(EngineConfig config) {
        if (running != null) {
            running.settings.requireServes(config);
            return running;
        }
        if (broken != null) {
            throw new SpdkException.EngineUnavailable("SPDK can't be started in this process any more: " + broken);
        }
        StartSettings settings = StartSettings.of(config);
        try {
            SpdkLibrary.load();
        } catch (NativeException e) {
            throw new SpdkException.EngineUnavailable("engine 'native': " + e.getMessage());
        }
        SpdkRuntime runtime = new SpdkRuntime(settings);
        try {
            runtime.begin();
        } catch (SpdkException e) {
            broken = e.getMessage();
            throw e;
        }
        running = runtime;
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("spdk-end").unstarted(runtime::end));
        return runtime;
    }

    private void begin() {
        app.start();
        CompletableFuture<Void> started =
                app.submit(() -> {
                    beginOnAppThread();
                    return null;
                });
        try {
            started.get(2 * START_NANOS, TimeUnit.NANOSECONDS);
        } catch (TimeoutException | InterruptedException e) {
            throw failed("it did not start within two minutes", "");
        } catch (java.util.concurrent.ExecutionException e) {
            app.stop();
            if (e.getCause() instanceof SpdkException cause) {
                throw cause;
            }
            throw new IllegalStateException("SPDK could not be started", e.getCause());
        }
    }

    private SpdkException failed(String what, String advice) {
        String logged = log.takeLastError();
        return new SpdkException.EngineUnavailable(
                "SPDK did not start: " + what + (logged.isEmpty() ? "" : "; it says: " + logged) + advice);
    }

    private void beginOnAppThread() {
        MemorySegment options = spdk_env_opts.allocate(arena);
        spdk_env_opts.opts_size(options, spdk_env_opts.BYTES);
        EnvH.spdk_env_opts_init(options);
        settings.fill(options, arena);
        int rc = EnvH.spdk_env_init(options);
        if (rc != 0) {
            throw failed("spdk_env_init failed (" + Errno.name(-rc) + ")", settings.advice());
        }
        EnvH.spdk_unaffinitize_thread();

        try {
            SpdkThreads.init(0);
        } catch (NativeException e) {
            throw failed(e.getMessage(), settings.advice());
        }
        MemorySegment appThread = createThread("app");
        ThreadH.spdk_set_thread(appThread);
        app.adopt(appThread);
        serveFromAppThread(appThread);
        app.poll(this::adoptThreads);
        setBdevOptions();
        registerModule();

        AtomicInteger result = new AtomicInteger(1);
        InitH.spdk_subsystem_init(
                spdk_subsystem_init_fn.stub((code, _) -> result.set(code), arena), MemorySegment.NULL);
        app.pollUntil("the start of SPDK's subsystems", () -> result.get() != 1, START_NANOS);
        if (result.get() != 0) {
            throw failed("a subsystem failed (" + Errno.name(-result.get()) + ")", settings.advice());
        }
        rpc = new JsonRpc();
        // What was complained of on the way to a start that worked is no reason for what fails later.
        String _ = log.takeLastError();
        app.poll(rpc::pump);
        app.poll(() -> {
            log.drain();
            return 0;
        });
    }

    /**
     * Devices are not examined when they appear: that reads from them and may claim them behind the program's back, and
     * keeps a slow one from being removed. {@code bdev_examine} does it for who wants it.
     */
    private void setBdevOptions() {
        MemorySegment options = spdk_bdev_opts.allocate(arena);
        BdevH.spdk_bdev_get_opts(options, spdk_bdev_opts.BYTES);
        spdk_bdev_opts.bdev_auto_examine(options, false);
        int rc = BdevH.spdk_bdev_set_opts(options);
        if (rc != 0) {
            throw failed("the options of block devices were refused (" + Errno.name(-rc) + ")", "");
        }
    }

    /** The module in whose name devices are claimed. */
    private void registerModule() {
        onBdevEvent = spdk_bdev_event_cb_t.stub(this::bdevEvent, arena);
        // Of the same shape as the callback of limits, which has no type of its own.
        onLimited = spdk_bdev_histogram_status_cb.stub(this::limited, arena);
        module = spdk_bdev_module.allocate(arena);
        spdk_bdev_module.name(module, arena.allocateFrom("spdk-io"));
        spdk_bdev_module.module_init(module, io.spdkio.sys.raw.spdk_bdev_module.module_init_fn.stub(() -> 0, arena));
        BdevModuleH.spdk_bdev_module_list_add(module);
    }

    // ---- threads

    /** Makes an SPDK thread that the caller polls. */
    MemorySegment createThread(String name) {
        try {
            return SpdkThreads.create(name, MemorySegment.NULL);
        } catch (NativeException e) {
            throw new SpdkException.NoMemory(e.getMessage(), -Errno.ENOMEM);
        }
    }

    /** Threads that SPDK has made for itself are polled with the app thread. */
    private int adoptThreads() {
        int adopted = 0;
        for (; SpdkThreads.untaken() > 0; adopted++) {
            MemorySegment thread = SpdkThreads.take();
            if (thread.address() != 0) {
                app.adopt(thread);
            }
        }
        return adopted;
    }

    AppThread app() {
        return app;
    }

    SpdkLog log() {
        return log;
    }

    MemorySegment module() {
        return module;
    }

    /** Calls one of SPDK's methods. Any thread. */
    CompletableFuture<Object> rpc(String method, Map<String, ?> params) {
        return app.start(() -> rpc.call(method, params));
    }

    /** The same, on the app thread. */
    CompletableFuture<Object> rpcHere(String method, Map<String, ?> params) {
        return rpc.call(method, params);
    }

    /**
     * Ends the limits of all limited devices and sets them again. The thread on which a device was limited first keeps
     * a channel for that; with new limits it is another one, and a thread that exits is free to. Any thread.
     *
     * @param needed whether that is still needed
     */
    void moveLimits(BooleanSupplier needed) {
        var _ =
                app.submit(() -> {
                    if (!needed.getAsBoolean()) {
                        return null;
                    }
                    for (MemorySegment bdev = BdevH.spdk_bdev_first();
                            bdev.address() != 0;
                            bdev = BdevH.spdk_bdev_next(bdev)) {
                        QosLimits limits = NativeBdev.limitsOf(bdev);
                        if (!limits.equals(QosLimits.NONE)) {
                            moveLimits(bdev, limits);
                        }
                    }
                    return null;
                });
    }

    private void moveLimits(MemorySegment bdev, QosLimits limits) {
        String name = Memory.text(BdevH.spdk_bdev_get_name(bdev));
        var _ =
                limit(bdev, QosLimits.NONE)
                        .thenCompose(status ->
                                status == 0 && canBeOpened(name)
                                        ? limit(bdev, limits)
                                        : CompletableFuture.completedFuture(status));
    }

    /**
     * Limits a device; the error number, negative. The method for it opens the device, which in SPDK begins a change of
     * its own when there is no channel yet, so that the method fails. On the app thread.
     */
    CompletableFuture<Integer> limit(MemorySegment bdev, QosLimits limits) {
        CompletableFuture<Integer> done = new CompletableFuture<>();
        long id = ids.incrementAndGet();
        limiting.put(id, done);
        try (Arena call = Arena.ofConfined()) {
            MemorySegment all = call.allocate(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_NUM_RATE_LIMIT_TYPES);
            all.setAtIndex(
                    ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_RW_IOPS_RATE_LIMIT, limits.readWriteIosPerSecond());
            all.setAtIndex(
                    ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_RW_BPS_RATE_LIMIT, limits.readWriteMiBPerSecond());
            all.setAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_R_BPS_RATE_LIMIT, limits.readMiBPerSecond());
            all.setAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_W_BPS_RATE_LIMIT, limits.writeMiBPerSecond());
            BdevH.spdk_bdev_set_qos_rate_limits(bdev, all, onLimited, MemorySegment.ofAddress(id));
        }
        return done;
    }

    /** On whichever of SPDK's threads; the future completes on the app thread, outside SPDK. */
    private void limited(MemorySegment context, int status) {
        CompletableFuture<Integer> done = limiting.remove(context.address());
        if (done != null) {
            var _ = app.submit(() -> done.complete(status));
        }
    }

    private boolean canBeOpened(String name) {
        try (Arena opened = Arena.ofConfined()) {
            MemorySegment desc = opened.allocate(ValueLayout.ADDRESS);
            int rc = BdevH.spdk_bdev_open_ext(opened.allocateFrom(name), false, onBdevEvent, MemorySegment.NULL, desc);
            if (rc == 0) {
                BdevH.spdk_bdev_close(desc.get(ValueLayout.ADDRESS, 0));
            }
            return rc == 0;
        }
    }

    /** On the app thread. */
    boolean hasRpcUnderWay() {
        return rpc.isBusy();
    }

    Memory memory() {
        return memory;
    }

    BlobCalls blobCalls() {
        return blobCalls;
    }

    // ---- devices written in Java

    int nextCustomId() {
        return customIds.incrementAndGet();
    }

    void addCustomDevice(CustomDevice device) {
        customDevices.put(device.id(), device);
    }

    void removeCustomDevice(CustomDevice device) {
        customDevices.remove(device.id());
    }

    boolean hasNoCustomDevices() {
        return customDevices.isEmpty();
    }

    /** The device of a number; null when it is gone. Any thread. */
    CustomDevice customDevice(int id) {
        return customDevices.get(id);
    }

    /** The app thread's ring tells of devices that end. */
    private void serveFromAppThread(MemorySegment appThread) {
        BdevRing ring = new BdevRing(1);
        ring.attach(appThread.address());
        BdevRequests requests = new AppRequests(ring);
        app.poll(() -> {
            int work = ring.drainRequests(requests);
            if (ring.unanswered() > 0) {
                // Takes the answers along.
                int _ = ring.poll(appThread.address(), 0);
            }
            return work;
        });
    }

    /** What is asked for on the app thread, where no program's code runs. */
    private final class AppRequests implements BdevRequests {
        private final BdevRing ring;

        AppRequests(BdevRing ring) {
            this.ring = ring;
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
            System.getLogger("io.spdkio")
                    .log(
                            System.Logger.Level.ERROR,
                            "SPDK's own thread wants I/O of a device that is written in Java; those are used from"
                                    + " threads of the environment only");
            ring.answer(io, -Errno.EIO);
        }

        @Override
        public void channelCreated(int device, int channel) {}

        @Override
        public void channelDestroyed(int device, int channel) {}

        @Override
        public void destruct(int device) {
            CustomDevice ended = customDevices.get(device);
            if (ended != null) {
                ended.destructed();
            }
        }

        @Override
        public void gone(int device) {
            CustomDevice ended = customDevices.get(device);
            if (ended != null) {
                ended.gone();
                customDevices.remove(device);
            }
        }
    }

    // ---- events of devices

    MemorySegment onBdevEvent() {
        return onBdevEvent;
    }

    /** Who is told of a descriptor's events, on the app thread; the number is its event context. */
    long addEventSink(IntConsumer sink) {
        long id = ids.incrementAndGet();
        eventSinks.put(id, sink);
        return id;
    }

    void removeEventSink(long id) {
        eventSinks.remove(id);
    }

    private void bdevEvent(int type, MemorySegment bdev, MemorySegment context) {
        IntConsumer sink = eventSinks.get(context.address());
        if (sink != null) {
            sink.accept(type);
        }
    }

    /** The cores that environments of this process may use. */
    static CpuSet cores() {
        return Cpus.ofThisProcess();
    }

    // ---- the end

    private void end() {
        try {
            app.submit(
                            () -> {
                                endOnAppThread();
                                return null;
                            })
                    .get(2 * STOP_NANOS, TimeUnit.NANOSECONDS);
        } catch (Exception e) {
            log.drain();
            System.getLogger("io.spdkio").log(System.Logger.Level.DEBUG, "SPDK was not ended in order", e);
        }
    }

    private void endOnAppThread() {
        synchronized (SpdkRuntime.class) {
            if (NativeEngine.isAnyOpen()) {
                // Threads of the program's may be inside SPDK; the process's end is the only safe one.
                return;
            }
        }
        rpc.close();
        boolean[] done = new boolean[1];
        InitH.spdk_subsystem_fini(spdk_msg_fn.stub(_ -> done[0] = true, arena), MemorySegment.NULL);
        app.pollUntil("the end of SPDK's subsystems", () -> done[0], STOP_NANOS);
        MemorySegment appThread = ThreadH.spdk_thread_get_app_thread();
        ThreadH.spdk_set_thread(appThread);
        int _ = ThreadH.spdk_thread_exit(appThread);
        app.pollUntil("the end of the app thread", () -> ThreadH.spdk_thread_is_exited(appThread), STOP_NANOS);
        app.stop();
        log.drain();
        ThreadH.spdk_set_thread(MemorySegment.NULL);
        ThreadH.spdk_thread_destroy(appThread);
        SpdkThreads.fini();
        EnvH.spdk_env_fini();
        log.drain();
    }
}
