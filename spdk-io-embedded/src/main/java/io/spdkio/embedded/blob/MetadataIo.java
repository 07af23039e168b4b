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
import io.spdkio.spi.IoRequest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

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
    private final byte[] bytes = new byte[MetadataPage.SIZE_BYTES];
    private final Waiter flushed = this::flushed;
    private List<Waiter> flushing = new ArrayList<>();
    private List<Waiter> flushNext = new ArrayList<>();
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

    /** What a page holds; until the next one is asked for. */
    byte[] bytesOf(MemorySegment page) {
        MetadataPage.copy(page, 0, bytes);
        return bytes;
    }

    /** Runs something with memory of its own. */
    <T> CompletableFuture<T> withMemory(long sizeBytes, Function<MemorySegment, CompletableFuture<T>> body) {
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

    /** Told how an I/O has ended. */
    interface Waiter {
        /**
         * It has.
         *
         * @param problem what it failed with, or null
         */
        void ended(Throwable problem);
    }

    /** Somebody who waits for a future. */
    private static final class Done extends CompletableFuture<Void> implements Waiter {
        @Override
        public void ended(Throwable problem) {
            if (problem == null) {
                complete(null);
            } else {
                completeExceptionally(problem);
            }
        }
    }

    /** An I/O under way. */
    private record Pending(MetadataIo io, IoType type, long offset, long length, Waiter waiter)
            implements EmbeddedThread.ChildHandler {
        @Override
        public void childDone(IoRequest parent, int status) {
            waiter.ended(status == 0 ? null : io.failure(this, status));
        }
    }

    private SpdkException failure(Pending io, int status) {
        return base.isRemoved()
                ? removed()
                : SpdkException.of(
                        "%s of %,d bytes of metadata at offset %,d on '%s'"
                                .formatted(io.type.label(), io.length, io.offset, base.name()),
                        status);
    }

    private void submit(IoType type, long offset, long source, long length, MemorySegment memory, Waiter waiter) {
        if (base.isRemoved() || closed) {
            waiter.ended(removed());
            return;
        }
        ChildIo io = thread.child(null, new Pending(this, type, offset, length, waiter));
        io.range(type, offset / blockSize, length / blockSize, blockSize);
        if (memory != null) {
            io.memory(memory);
        }
        if (type == IoType.COPY) {
            io.copyFrom(source / blockSize);
        }
        io.submit(channel);
    }

    private SpdkException removed() {
        return new SpdkException.NotFound(
                "bdev '" + base.name() + "' was removed under its blobstore; unload the store", -Errno.ENODEV);
    }

    void read(long offset, MemorySegment into, Waiter waiter) {
        submit(IoType.READ, offset, 0, into.byteSize(), into, waiter);
    }

    void write(long offset, MemorySegment from, Waiter waiter) {
        submit(IoType.WRITE, offset, 0, from.byteSize(), from, waiter);
    }

    void writeZeroes(long offset, long length, Waiter waiter) {
        submit(IoType.WRITE_ZEROES, offset, 0, length, null, waiter);
    }

    void unmap(long offset, long length, Waiter waiter) {
        submit(IoType.UNMAP, offset, 0, length, null, waiter);
    }

    /** Makes durable what was written before. Those who ask while one is under way share the next. */
    void flush(Waiter waiter) {
        if (!flushes) {
            waiter.ended(null);
        } else if (flushing.isEmpty()) {
            flushing.add(waiter);
            startFlush();
        } else {
            flushNext.add(waiter);
        }
    }

    private void startFlush() {
        submit(IoType.FLUSH, 0, 0, base.geometry().sizeBytes(), null, flushed);
    }

    private void flushed(Throwable problem) {
        List<Waiter> told = flushing;
        flushing = flushNext;
        flushNext = new ArrayList<>();
        if (!flushing.isEmpty()) {
            startFlush();
        }
        for (Waiter waiter : told) {
            waiter.ended(problem);
        }
    }

    // ---- the same as futures

    CompletableFuture<Void> read(long offset, MemorySegment into) {
        Done done = new Done();
        read(offset, into, done);
        return done;
    }

    CompletableFuture<Void> write(long offset, MemorySegment from) {
        Done done = new Done();
        write(offset, from, done);
        return done;
    }

    CompletableFuture<Void> writeZeroes(long offset, long length) {
        Done done = new Done();
        writeZeroes(offset, length, done);
        return done;
    }

    CompletableFuture<Void> unmap(long offset, long length) {
        Done done = new Done();
        unmap(offset, length, done);
        return done;
    }

    CompletableFuture<Void> copy(long from, long to, long length) {
        Done done = new Done();
        submit(IoType.COPY, to, from, length, null, done);
        return done;
    }

    CompletableFuture<Void> flush() {
        Done done = new Done();
        flush(done);
        return done;
    }

    /** Begins several at once. */
    static CompletableFuture<Void> all(List<? extends CompletableFuture<Void>> several) {
        return switch (several.size()) {
            case 0 -> Async.done();
            case 1 -> several.getFirst();
            default -> CompletableFuture.allOf(several.toArray(CompletableFuture[]::new));
        };
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
