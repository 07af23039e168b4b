package io.spdkio.core;

import io.spdkio.IoDeviceId;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** A loaded store: brings metadata operations to its metadata thread, and their results back. */
final class CoreBlobstore implements Blobstore {
    private final CoreEnv env;
    private final CoreThread mdThread;
    private final CoreBdev bdev;
    private final EngineBlobstore engine;
    private final IoDeviceId id;
    private final Set<CoreFuture<?>> pending = ConcurrentHashMap.newKeySet();
    private final SpinLock channelsLock = new SpinLock();
    private final List<StoreChannel> channels = new ArrayList<>();
    private volatile boolean closed;
    private volatile boolean abandoned;

    CoreBlobstore(CoreThread mdThread, CoreBdev bdev, EngineBlobstore engine) {
        this.env = mdThread.env();
        this.mdThread = mdThread;
        this.bdev = bdev;
        this.engine = engine;
        this.id = env.newDeviceId();
        env.storeOpened(this);
    }

    CoreEnv env() {
        return env;
    }

    CoreThread mdThread() {
        return mdThread;
    }

    String target() {
        return "the blobstore on '" + bdev.name() + "'";
    }

    private SpdkException.Closed closedException() {
        return new SpdkException.Closed(
                abandoned
                        ? target()
                                + " was left behind when its metadata thread '"
                                + mdThread.name()
                                + "' exited; load it again on another thread"
                        : target() + " is unloaded; load it again");
    }

    /** Also of one that is closed: then as it was last. */
    long lastFreeClusters() {
        return engine.freeClusters();
    }

    void checkOpen() {
        if (closed) {
            throw closedException();
        }
    }

    // ---- operations

    /** Carries an operation out on the metadata thread. Its future completes on the caller's thread. */
    <S, T> IoFuture<T> onMdThread(
            Supplier<? extends CompletionStage<? extends S>> operation, Function<? super S, ? extends T> result) {
        return new Operation<S, T>(operation, result, false).begin();
    }

    /** The same for the store itself: fails when it is unloaded by then. */
    private <S, T> IoFuture<T> operation(
            Supplier<? extends CompletionStage<? extends S>> operation, Function<? super S, ? extends T> result) {
        checkOpen();
        return new Operation<S, T>(operation, result, true).begin();
    }

    /** The thread on which a future of the caller's completes. */
    private CoreThread home() {
        CoreThread caller = env.current();
        return caller == null ? mdThread : caller;
    }

    /** An operation on its way to the metadata thread and back, and the future of its result. */
    private final class Operation<S, T> extends CoreFuture<T> implements Runnable, BiConsumer<S, Throwable> {
        private final Supplier<? extends CompletionStage<? extends S>> operation;
        private final Function<? super S, ? extends T> result;
        private final boolean whileOpen;

        Operation(
                Supplier<? extends CompletionStage<? extends S>> operation,
                Function<? super S, ? extends T> result,
                boolean whileOpen) {
            super(home());
            this.operation = operation;
            this.result = result;
            this.whileOpen = whileOpen;
        }

        Operation<S, T> begin() {
            pending.add(this);
            if (mdThread.isCurrent()) {
                run();
            } else if (!mdThread.post(this)) {
                pending.remove(this);
                completeExceptionally(closedException());
            } else if (abandoned) {
                // It exited in between, and may have looked before this one was in the set.
                fail(this);
            }
            return this;
        }

        /** On the metadata thread. */
        @Override
        public void run() {
            CompletionStage<? extends S> stage;
            try {
                if (whileOpen) {
                    checkOpen();
                }
                stage = operation.get();
            } catch (Throwable e) {
                stage = CompletableFuture.failedFuture(e);
            }
            var _ = stage.whenComplete(this);
        }

        /** The engine has done it. */
        @Override
        public void accept(S value, Throwable problem) {
            pending.remove(this);
            if (thread().isCurrent() || !thread().post(() -> settle(value, problem))) {
                settle(value, problem);
            }
        }

        private void settle(S value, Throwable problem) {
            if (problem == null) {
                T made = result.apply(value);
                if (!complete(made) && made instanceof CoreBlob blob) {
                    // It was cancelled, or timed out: nobody gets the blob to close it.
                    var _ = blob.closeAsync();
                }
            } else {
                completeExceptionally(CoreBlobstore.unwrapped(problem));
            }
        }
    }

    static Throwable unwrapped(Throwable problem) {
        return problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
    }

    private void fail(CoreFuture<?> future) {
        if (pending.remove(future)) {
            future.completeExceptionally(closedException());
        }
    }

    private static <T> CompletionStage<T> now(T value) {
        return CompletableFuture.completedFuture(value);
    }

    private static Optional<BlobId> idOf(OptionalLong value) {
        return value.isPresent() ? Optional.of(new BlobId(value.getAsLong())) : Optional.empty();
    }

    private static OptionalLong valueOf(Optional<BlobId> blob) {
        return blob.map(it -> OptionalLong.of(it.value())).orElseGet(OptionalLong::empty);
    }

    /** The blob's names and values, copied, in order. */
    private static Map<String, byte[]> copied(Map<String, byte[]> xattrs) {
        Map<String, byte[]> copy = new LinkedHashMap<>();
        xattrs.forEach((name, value) -> {
            CoreBlob.requireName(name);
            copy.put(name, value.clone());
        });
        return copy;
    }

    // ---- channels

    void channelOpened(StoreChannel channel) {
        try (SpinLock _ = channelsLock.acquire()) {
            checkOpen();
            channels.add(channel);
        }
    }

    void channelReleased(StoreChannel channel) {
        try (SpinLock _ = channelsLock.acquire()) {
            channels.remove(channel);
        }
    }

