package io.spdkio.spi;

import io.spdkio.CpuSet;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletionStage;

/** An open engine. Every method may be called from any thread unless it says otherwise. */
public interface Engine extends AutoCloseable {
    /**
     * The cores that threads may be pinned to.
     *
     * @return the core mask, or every core
     */
    CpuSet cores();

    /**
     * Pins the calling OS thread.
     *
     * @param cores where it may run
     */
    void pin(CpuSet cores);

    /**
     * Allocates memory that devices can reach, zeroed.
     *
     * @param sizeBytes how much
     * @param alignmentBytes a power of two
     * @param arena frees it when it is closed; a shared arena
     * @return the memory
     * @throws io.spdkio.SpdkException.NoMemory if there is not that much
     */
    MemorySegment allocate(long sizeBytes, long alignmentBytes, Arena arena);

    /**
     * Makes the queue for a thread's messages: many producers, one consumer, no bound.
     *
     * @return a new queue
     */
    Queue<Runnable> newMessageQueue();

    /**
     * Attaches an engine thread to the calling OS thread.
     *
     * @param io the new thread's I/O context
     * @return the thread
     */
    EngineThread attachThread(IoContext io);

    /**
     * Makes a device.
     *
     * @param spec the device
     * @return completes with it
     */
    CompletionStage<? extends EngineBdev> createBdev(BdevSpec spec);

    /**
     * Removes a device.
     *
     * @param name its name
     * @return completes when it is gone
     */
    CompletionStage<Void> destroyBdev(String name);

    /**
     * Resizes a null device.
     *
     * @param name its name
     * @param sizeBytes the new size
     * @return completes when it has that size
     */
    CompletionStage<Void> resizeBdev(String name, long sizeBytes);

    /**
     * Takes the size of an aio device's file again.
     *
     * @param name its name
     * @return completes when the size is known
     */
    CompletionStage<Void> rescanBdev(String name);

    /**
     * Changes a delay device's times.
     *
     * @param name its name
     * @param latencies the new times
     * @return completes when they hold
     */
    CompletionStage<Void> updateDelay(String name, DelayBdev.Latencies latencies);

    /**
     * Adds a rule to an error device.
     *
     * @param name its name
     * @param injection the rule
     * @return completes when it holds
     */
    CompletionStage<Void> injectError(String name, ErrorBdev.Injection injection);

    /**
     * Looks a device up.
     *
     * @param name its name
     * @return the device, or empty
     */
    Optional<? extends EngineBdev> findBdev(String name);

    /**
     * All devices, in the order of their creation.
     *
     * @return a snapshot
     */
    List<? extends EngineBdev> bdevs();

    /**
     * Begins to close: removes every device as {@link #destroyBdev} does and does not wait. Threads still poll
     * afterwards.
     */
    void removeAll();

    /** Frees what is left. Called when no thread is attached any more. */
    @Override
    void close();
}
