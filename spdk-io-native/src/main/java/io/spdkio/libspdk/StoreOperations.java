package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;

/**
 * What a store's blobstore is asked for: so much at a time, and once more where devices were missing that blobs are
 * clones of. On the metadata thread.
 */
final class StoreOperations {
    /** More would use up the requests that a store has on its metadata thread; the rest waits here. */
    private static final int MAX_RUNNING = 64;

    /** A chain of clones may be of several devices; this is longer than any. */
    private static final int MAX_ATTEMPTS = 1000;

    private final NativeBlobstore store;
    private final NativeThread thread;
    private final StoreStruct bs;
    private final BlobCalls calls;
    private final ExternalDevices external;

    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int running;

    /** How many blobs operations keep open. These wait for others, and so do not count as running. */
    private int held;

    /** How many operations are done again, now that their external devices are ready. */
    private int retrying;

    StoreOperations(
            NativeBlobstore store, NativeThread thread, StoreStruct bs, BlobCalls calls, ExternalDevices external) {
        this.store = store;
        this.thread = thread;
        this.bs = bs;
        this.calls = calls;
        this.external = external;
    }

    /**
     * What blobstore is asked for.
     *
     * @param needsExternal whether it can't do without the devices that blobs are clones of
     * @param opens whether the result is a struct spdk_blob, for whoever hears of it to close
     */
    private record Operation(
            String what, boolean needsExternal, boolean opens, BlobCalls.Start start, CompletableFuture<Long> done) {
        Operation(String what, boolean needsExternal, boolean opens, BlobCalls.Start start) {
            this(what, needsExternal, opens, start, new CompletableFuture<>());
        }
    }

    // ---- what to ask for

    /** Waits for its turn; completes with the value that the callback gives. */
    CompletableFuture<Long> begin(String what, BlobCalls.Start start) {
        return begin(new Operation(what, true, false, start));
    }

    /** The same, of what has no value. */
    CompletableFuture<Void> run(String what, BlobCalls.Start start) {
        return begin(what, start).thenApply(_ -> null);
    }

    /** The same, of what can do without the devices that blobs are clones of. */
    CompletableFuture<Void> runWithoutExternal(String what, BlobCalls.Start start) {
        return begin(new Operation(what, false, false, start)).thenApply(_ -> null);
    }

    /** Completes with a struct spdk_blob, which is to be closed. */
    CompletableFuture<Long> open(String what, BlobCalls.Start start) {
        return begin(new Operation(what, true, true, start));
    }

    /** Keeps a blob open, so that nobody reads its metadata from the device meanwhile. */
    <T> CompletableFuture<T> holding(String what, long id, LongFunction<CompletableFuture<T>> operation) {
        BlobCalls.Start open = argument -> BlobH.spdk_bs_open_blob(bs.pointer(), id, calls.onHandle(), argument);
        return begin(new Operation(what, false, true, open))
                .thenCompose(address -> {
                    held++;
                    CompletableFuture<T> done = new CompletableFuture<>();
                    var _ =
                            CompletableFuture.completedFuture(address)
                                    .thenCompose(operation::apply)
                                    .whenComplete((result, problem) -> {
                                        var _ =
                                                close(address)
                                                        .thenRun(() -> {
                                                            held--;
                                                            if (problem == null) {
                                                                done.complete(result);
                                                            } else {
                                                                done.completeExceptionally(
                                                                        StoreErrors.unwrapped(problem));
                                                            }
                                                        });
                                    });
                    return done;
                });
    }

    /** Also of a store that has failed; blobstore closes it in any case but when it has no memory to begin. */
    CompletableFuture<BlobCalls.Result> close(long blob) {
        return calls.start(
                        thread,
                        argument -> BlobH.spdk_blob_close(MemorySegment.ofAddress(blob), calls.onStatus(), argument))
                .thenCompose(result -> {
                    if (result.status() != -Errno.ENOMEM) {
                        return CompletableFuture.completedFuture(result);
                    }
                    // All requests are in use: not for long.
                    CompletableFuture<BlobCalls.Result> again = new CompletableFuture<>();
                    thread.later(() -> {
                        var _ = close(blob).thenAccept(again::complete);
                    });
                    return again;
                });
    }

    // ---- what is under way

    /** Counts what does not wait here, but the end of the store has to wait for. */
    void began() {
        running++;
    }

    void finished() {
        finish(() -> {});
    }

    boolean areUnderWay() {
        return running != 0 || held != 0;
    }

    // ---- an operation

    private CompletableFuture<Long> begin(Operation operation) {
        store.checkUsable();
        if (running < MAX_RUNNING) {
            running++;
            attempt(operation, 0);
        } else {
            waiting.addLast(() -> attempt(operation, 0));
        }
        return operation.done;
    }

    private void attempt(Operation operation, int before) {
        var _ =
                calls.start(thread, operation.start)
                        .thenAccept(result -> {
                            if (result.status() == ExternalDevices.MISSING
                                    && external.areMissing()
                                    && before < MAX_ATTEMPTS) {
                                retrying += before == 0 ? 1 : 0;
                                try {
                                    external.find(operation.needsExternal);
                                } catch (Throwable e) {
                                    retried();
                                    finish(() -> operation.done.completeExceptionally(e));
                                    return;
                                }
                                attempt(operation, before + 1);
                                return;
                            }
                            if (before > 0) {
                                retried();
                            }
                            ended(operation, result);
                        });
    }

    /** Nobody else may want what is left. */
    private void retried() {
        if (--retrying == 0) {
            external.discardLeft(thread);
        }
    }

    private void ended(Operation operation, BlobCalls.Result result) {
        boolean done = result.status() == 0;
        if (done && !store.bdev().isRemoved() && !store.hasFailed()) {
            finish(() -> operation.done.complete(result.value()));
            return;
        }
        SpdkException problem =
                store.hasFailed() ? store.errors().failed() : store.errors().of(operation.what, result.status());
        CompletableFuture<?> undone =
                done && operation.opens ? close(result.value()) : CompletableFuture.completedFuture(null);
        var _ = undone.whenComplete((_, _) -> finish(() -> operation.done.completeExceptionally(problem)));
    }

    /** An operation has ended: the next one's turn. */
    private void finish(Runnable tell) {
        Runnable next = waiting.pollFirst();
        if (next == null) {
            running--;
        } else {
            next.run();
        }
        tell.run();
    }
}