    private void closeChannels() {
        List<StoreChannel> open;
        try (SpinLock _ = channelsLock.acquire()) {
            open = List.copyOf(channels);
        }
        open.forEach(channel -> channel.thread().onOwnThread(channel::close));
    }

    // ---- the store

    @Override
    public IoDeviceId ioDeviceId() {
        return id;
    }

    @Override
    public Bdev bdev() {
        return bdev;
    }

    @Override
    public SpdkThread metadataThread() {
        return mdThread;
    }

    @Override
    public String type() {
        return engine.type();
    }

    @Override
    public long clusterSizeBytes() {
        return engine.clusterSizeBytes();
    }

    @Override
    public int pageSizeBytes() {
        return engine.pageSizeBytes();
    }

    @Override
    public int ioUnitSizeBytes() {
        return engine.ioUnitSizeBytes();
    }

    @Override
    public long totalDataClusters() {
        checkOpen();
        return engine.totalDataClusters();
    }

    @Override
    public long freeClusters() {
        checkOpen();
        return engine.freeClusters();
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public IoFuture<Optional<BlobId>> superBlob() {
        return operation(() -> now(engine.superBlob()), CoreBlobstore::idOf);
    }

    @Override
    public IoFuture<Void> setSuperBlob(Optional<BlobId> blob) {
        OptionalLong value = valueOf(blob);
        return operation(() -> engine.setSuperBlob(value), _ -> null);
    }

    @Override
    public IoFuture<Void> grow() {
        return operation(engine::grow, _ -> null);
    }

    @Override
    public IoFuture<Void> unload() {
        return end(engine::unload);
    }

    @Override
    public IoFuture<Void> destroy() {
        return end(engine::destroy);
    }

    private IoFuture<Void> end(Supplier<CompletionStage<Void>> how) {
        return operation(
                () -> {
                    CompletionStage<Void> stage;
                    try {
                        stage = how.get();
                    } catch (SpdkException.Busy e) {
                        // Refused, so that nobody may find it closed, not even for a moment.
                        throw e;
                    } catch (Throwable e) {
                        stage = CompletableFuture.failedFuture(e);
                    }
                    closed = true;
                    return stage.whenComplete((_, problem) -> {
                        if (problem != null && unwrapped(problem) instanceof SpdkException.Busy) {
                            closed = abandoned;
                        } else {
                            env.storeClosed(this);
                            closeChannels();
                        }
                    });
                },
                _ -> null);
    }

    /** Its metadata thread has exited, or the environment is closed. */
    void abandon() {
        if (!abandoned) {
            closed = true;
            abandoned = true;
            env.storeClosed(this);
            pending.forEach(this::fail);
            closeChannels();
            engine.abandon();
        }
    }

    @Override
    public void close() {
        if (!closed) {
            try {
                unload().join();
            } catch (SpdkException.Closed e) {
                if (!closed) {
                    throw e;
                }
                // Somebody else was faster.
            }
        }
    }

    // ---- its blobs

    @Override
    public BlobCursor blobs() {
        return new BlobCursor() {
            private OptionalLong at = OptionalLong.empty();

            @Override
            public IoFuture<Optional<BlobId>> next() {
                return operation(
                        () -> engine.nextBlob(at),
                        found -> {
                            // At the end it stays where it is: a blob that is created later may still be met.
                            if (found.isPresent()) {
                                at = found;
                            }
                            return idOf(found);
                        });
            }
        };
    }

    @Override
    public IoFuture<BlobId> create(BlobOptions options) {
        Objects.requireNonNull(options, "options");
        return operation(() -> engine.createBlob(options), BlobId::new);
    }

    @Override
    public IoFuture<Blob> open(BlobId blob, ClearMethod clearMethod) {
        Objects.requireNonNull(blob, "id");
        Objects.requireNonNull(clearMethod, "clearMethod");
        return operation(() -> engine.openBlob(blob.value(), clearMethod), opened -> new CoreBlob(this, blob, opened));
    }

    @Override
    public IoFuture<Void> delete(BlobId blob) {
        Objects.requireNonNull(blob, "id");
        return operation(() -> engine.deleteBlob(blob.value()), _ -> null);
    }

    @Override
    public IoFuture<BlobId> snapshot(BlobId blob, Map<String, byte[]> xattrs) {
        Objects.requireNonNull(blob, "id");
        Map<String, byte[]> copy = copied(xattrs);
        return operation(() -> engine.snapshotBlob(blob.value(), copy), BlobId::new);
    }

    @Override
    public IoFuture<BlobId> clone(BlobId blob, Map<String, byte[]> xattrs) {
        Objects.requireNonNull(blob, "id");
        Map<String, byte[]> copy = copied(xattrs);
        return operation(() -> engine.cloneBlob(blob.value(), copy), BlobId::new);
    }

    @Override
    public IoFuture<Void> inflate(BlobId blob) {
        Objects.requireNonNull(blob, "id");
        return operation(() -> engine.inflateBlob(blob.value()), _ -> null);
    }

    @Override
    public IoFuture<Void> decoupleParent(BlobId blob) {
        Objects.requireNonNull(blob, "id");
        return operation(() -> engine.decoupleParent(blob.value()), _ -> null);
    }

    @Override
    public IoFuture<List<BlobId>> clonesOf(BlobId blob) {
        Objects.requireNonNull(blob, "id");
        return operation(() -> now(engine.clones(blob.value())), ids -> ids.stream().map(BlobId::new).toList());
    }

    @Override
    public IoFuture<Optional<BlobId>> parentOf(BlobId blob) {
        Objects.requireNonNull(blob, "id");
        return operation(() -> now(engine.parent(blob.value())), CoreBlobstore::idOf);
    }

    @Override
    public String toString() {
        return "Blobstore[" + bdev.name() + (closed ? ", closed" : "") + "]";
    }
}
