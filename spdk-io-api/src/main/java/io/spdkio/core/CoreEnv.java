package io.spdkio.core;

import io.spdkio.CpuSet;
import io.spdkio.EngineInfo;
import io.spdkio.Errno;
import io.spdkio.IdleStrategy;
import io.spdkio.IoDeviceId;
import io.spdkio.JoinHandle;
import io.spdkio.Rpc;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.Bdevs;
import io.spdkio.bdev.OpenMode;
import io.spdkio.blob.Blobstores;
import io.spdkio.dma.Dma;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/** The environment: owns the engine, and knows every thread and open descriptor. */
final class CoreEnv implements SpdkEnv {
    private final EngineConfig config;
    private final EngineInfo info;
    private final String reason;
    private final int ioPoolSize;
    private final Duration closeTimeout;
    private final Thread.UncaughtExceptionHandler handler;
    private final Engine engine;
    private final CoreDma dma;
    private final CoreBdevs bdevs;
    private final CoreRpc rpc;
    private final CoreBlobstores blobstores;

    private final AtomicLong ids = new AtomicLong();
    private final Map<Long, CoreThread> threads = new ConcurrentSkipListMap<>();
    private final Map<Thread, OsThread> osThreads = new ConcurrentHashMap<>();
    private final Set<CoreBdevDesc> descs = ConcurrentHashMap.newKeySet();
    private final Set<CoreBlobstore> stores = ConcurrentHashMap.newKeySet();
    private volatile boolean leaked;
    private volatile boolean closed;
    private boolean freed;

    CoreEnv(
            EngineConfig config,
            EngineProvider provider,
            EngineInfo info,
            String reason,
            int ioPoolSize,
            Duration closeTimeout,
            Thread.UncaughtExceptionHandler handler) {
        this.config = config;
        this.info = info;
        this.reason = reason;
        this.ioPoolSize = ioPoolSize;
        this.closeTimeout = closeTimeout;
        this.handler = handler;
        this.engine = provider.open(config);
        long limit = config.memSizeMb().isPresent() ? (long) config.memSizeMb().getAsInt() << 20 : Long.MAX_VALUE;
        this.dma = new CoreDma(this, engine, limit);
        this.bdevs = new CoreBdevs(this, engine);
        this.rpc = new CoreRpc(this, engine);
        this.blobstores = new CoreBlobstores(this, engine);
    }

    void checkOpen() {
        if (closed) {
            throw new SpdkException.Closed("environment '" + config.name() + "' is closed; build another");
        }
    }

    LongSupplier clock() {
        return config.clock();
    }

    int ioPoolSize() {
        return ioPoolSize;
    }

    void report(Throwable problem) {
        try {
            handler.uncaughtException(Thread.currentThread(), problem);
        } catch (Throwable again) {
            System.getLogger("io.spdkio").log(System.Logger.Level.ERROR, "the exception handler threw", again);
        }
    }

    @Override
    public String name() {
        return config.name();
    }

    @Override
    public EngineInfo engine() {
        return info;
    }

    @Override
    public String engineReason() {
        return reason;
    }

    @Override
    public CpuSet cores() {
        return engine.cores();
    }

    // ---- threads

    @Override
    public SpdkThread attachThread(String name) {
        if (Thread.currentThread().isVirtual()) {
            throw new IllegalStateException(
                    "an SPDK thread is attached to a platform thread, and this is a virtual one; use spawnThread");
        }
        return attach(name);
    }

    private CoreThread attach(String name) {
        Objects.requireNonNull(name, "name");
        checkOpen();
        OsThread os = osThreads.computeIfAbsent(Thread.currentThread(), OsThread::new);
        CoreThread thread = new CoreThread(this, engine, name, ids.incrementAndGet(), os);
        os.attach(thread);
        threads.put(thread.id(), thread);
        if (closed) {
            // close() may have looked before this one was in the list.
            thread.exitNow();
        }
        return thread;
    }

    @Override
    public SpdkThread attachThread(String name, Executor executor) {
        Objects.requireNonNull(executor, "executor");
        checkOpen();
        CompletableFuture<CoreThread> attached = new CompletableFuture<>();
        executor.execute(() -> {
            if (attached.isDone()) {
                return; // nobody waits any more
            }
            try {
                CoreThread thread = attach(name);
                CompletableFuture<Void> turns = thread.pollOn(executor);
                if (turns.isCompletedExceptionally()) {
                    thread.close();
                    attached.completeExceptionally(turns.exceptionNow());
                } else if (!attached.complete(thread)) {
                    thread.exit();
                }
            } catch (Throwable e) {
                attached.completeExceptionally(e);
            }
        });
        CompletableFuture.delayedExecutor(closeTimeout.toNanos(), TimeUnit.NANOSECONDS)
                .execute(() ->
                        attached.completeExceptionally(
                                new SpdkException.TimedOut(
                                        "the executor did not run a task within "
                                                + closeTimeout
                                                + ". It is busy, or this is its own thread: call attachThread(name)"
                                                + " there",
                                        -Errno.ETIMEDOUT)));
        return CoreThread.result(attached);
    }

    @Override
    public <T> JoinHandle<T> spawnThread(String name, Function<? super SpdkThread, ? extends T> body) {
        return spawn(name, Optional.empty(), body);
    }

    @Override
    public <T> JoinHandle<T> spawnThread(String name, CpuSet pinTo, Function<? super SpdkThread, ? extends T> body) {
        if (!cores().cores().containsAll(pinTo.cores())) {
            throw new IllegalArgumentException(
                    "cores " + pinTo + " are not all among those of the environment, " + cores());
        }
        return spawn(name, Optional.of(pinTo), body);
    }

