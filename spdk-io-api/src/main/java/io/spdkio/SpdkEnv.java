package io.spdkio;

import io.spdkio.bdev.Bdevs;
import io.spdkio.blob.Blobstores;
import io.spdkio.core.Environments;
import io.spdkio.dma.Dma;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * The storage environment of this process: the engine, its threads, devices and memory. Everything hangs off it.
 *
 * <p>A process has one open environment at a time. Its methods may be called from any thread.
 *
 * <p>{@link #close} refuses new work, removes the devices, waits for the threads to drain, and frees the memory.
 */
public interface SpdkEnv extends AutoCloseable {
    /**
     * Starts to describe an environment.
     *
     * @return a builder with the defaults
     */
    static Builder builder() {
        return Environments.builder();
    }

    /**
     * Opens an environment with the defaults.
     *
     * @return the environment
     */
    static SpdkEnv open() {
        return builder().build();
    }

    /**
     * The engines found on the class or module path, available or not, the preferred one first.
     *
     * @return what is known about each
     */
    static List<EngineInfo> engines() {
        return Environments.engines();
    }

    /**
     * The name it was given.
     *
     * @return the name
     */
    String name();

    /**
     * The engine that runs.
     *
     * @return what is known about it
     */
    EngineInfo engine();

    /**
     * Why this engine runs: because it was named, or because of what was found.
     *
     * @return a sentence for a person
     */
    String engineReason();

    /**
     * The cores that threads may be pinned to.
     *
     * @return the core mask, or every core of the machine
     */
    CpuSet cores();

    /**
     * Attaches an SPDK thread to the calling OS thread; creates none. Several may be attached to one OS thread.
     *
     * @param name its name
     * @return the thread, which the caller polls, and closes before the OS thread ends
     */
    SpdkThread attachThread(String name);

    /**
     * Attaches an SPDK thread to the thread of a single-threaded executor and lets the executor carry it. Waits for the
     * executor's first turn, as long as the close timeout at the most.
     *
     * @param name its name
     * @param executor a single-threaded executor; not the one that the caller runs on
     * @return the thread; end it with {@link SpdkThread#exit}
     * @throws SpdkException.TimedOut if the executor has no turn for it
     */
    SpdkThread attachThread(String name, Executor executor);

    /**
     * Starts a new OS thread with an SPDK thread attached and runs a body on it. When the body has returned, the thread
     * is drained and ends, and with it what else was attached to the OS thread.
     *
     * @param name its name
     * @param body what to run; it gets the thread
     * @param <T> its result
     * @return a handle to wait on
     */
    <T> JoinHandle<T> spawnThread(String name, Function<? super SpdkThread, ? extends T> body);

    /**
     * The same, with the OS thread pinned to cores.
     *
     * @param name its name
     * @param pinTo the cores it may run on, all of them in {@link #cores}
     * @param body what to run; it gets the thread
     * @param <T> its result
     * @return a handle to wait on
     * @throws SpdkException.Unsupported if this system can't pin threads
     */
    <T> JoinHandle<T> spawnThread(String name, CpuSet pinTo, Function<? super SpdkThread, ? extends T> body);

    /**
     * The SPDK thread that the caller runs on: the one being polled, else the one attached last.
     *
     * @return the thread, or empty when the caller runs on none
     */
    Optional<SpdkThread> currentThread();

    /**
     * The threads that have not exited.
     *
     * @return a snapshot
     */
    List<SpdkThread> threads();

    /**
     * The block devices.
     *
     * @return their directory
     */
    Bdevs bdevs();

    /**
     * The control plane: SPDK's JSON-RPC methods.
     *
     * @return what calls them
     */
    Rpc rpc();

    /**
     * The way to blobstores.
     *
     * @return makes and loads them
     */
    Blobstores blobstores();

    /**
     * The memory that devices can reach.
     *
     * @return its allocator
     */
    Dma dma();

    /**
     * Whether {@link #close} has been called.
     *
     * @return true from then on
     */
    boolean isClosed();

    /**
     * Closes the environment: outstanding I/O is aborted, threads of the caller are drained, others are asked to exit
     * and waited for, and everything is freed. Closing twice is once.
     *
     * @throws SpdkException.Busy if a thread did not exit within the close timeout; what it holds stays allocated, so
     *     that nothing crashes
     */
    @Override
    void close();

    /** Describes an environment. Every option has a default that works on a laptop. */
    interface Builder {
        /**
         * Names the environment; shown in thread names and, on native, in DPDK's.
         *
         * @param name the name, not blank; default {@code spdk-io}
         * @return this
         */
        Builder name(String name);

        /**
         * Asks for an engine by name. It is that one or an error.
         *
         * @param engine {@code native}, {@code embedded}, or {@code auto} for the preferred one that starts here;
         *     {@link SpdkEnv#engineReason} says why others did not. Default: what the property {@code spdkio.engine}
         *     names, else {@code auto}
         * @return this
         */
        Builder engine(String engine);

        /**
         * Limits the cores that threads may be pinned to.
         *
         * @param coreMask a mask or list as {@link CpuSet#parse} reads it; default all cores
         * @return this
         */
        Builder coreMask(String coreMask);

        /**
         * The core of the first thread (native only; embedded checks it and pins nothing by itself).
         *
         * @param core a core in the core mask
         * @return this
         */
        Builder mainCore(int core);

        /**
         * The most memory that buffers may take.
         *
         * @param mebibytes MiB, at least 1; default: no limit on embedded; on native all free hugepages, as they are
         *     needed, and 1024 MiB of ordinary memory
         * @return this
         */
        Builder memSizeMb(int mebibytes);

        /**
         * The shared-memory id for DPDK's multi-process mode (native only).
         *
         * @param id the id, or -1 (the default) for none
         * @return this
         */
        Builder shmId(int id);

        /**
         * Leaves PCI devices alone (native only).
         *
         * @param noPci true to skip the PCI bus; default: the property {@code spdkio.noPci}, else false
         * @return this
         */
        Builder noPci(boolean noPci);

        /**
         * Runs without hugepages (native only; embedded needs none).
         *
         * @param noHuge true for ordinary memory, which devices on the PCI bus may not reach; default: the property
         *     {@code spdkio.noHuge}, else false
         * @return this
         */
        Builder noHuge(boolean noHuge);

        /**
         * Makes one file for each hugepage segment (native only).
         *
         * @param single true for single segments
         * @return this
         */
        Builder hugepageSingleSegments(boolean single);

        /**
         * The most I/Os that one thread has outstanding through futures. One more fails with {@link
         * SpdkException.NoMemory}.
         *
         * @param count at least 1; default 65,536 as SPDK's {@code bdev_io} pool
         * @return this
         */
        Builder ioPoolSize(int count);

        /**
         * Told what callbacks, pollers and messages throw. The thread goes on afterwards.
         *
         * @param handler called on the thread concerned; default logs an error
         * @return this
         */
        Builder exceptionHandler(Thread.UncaughtExceptionHandler handler);

        /**
         * The clock behind pollers, deadlines and delays; for tests that make time themselves.
         *
         * @param nanoClock nanoseconds that never go back; default {@link System#nanoTime}
         * @return this
         */
        Builder clock(LongSupplier nanoClock);

        /**
         * How long {@link SpdkEnv#close} waits for other threads to exit.
         *
         * @param timeout more than zero; default 30 seconds
         * @return this
         */
        Builder closeTimeout(java.time.Duration timeout);

        /**
         * Opens the environment.
         *
         * @return the environment, to be closed
         * @throws SpdkException.Busy if one is open already
         * @throws SpdkException.EngineUnavailable if the engine can't run here; says why
         * @throws IllegalArgumentException if a setting is impossible; says which
         */
        SpdkEnv build();
    }
}
