package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Beginning and end of a store: it is made or loaded, is unloaded or destroyed, loses its device, or is left behind. On
 * the metadata thread, except where a method says otherwise.
 */
final class StoreLifecycle {
    private static final String UNLOADED = "unloaded";
    private static final String DESTROYED = "destroyed";

    private final NativeBlobstore store;
    private final SpdkRuntime runtime;
    private final BlobCalls calls;
    private final NativeThread thread;
    private final StoreStruct bs;
    private final StoreOperations operations;
    private final OpenBlobs open;
    private final StoreChannels channels;
    private final ExternalDevices external;
    private final MemorySegment externalContext;

    private boolean ending;

    /** Whether the metadata thread exits or has exited. */
    private boolean leftBehind;

    /** Whether it has to be ended for that. */
    private boolean abandoned;

    StoreLifecycle(
            NativeBlobstore store,
            SpdkRuntime runtime,
            NativeThread thread,
            StoreStruct bs,
            StoreOperations operations,
            OpenBlobs open,
            StoreChannels channels,
            ExternalDevices external) {
        this.store = store;
        this.runtime = runtime;
        this.calls = runtime.blobCalls();
        this.thread = thread;
        this.bs = bs;
        this.operations = operations;
        this.open = open;
        this.channels = channels;
        this.external = external;
        this.externalContext = calls.register(external);
    }

    /** What blobstore asks for external devices with. */
    MemorySegment externalContext() {
        return externalContext;
    }

    // ---- the beginning

    /**
     * Init and load: completes when blobstore has made the store.
     *
     * @param blobs told of each struct spdk_blob that a load meets, inside a call from C
     */
    CompletableFuture<Void> begin(String what, LongConsumer blobs, BlobCalls.Start start) {
        operations.began();
        return calls.start(thread, blobs, start)
                .thenCompose(result -> {
                    operations.finished();
                    external.loaded();
                    if (result.status() != 0) {
                        // Blobstore has destroyed its part.
                        SpdkException problem = store.errors().notBegun(what, result.status());
                        return ended().thenCompose(_ -> CompletableFuture.failedFuture(problem));
                    }
                    bs.made(result.value());
                    if (store.hasFailed()) {
                        SpdkException problem = store.errors().failed();
                        ending = true;
                        return forceEnd().thenCompose(_ -> CompletableFuture.failedFuture(problem));
                    }
                    return CompletableFuture.completedFuture(null);
                });
    }

    /** The same, after something that needs the device; when that fails, blobstore never sees it. */
    CompletableFuture<Void> begin(
            String what, LongConsumer blobs, Supplier<CompletableFuture<Void>> before, BlobCalls.Start start) {
        operations.began();
        CompletableFuture<Void> done;
        try {
            done = before.get();
        } catch (SpdkException e) {
            done = CompletableFuture.failedFuture(e);
        }
        return done.whenComplete((_, _) -> operations.finished())
                .exceptionallyCompose(problem -> {
                    external.loaded();
                    thread.as(() -> {
                        store.device().discard();
                        return null;
                    });
                    return ended().thenCompose(_ ->
                            CompletableFuture.failedFuture(
                                    store.bdev().isRemoved()
                                            ? store.errors().removed()
                                            : StoreErrors.unwrapped(problem)));
                })
                .thenCompose(_ -> begin(what, blobs, start));
    }

    // ---- in between

    void checkUsable() {
        if (store.bdev().isRemoved()) {
            throw store.errors().removed();
        }
        if (ending) {
            throw new SpdkException.Closed(store + " is being unloaded; load it again");
        }
        if (store.hasFailed()) {
            throw store.errors().failed();
        }
    }

    // ---- the end

    /** The struct is gone: waits until the device is free. Completes on the metadata thread, if that is there. */
    private CompletableFuture<Void> ended() {
        bs.freed();
        calls.unregister(externalContext);
        external.discardLeft(thread);
        thread.storeEnded(store);
        store.bdev().storeClosed(store);
        CompletableFuture<Void> closed = new CompletableFuture<>();
        var _ =
                runtime.app()
                        .start(() -> runtime.app().when(store.device()::isClosed))
                        .whenComplete((_, _) -> {
                            store.device().release();
                            if (!thread.context().post(() -> closed.complete(null))) {
                                closed.complete(null);
                            }
                        });
        return closed;
    }