    private <T> JoinHandle<T> spawn(
            String name, Optional<CpuSet> pinTo, Function<? super SpdkThread, ? extends T> body) {
        Objects.requireNonNull(body, "body");
        checkOpen();
        CompletableFuture<CoreThread> attached = new CompletableFuture<>();
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform()
                .name(config.name() + "-" + name)
                .daemon(true)
                .start(() -> {
                    CoreThread thread;
                    try {
                        pinTo.ifPresent(engine::pin);
                        thread = attach(name);
                    } catch (Throwable e) {
                        attached.completeExceptionally(e);
                        return;
                    }
                    attached.complete(thread);
                    T value = null;
                    Throwable problem = null;
                    try {
                        value = body.apply(thread);
                    } catch (Throwable e) {
                        problem = e;
                    }
                    try {
                        thread.os().closeAll();
                    } catch (Throwable e) {
                        problem = problem == null ? e : problem;
                    }
                    if (problem == null) {
                        result.complete(value);
                    } else {
                        result.completeExceptionally(problem);
                    }
                });
        return new CoreJoinHandle<>(this, CoreThread.result(attached), result);
    }

    void threadExited(CoreThread thread) {
        if (thread.leaksIo()) {
            leaked = true;
        }
        threads.remove(thread.id());
        if (thread.os().current() == null) {
            osThreads.remove(thread.osThread(), thread.os());
        }
    }

    /** The SPDK thread that the caller has to poll while it waits for something; null when it may block. */
    CoreThread polledByCaller() {
        OsThread os = osThreads.get(Thread.currentThread());
        CoreThread current = os == null ? null : os.current();
        return current == null || current.state() == SpdkThread.State.EXITED || current.isDeep() ? null : current;
    }

    /** The SPDK thread that the caller runs on; null when it runs on none. */
    CoreThread current() {
        OsThread os = osThreads.get(DirectStyle.osThread());
        return os == null ? null : os.current();
    }

    @Override
    public Optional<SpdkThread> currentThread() {
        return Optional.ofNullable(current());
    }

    @Override
    public List<SpdkThread> threads() {
        return List.copyOf(threads.values());
    }

    // ---- devices

    BdevDesc open(CoreBdev bdev, OpenMode mode, Consumer<? super BdevEvent> listener) {
        checkOpen();
        CoreThread thread = current();
        if (thread == null) {
            throw new IllegalStateException(
                    "'"
                            + bdev.name()
                            + "' is opened on an SPDK thread, and none is attached here; call SpdkEnv.attachThread"
                            + " first");
        }
        CoreBdevDesc desc = new CoreBdevDesc(thread, bdev, mode, newDeviceId(), listener);
        descs.add(desc);
        return desc;
    }

    void descClosed(CoreBdevDesc desc) {
        descs.remove(desc);
    }

    IoDeviceId newDeviceId() {
        return new IoDeviceId(ids.incrementAndGet());
    }

    void storeOpened(CoreBlobstore store) {
        stores.add(store);
    }

    void storeClosed(CoreBlobstore store) {
        stores.remove(store);
    }

    /** A thread exits: nobody can do anything any more about the metadata that belongs to it. */
    void abandonStores(CoreThread mdThread) {
        stores.forEach(store -> {
            if (store.mdThread() == mdThread) {
                store.abandon();
            }
        });
    }

    @Override
    public Bdevs bdevs() {
        return bdevs;
    }

    @Override
    public Rpc rpc() {
        return rpc;
    }

    @Override
    public Blobstores blobstores() {
        return blobstores;
    }

    @Override
    public Dma dma() {
        return dma;
    }

    // ---- the end

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        CoreThread polled = current();
        if (polled != null && (Thread.currentThread().isVirtual() || polled.isBeingPolled())) {
            throw new IllegalStateException(
                    "the environment can't be closed from inside a poll of '"
                            + polled.name()
                            + "', which it waits for");
        }
        synchronized (this) {
            if (freed) {
                return;
            }
            closed = true;
            engine.removeAll();
            threads.values().forEach(CoreThread::exitNow);
            awaitThreads();
            stores.forEach(CoreBlobstore::abandon);
            descs.forEach(CoreBdevDesc::closeAnyway);
            try {
                if (leaked) {
                    System.getLogger("io.spdkio")
                            .log(
                                    System.Logger.Level.WARNING,
                                    "environment ''{0}'' closes with I/O outstanding; its memory stays allocated",
                                    config.name());
                } else {
                    engine.close();
                    dma.close();
                }
            } finally {
                freed = true;
                Environments.closed();
            }
        }
    }

    private void awaitThreads() {
        long begin = System.nanoTime();
        IdleStrategy idle = IdleStrategy.backoff();
        while (!threads.isEmpty()) {
            int work = 0;
            for (CoreThread thread : threads.values()) {
                if (!thread.osThread().isAlive()) {
                    // Its OS thread has ended without closing it: nobody can be in it, and nobody else will drain it.
                    osThreads.remove(thread.osThread());
                    thread.adopt();
                }
                if (thread.isPolledByCaller()) {
                    work += thread.poll();
                }
            }
            if (System.nanoTime() - begin > closeTimeout.toNanos()) {
                String names = threads.values().stream().map(CoreThread::name).collect(Collectors.joining("', '"));
                throw new SpdkException.Busy(
                        "environment '"
                                + config.name()
                                + "' can't be closed: thread '"
                                + names
                                + "' has not exited within "
                                + closeTimeout
                                + ". Return from its body or poll it, then close again",
                        -Errno.EBUSY);
            }
            idle.idle(work);
        }
    }

    @Override
    public String toString() {
        return "SpdkEnv[" + name() + ", " + info.name() + (closed ? ", closed" : "") + "]";
    }
}
