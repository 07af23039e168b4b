package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.embedded.ChildIo;
import io.spdkio.embedded.EmbeddedChannel;
import io.spdkio.embedded.EmbeddedMemory;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.MetadataPage;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** The metadata thread's I/O to the device, and the memory for it. */
final class MetadataIo {
    private static final int PAGES_AT_ONCE = 64;

    private final BaseDevice base;
    private final EmbeddedThread thread;
    private final EmbeddedChannel channel;
    private final int blockSize;
    private final boolean flushes;
    private final boolean unmaps;
    private final Arena arena = Arena.ofShared();
    private final ArrayDeque<MemorySegment> pages = new ArrayDeque<>();
    private CompletableFuture<Void> flushing;
    private CompletableFuture<Void> flushNext;
    private boolean closed;

    MetadataIo(BaseDevice base, EmbeddedThread thread) {
        this.base = base;
        this.thread = thread;
        this.channel = base.openChannel(thread);
        this.blockSize = base.geometry().blockSize();
        this.flushes = base.supports(IoType.FLUSH);
        this.unmaps = base.supports(IoType.UNMAP);
    }

    EmbeddedThread thread() {
        return thread;
    }

    long deviceBytes() {
        return base.geometry().sizeBytes();
    }

    int blockSize() {
        return blockSize;
    }

    boolean unmaps() {
        return unmaps;
    }

    // ---- memory

    /** Memory for one page, whatever it held before. */
    MemorySegment takePage() {
        MemorySegment page = pages.pollLast();
        if (page == null) {
            MemorySegment several =
                    EmbeddedMemory.allocate(
                            "metadata of a blobstore",
                            (long) PAGES_AT_ONCE * MetadataPage.SIZE_BYTES,
                            MetadataPage.SIZE_BYTES,
                            arena);
            for (int i = 0; i < PAGES_AT_ONCE; i++) {
                pages.addLast(several.asSlice((long) i * MetadataPage.SIZE_BYTES, MetadataPage.SIZE_BYTES));
            }
            page = pages.pollLast();
        }
        return page;
    }

    void giveBack(MemorySegment page) {
        pages.addLast(page);
    }

    /** Runs something with memory of its own. */
    <T> CompletableFuture<T> withMemory(
            long sizeBytes, java.util.function.Function<MemorySegment, CompletableFuture<T>> body) {
        Arena own = Arena.ofShared();
        CompletableFuture<T> result;
        try {
            result = body.apply(EmbeddedMemory.allocate("metadata of a blobstore", sizeBytes, 4096, own));
        } catch (Throwable e) {
            result = CompletableFuture.failedFuture(e);
        }
        return result.whenComplete((_, _) -> own.close());
    }

    // ---- I/O

    private CompletableFuture<Void> submit(IoType type, long offset, long source, long length, MemorySegment memory) {
        if (base.isRemoved() || closed) {
            return CompletableFuture.failedFuture(removed());
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        ChildIo io =
                thread.child(
                        null,
                        (_, status) -> {
                            if (status == 0) {
                                done.complete(null);
                            } else if (base.isRemoved()) {
                                done.completeExceptionally(removed());
                            } else {
                                done.completeExceptionally(
                                        SpdkException.of(
                                                "%s of %,d bytes of metadata at offset %,d on '%s'"
                                                        .formatted(type.label(), length, offset, base.name()),
                                                status));
                            }
                        });
        io.range(type, offset / blockSize, length / blockSize, blockSize);
        if (memory != null) {
            io.memory(memory);
        }
        if (type == IoType.COPY) {
            io.copyFrom(source / blockSize);
        }
        io.submit(channel);
        return done;
    }

    private SpdkException removed() {
        return new SpdkException.NotFound(
                "bdev '" + base.name() + "' was removed under its blobstore; unload the store", -Errno.ENODEV);
    }

    CompletableFuture<Void> read(long offset, MemorySegment into) {
        return submit(IoType.READ, offset, 0, into.byteSize(), into);
    }

    CompletableFuture<Void> write(long offset, MemorySegment from) {
        return submit(IoType.WRITE, offset, 0, from.byteSize(), from);
    }

    CompletableFuture<Void> writeZeroes(long offset, long length) {
        return submit(IoType.WRITE_ZEROES, offset, 0, length, null);
    }

    CompletableFuture<Void> unmap(long offset, long length) {
        return submit(IoType.UNMAP, offset, 0, length, null);
    }

    CompletableFuture<Void> copy(long from, long to, long length) {
        return submit(IoType.COPY, to, from, length, null);
    }

    /** Makes durable what was written before. Those who ask while one is under way share the next. */
    CompletableFuture<Void> flush() {
        if (!flushes) {
            return Async.done();
        }
        if (flushing == null) {
            return startFlush(new CompletableFuture<>());
        }
        if (flushNext == null) {
            flushNext = new CompletableFuture<>();
        }
        return flushNext;
    }

    private CompletableFuture<Void> startFlush(CompletableFuture<Void> result) {
        flushing = result;
        Async.whenDone(
                submit(IoType.FLUSH, 0, 0, base.geometry().sizeBytes(), null),
                (_, problem) -> {
                    flushing = null;
                    CompletableFuture<Void> next = flushNext;
                    flushNext = null;
                    if (next != null) {
                        var _ = startFlush(next);
                    }
                    if (problem == null) {
                        result.complete(null);
                    } else {
                        result.completeExceptionally(Async.cause(problem));
                    }
                });
        return result;
    }

    /** Begins several at once. */
    static CompletableFuture<Void> all(java.util.List<CompletableFuture<Void>> several) {
        return switch (several.size()) {
            case 0 -> Async.done();
            case 1 -> several.getFirst();
            default -> CompletableFuture.allOf(several.toArray(CompletableFuture[]::new));
        };
    }

    /** Fails a chain of steps with a refusal. */
    static <T> CompletableFuture<T> failed(Supplier<SpdkException> problem) {
        return CompletableFuture.failedFuture(problem.get());
    }

    /** Lets go of the channel. Nothing is outstanding. */
    void close() {
        if (!closed) {
            closed = true;
            channel.close();
            pages.clear();
            arena.close();
        }
    }

    /** The thread has exited, and closes its channels itself; what is outstanding keeps its memory. */
    void abandon() {
        closed = true;
    }
}
