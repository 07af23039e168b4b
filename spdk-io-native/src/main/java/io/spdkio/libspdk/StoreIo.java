package io.spdkio.libspdk;

import io.spdkio.SpdkException;
import io.spdkio.sys.StoreDevice;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;

/**
 * The device of a store, under blobstore, which has not loaded it yet or does nothing with what is read and written. A
 * write is durable when it has completed, where the device flushes. On the metadata thread, or what becomes it.
 */
final class StoreIo {
    private final SpdkRuntime runtime;
    private final NativeThread thread;
    private final NativeBdev bdev;
    private final StoreDevice device;
    private final String what;

    /** What it is for, for messages. */
    StoreIo(SpdkRuntime runtime, NativeThread thread, NativeBdev bdev, StoreDevice device, String what) {
        this.runtime = runtime;
        this.thread = thread;
        this.bdev = bdev;
        this.device = device;
        this.what = what;
    }

    long sizeBytes() {
        return bdev.geometry().sizeBytes();
    }

    /** Reads memory full; that and the offset are whole blocks. */
    CompletableFuture<Void> read(MemorySegment memory, long offset) {
        return transfer(false, memory, offset);
    }

    CompletableFuture<Void> write(MemorySegment memory, long offset) {
        return transfer(true, memory, offset);
    }

    private CompletableFuture<Void> transfer(boolean writing, MemorySegment memory, long offset) {
        MemorySegment done = runtime.blobCalls().onStatus();
        int blockSize = bdev.geometry().blockSize();
        long block = offset / blockSize;
        long blocks = memory.byteSize() / blockSize;
        return runtime.blobCalls()
                .start(
                        thread,
                        argument -> {
                            if (writing) {
                                device.write(memory, block, blocks, done, argument);
                            } else {
                                device.read(memory, block, blocks, done, argument);
                            }
                        })
                .thenAccept(result -> {
                    if (result.status() != 0) {
                        throw SpdkException.of(
                                "%s: metadata can't be %s".formatted(what, writing ? "written" : "read"),
                                result.status());
                    }
                });
    }

    void log(String what) {
        System.getLogger("io.spdkio").log(System.Logger.Level.INFO, "''{0}'': {1}", bdev.name(), what);
    }
}
