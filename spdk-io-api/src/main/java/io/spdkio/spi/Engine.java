package io.spdkio.spi;

import io.spdkio.CpuSet;
import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.LvolStore;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.blob.BlobstoreOptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
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
     * Cuts a device into parts; see {@link io.spdkio.bdev.Bdevs#split}.
     *
     * @param base the name of the device below
     * @param count how many, at least 1
     * @param partMiB the size of each in MiB, 0 for equal shares
     * @return completes with the parts, in order
     */
    default CompletionStage<? extends List<? extends EngineBdev>> splitBdev(String base, int count, long partMiB) {
        return lacks("parts of devices");
    }

    /**
     * Removes every part of a device.
     *
     * @param base the name of the device that was split
     * @return completes when the parts are gone
     */
    default CompletionStage<Void> removeSplit(String base) {
        return lacks("parts of devices");
    }

    /**
     * Makes a store for logical volumes.
     *
     * @param store the store
     * @return completes with its UUID
     */
    default CompletionStage<UUID> createLvolStore(LvolStore store) {
        return lacks("logical volumes");
    }

    /**
     * Removes a store.
     *
     * @param name its name
     * @return completes when it is gone
     */
    default CompletionStage<Void> destroyLvolStore(String name) {
        return lacks("logical volumes");
    }

    /**
     * Attaches to an NVMe controller.
     *
     * @param target where it is
     * @return completes with a device for each namespace
     */
    default CompletionStage<? extends List<? extends EngineBdev>> attachNvme(NvmeTarget target) {
        return lacks("NVMe driver");
    }

    /**
     * Lets go of an NVMe controller.
     *
     * @param name its name
     * @return completes when its devices are gone
     */
    default CompletionStage<Void> detachNvme(String name) {
        return lacks("NVMe driver");
    }

    /**
     * Calls a JSON-RPC method; see {@link io.spdkio.Rpc}.
     *
     * @param method its name
     * @param params its parameters: a copy that holds only {@code Long}, {@code BigInteger}, finite {@code Double},
     *     {@code String}, {@code Boolean}, {@code List}, {@code Map} with strings as keys, and null; empty for a call
     *     without parameters
     * @return completes with the result, made of the same types, or with {@link SpdkException.RpcFailed}
     */
    default CompletionStage<Object> rpc(String method, Map<String, ?> params) {
        return CompletableFuture.failedFuture(
                new SpdkException.RpcFailed(method, SpdkException.RpcFailed.METHOD_NOT_FOUND, "Method not found"));
    }

    /**
     * The answer of an engine that does not have something.
     *
     * @param what what it does not have
     * @param <T> what would have come back
     * @return has failed
     */
    private static <T> CompletionStage<T> lacks(String what) {
        return CompletableFuture.failedFuture(
                new SpdkException.Unsupported(
                        "this engine has no "
                                + what
                                + "; engine 'native' has, see SpdkEnv.Builder.engine and docs/native.md",
                        -Errno.EOPNOTSUPP));
    }

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
     * Makes a blobstore. Called on the thread that becomes its metadata thread; the stage completes there.
     *
     * @param mdThread the calling thread
     * @param bdev the device, which the engine opens and claims
     * @param options its shape
     * @return completes with the store
     */
    default CompletionStage<? extends EngineBlobstore> initBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return noBlobstore();
    }

    /**
     * Loads a blobstore. Called on the thread that becomes its metadata thread; the stage completes there.
     *
     * @param mdThread the calling thread
     * @param bdev the device, which the engine opens and claims
     * @param options what is expected
     * @return completes with the store
     */
    default CompletionStage<? extends EngineBlobstore> loadBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return noBlobstore();
    }

    private static CompletionStage<EngineBlobstore> noBlobstore() {
        return CompletableFuture.failedFuture(
                new SpdkException.Unsupported("this engine has no blobstore; use another", -Errno.EOPNOTSUPP));
    }

    /**
     * Begins to close: removes every device as {@link #destroyBdev} does and does not wait. Threads still poll
     * afterwards.
     */
    void removeAll();

    /** Frees what is left. Called when no thread is attached any more. */
    @Override
    void close();
}