    private void requireNothingOpen(String what) {
        if (!open.areNone()) {
            throw new SpdkException.Busy(
                    store + " can't be " + what + ": blobs are open (" + open.names() + "); close them first",
                    -Errno.EBUSY);
        }
    }

    CompletionStage<Void> unload() {
        return end(UNLOADED, argument -> BlobH.spdk_bs_unload(bs.pointer(), calls.onStatus(), argument));
    }

    CompletionStage<Void> destroy() {
        return end(DESTROYED, argument -> BlobH.spdk_bs_destroy(bs.pointer(), calls.onStatus(), argument));
    }

    private CompletionStage<Void> end(String what, BlobCalls.Start start) {
        requireNothingOpen(what);
        if (operations.areUnderWay() || ending) {
            throw new SpdkException.Busy(
                    store + " can't be " + what + ": an operation is under way; wait for that", -Errno.EBUSY);
        }
        ending = true;
        return calls.start(thread, start)
                .thenCompose(result -> {
                    int status = result.status();
                    // One that has failed is as it was then, and the next load recovers it.
                    boolean asWell = store.hasFailed();
                    if (status == -Errno.EBUSY) {
                        ending = false;
                        leaveWhenUnused();
                        throw new SpdkException.Busy(
                                store + " can't be " + what + ": blobs are open; close them first", status);
                    }
                    boolean freed = status == 0 || (status == -Errno.EIO && what.equals(UNLOADED));
                    return (freed ? ended() : forceEnd())
                            .thenCompose(_ -> {
                                if (asWell && what.equals(DESTROYED) && !store.bdev().isRemoved()) {
                                    return CompletableFuture.failedFuture(
                                            store.errors()
                                                    .of(store + " was closed, but could not be " + what, -Errno.EIO));
                                }
                                return status == 0 || asWell || store.bdev().isRemoved()
                                        ? CompletableFuture.completedFuture(null)
                                        : CompletableFuture.failedFuture(
                                                store.errors()
                                                        .of(store + " was closed, but could not be " + what, status));
                            });
                });
    }

    /** Frees the struct without the device. */
    private CompletableFuture<Void> forceEnd() {
        bs.cutOff();
        return calls.start(thread, argument -> BlobH.spdk_bs_unload(bs.pointer(), calls.onStatus(), argument))
                .thenCompose(result -> {
                    if (result.status() != 0 && result.status() != -Errno.EIO) {
                        throw new IllegalStateException(store + " does not end: " + result.status());
                    }
                    return ended();
                });
    }

    /** Its device goes away: ends what is under way. Any thread. */
    void deviceRemoved() {
        bs.cutOff();
        Set<NativeThread> threads = channels.threads();
        threads.add(thread);
        for (NativeThread each : threads) {
            Runnable abort =
                    () ->
                            each.as(() -> {
                                store.device().abort();
                                return null;
                            });
            if (each.context().isCurrent()) {
                abort.run();
            } else {
                boolean _ = each.context().post(abort);
            }
        }
    }

    /** See {@link EngineBlobstore#abandon}. Any thread. */
    void abandon() {
        bs.cutOff();
        thread.later(() -> {
            leftBehind = true;
            leaveWhenUnused();
        });
    }

    private void leaveWhenUnused() {
        if (leftBehind && !ending && !bs.isGone()) {
            ending = true;
            abandoned = true;
        }
    }

    /** Whether it is to be ended as soon as nothing uses it; polled by the metadata thread. */
    boolean isAbandoned() {
        return abandoned;
    }

    /** Ends one that was abandoned when nobody is in it any more. */
    void tryEnd() {
        if (operations.areUnderWay() || !channels.areNone() || bs.isGone()) {
            return;
        }
        abandoned = false;
        CompletableFuture<?>[] closed =
                open.all().stream()
                        .map(NativeBlob::close)
                        .map(CompletionStage::toCompletableFuture)
                        .toArray(CompletableFuture[]::new);
        var _ = CompletableFuture.allOf(closed).handle((_, _) -> null).thenCompose(_ -> forceEnd());
    }
}
