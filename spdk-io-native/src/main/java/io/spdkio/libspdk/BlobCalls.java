package io.spdkio.libspdk;

import io.spdkio.spi.SpinLock;
import io.spdkio.sys.raw.spdk_blob_op_complete;
import io.spdkio.sys.raw.spdk_blob_op_with_handle_complete;
import io.spdkio.sys.raw.spdk_blob_op_with_id_complete;
import io.spdkio.sys.raw.spdk_bs_esnap_dev_create;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Calls of blobstore's functions whose results come by callback. The callbacks find their call by its number and only
 * note what came; the thread that made the call hands it out in its poll, see {@link NativeThread#callDone}.
 */
final class BlobCalls {
    private final AtomicLong ids = new AtomicLong();
    private final Map<Long, Call> calls = new ConcurrentHashMap<>();
    private final Map<Long, ExternalDevices> external = new ConcurrentHashMap<>();
    private final MemorySegment onStatus;
    private final MemorySegment onValue;
    private final MemorySegment onHandle;
    private final MemorySegment onBlob;
    private final MemorySegment onExternal;

    /**
     * What came of a call.
     *
     * @param status 0 or {@code -errno}
     * @param value an id or an address; 0 where there is none
     */
    record Result(int status, long value) {}

    /** Calls a function with the number of the call as its callback's argument. */
    @FunctionalInterface
    interface Start {
        void call(MemorySegment argument);
    }

    /** A call that is under way. */
    static final class Call {
        private final NativeThread thread;
        private final LongConsumer blobs;
        private final CompletableFuture<Result> future = new CompletableFuture<>();
        private Result result;

        private Call(NativeThread thread, LongConsumer blobs) {
            this.thread = thread;
            this.blobs = blobs;
        }

        void handOut() {
            future.complete(result);
        }
    }

    /** For the life of the process. */
    BlobCalls(Arena arena) {
        onStatus = spdk_blob_op_complete.stub((argument, status) -> completed(argument, 0, status), arena);
        onValue = spdk_blob_op_with_id_complete.stub(this::completed, arena);
        onHandle =
                spdk_blob_op_with_handle_complete.stub(
                        (argument, handle, status) -> completed(argument, handle.address(), status), arena);
        onBlob = spdk_blob_op_with_handle_complete.stub((argument, blob, _) -> met(argument, blob), arena);
        onExternal =
                spdk_bs_esnap_dev_create.stub(
                        (context, _, blob, id, idLength, device) ->
                                external.get(context.address()).give(blob, id, idLength, device),
                        arena);
    }

    private void completed(MemorySegment argument, long value, int status) {
        Call call = calls.remove(argument.address());
        call.result = new Result(status, value);
        if (call.thread != null) {
            call.thread.callDone(call);
        }
    }

    private void met(MemorySegment argument, MemorySegment blob) {
        calls.get(argument.address()).blobs.accept(blob.address());
    }

    // ---- for blobstore's functions

    /** A callback with a status: spdk_bs_op_complete and spdk_blob_op_complete. */
    MemorySegment onStatus() {
        return onStatus;
    }

    /** A callback with a blob's id: spdk_blob_op_with_id_complete. */
    MemorySegment onValue() {
        return onValue;
    }

    /** A callback with a pointer: spdk_bs_op_with_handle_complete and spdk_blob_op_with_handle_complete. */
    MemorySegment onHandle() {
        return onHandle;
    }

    /** Told of each blob during a load; its argument is the call's. */
    MemorySegment onBlob() {
        return onBlob;
    }

    /** spdk_bs_esnap_dev_create; its context is what {@link #register} gave. */
    MemorySegment onExternal() {
        return onExternal;
    }

    MemorySegment register(ExternalDevices devices) {
        long id = ids.incrementAndGet();
        external.put(id, devices);
        return MemorySegment.ofAddress(id);
    }

    void unregister(MemorySegment context) {
        external.remove(context.address());
    }

    // ---- calls

    /** Begins a call on its thread, whose poll completes the future. */
    CompletableFuture<Result> start(NativeThread thread, Start start) {
        return start(thread, _ -> {}, start);
    }

    /** The same; whoever goes through blobs is told of each, inside a call from C. */
    CompletableFuture<Result> start(NativeThread thread, LongConsumer blobs, Start start) {
        Call call = new Call(thread, blobs);
        begin(thread, call, start);
        return call.future;
    }

    /** A call whose callback is called before it returns. */
    Result now(NativeThread thread, Start start) {
        Call call = new Call(null, _ -> {});
        begin(thread, call, start);
        if (call.result == null) {
            throw new IllegalStateException("blobstore has not answered at once");
        }
        return call.result;
    }

    private void begin(NativeThread thread, Call call, Start start) {
        long id = ids.incrementAndGet();
        calls.put(id, call);
        if (call.thread != null) {
            thread.callBegun();
        }
        try (SpinLock _ = thread.metadataLock()) {
            thread.as(() -> {
                start.call(MemorySegment.ofAddress(id));
                return null;
            });
        }
    }
}
