package io.spdkio.core;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.dma.DmaBuf;
import io.spdkio.spi.EngineBlob;
import io.spdkio.spi.SpinLock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** An open blob. The engine closes it when it is closed and no thread has I/O outstanding on it. */
final class CoreBlob implements Blob {
    private final CoreBlobstore store;
    private final BlobId id;
    private final EngineBlob engine;
    private final SpinLock portsLock = new SpinLock();
    private final List<BlobPort> ports = new ArrayList<>();

    /** Completes when it is closed and no thread has I/O outstanding on it. */
    private final CompletableFuture<Void> quiet = new CompletableFuture<>();

    /** Completes when the engine has closed it. */
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    private volatile boolean closed;

    CoreBlob(CoreBlobstore store, BlobId id, EngineBlob engine) {
        this.store = store;
        this.id = id;
        this.engine = engine;
    }

    EngineBlob engine() {
        return engine;
    }

    String target() {
        return "blob " + id + " on '" + store.bdev().name() + "'";
    }

    void checkOpen() {
        if (closed) {
            throw new SpdkException.Closed(target() + " is closed; open it again");
        }
        store.checkOpen();
    }

    static void requireName(String name) {
        if (name.isEmpty() || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "the name of an attribute is not empty and has no zero character; this is '" + name + "'");
        }
    }

    // ---- what it is

    @Override
    public BlobId id() {
        return id;
    }

    @Override
    public CoreBlobstore store() {
        return store;
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public boolean isReadOnly() {
        checkOpen();
        return engine.isReadOnly();
    }

    @Override
    public boolean isThin() {
        checkOpen();
        return engine.isThin();
    }

    @Override
    public boolean isSnapshot() {
        checkOpen();
        return engine.isSnapshot();
    }

    @Override
    public boolean isClone() {
        checkOpen();
        return engine.isClone();
    }

    @Override
    public long clusters() {
        checkOpen();
        return engine.clusters();
    }

    @Override
    public long allocatedClusters() {
        checkOpen();
        return engine.allocatedClusters();
    }

    @Override
    public long ioUnits() {
        checkOpen();
        return engine.sizeBytes() / store.ioUnitSizeBytes();
    }

    @Override
    public OptionalLong nextAllocatedIoUnit(long ioUnit) {
        return nextIoUnit(ioUnit, true);
    }

    @Override
    public OptionalLong nextUnallocatedIoUnit(long ioUnit) {
        return nextIoUnit(ioUnit, false);
    }

    private OptionalLong nextIoUnit(long from, boolean allocated) {
        checkOpen();
        if (from < 0) {
            throw new IllegalArgumentException("an I/O unit's number is not negative: " + from);
        }
        return engine.nextIoUnit(from, allocated);
    }

    // ---- I/O

    private BlobPort port(IoChannel channel) {
        StoreChannel through = StoreChannel.of(channel, store);
        if (closed) {
            checkOpen();
        }
        return through.port(this);
    }

    @Override
    public IoFuture<Void> read(IoChannel channel, DmaBuf buffer, long offset, long length) {
        return port(channel).read(buffer, offset, length);
    }

    @Override
    public IoFuture<Void> write(IoChannel channel, DmaBuf buffer, long offset, long length) {
        return port(channel).write(buffer, offset, length);
    }

    @Override
    public IoFuture<Void> readv(IoChannel channel, List<? extends DmaBuf> buffers, long offset) {
        return port(channel).vectored(IoType.READ, buffers, offset);
    }

    @Override
    public IoFuture<Void> writev(IoChannel channel, List<? extends DmaBuf> buffers, long offset) {
        return port(channel).vectored(IoType.WRITE, buffers, offset);
    }

    @Override
    public IoFuture<Void> writeZeroes(IoChannel channel, long offset, long length) {
        return port(channel).submit(IoType.WRITE_ZEROES, null, offset, length);
    }

    @Override
    public IoFuture<Void> unmap(IoChannel channel, long offset, long length) {
        return port(channel).submit(IoType.UNMAP, null, offset, length);
    }

    @Override
    public IoQueue openQueue(IoChannel channel, int depth, Duration deadline, IoQueue.Handler handler) {
        Objects.requireNonNull(handler, "handler");
        BlobPort to = port(channel);
        to.checkUsable(IoType.READ);
        return new CoreQueue(to, depth, deadline, handler);
    }

    // ---- metadata

    private IoFuture<Void> operation(Supplier<CompletionStage<Void>> operation) {
        checkOpen();
        return store.onMdThread(
                () -> {
                    checkOpen();
                    return operation.get();
                },
                _ -> null);
    }

    private <T> IoFuture<T> question(Supplier<T> question) {
        checkOpen();
        return store.onMdThread(
                () -> {
                    checkOpen();
                    return CompletableFuture.completedFuture(question.get());
                },
                answer -> answer);
    }

    private IoFuture<Void> change(Runnable change) {
        return question(() -> {
            change.run();
            return null;
        });
    }

    @Override
    public IoFuture<Void> resize(long clusters) {
        if (clusters < 0 || clusters > 0xffff_ffffL) {
            throw new IllegalArgumentException("a blob has 0 to " + 0xffff_ffffL + " clusters, not " + clusters);
        }
        return operation(() -> engine.resize(clusters));
    }

    @Override
    public IoFuture<Void> setReadOnly() {
        return change(engine::setReadOnly);
    }

    @Override
    public IoFuture<Void> syncMetadata() {
        return operation(engine::syncMetadata);
    }

    @Override
    public IoFuture<Void> setXattr(String name, byte[] value) {
        requireName(name);
        byte[] copy = value.clone();
        return change(() -> engine.setXattr(name, copy));
    }

    @Override
    public IoFuture<Optional<byte[]>> xattr(String name) {
        requireName(name);
        return question(() -> engine.xattr(name));
    }

    @Override
    public IoFuture<List<String>> xattrNames() {
        return question(engine::xattrNames);
    }

    @Override
    public IoFuture<Void> removeXattr(String name) {
        requireName(name);
        return change(() -> engine.removeXattr(name));
    }

    // ---- the end

    void portOpened(BlobPort port) {
        try (SpinLock _ = portsLock.acquire()) {
            checkOpen();
            ports.add(port);
        }
    }

    void portReleased(BlobPort port) {
        boolean last;
        try (SpinLock _ = portsLock.acquire()) {
            last = ports.remove(port) && closed && ports.isEmpty();
        }
        if (last) {
            quiet.complete(null);
        }
    }

    @Override
    public IoFuture<Void> closeAsync() {
        List<BlobPort> open;
        boolean first;
        try (SpinLock _ = portsLock.acquire()) {
            first = !closed;
            closed = true;
            open = List.copyOf(ports);
        }
        if (first) {
            var _ =
                    quiet.thenCompose(_ -> onMdThread(engine::close))
                            .whenComplete((_, problem) -> {
                                if (problem == null) {
                                    ended.complete(null);
                                } else {
                                    ended.completeExceptionally(CoreBlobstore.unwrapped(problem));
                                }
                            });
        }
        IoFuture<Void> closing = store.onMdThread(() -> ended, _ -> null);
        if (first) {
            open.forEach(port -> port.thread().onOwnThread(port::close));
            if (open.isEmpty()) {
                quiet.complete(null);
            }
        }
        return closing;
    }

    /** The last port may have been released on another thread. */
    private CompletionStage<Void> onMdThread(Supplier<CompletionStage<Void>> operation) {
        CoreThread mdThread = store.mdThread();
        if (mdThread.isCurrent()) {
            return operation.get();
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        mdThread.post(() ->
                operation
                        .get()
                        .whenComplete((_, problem) -> {
                            if (problem == null) {
                                done.complete(null);
                            } else {
                                done.completeExceptionally(CoreBlobstore.unwrapped(problem));
                            }
                        }));
        return done;
    }

    @Override
    public void close() {
        if (!closed && !store.isClosed()) {
            closeAsync().join();
        }
    }

    @Override
    public String toString() {
        return "Blob[" + id + (closed ? ", closed" : "") + "]";
    }
}
