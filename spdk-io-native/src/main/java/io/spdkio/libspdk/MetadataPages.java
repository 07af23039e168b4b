package io.spdkio.libspdk;

import java.lang.foreign.MemorySegment;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The metadata pages of a store, under blobstore: reads and writes them, one operation at a time. Of larger pages only
 * the first 4096 bytes are used.
 */
final class MetadataPages {
    private static final long FIRST_ID = 1L << 32;

    private final StoreIo io;
    private final StoreHead head;

    /** What is read and written is in here: the same for all. */
    private final MemorySegment buffer;

    MetadataPages(StoreIo io, StoreHead head, MemorySegment buffer) {
        this.io = io;
        this.head = head;
        this.buffer = buffer;
    }

    long count() {
        return head.mdPages();
    }

    /** Whether a blob can have this id. */
    boolean isId(long id) {
        return id >= FIRST_ID && id - FIRST_ID < count();
    }

    /** The first page of a blob. */
    static long firstPage(long id) {
        return id & 0xffff_ffffL;
    }

    void log(String what) {
        io.log(what);
    }

    // ---- one

    CompletableFuture<MetadataPage> read(long number) {
        return read(number, 0);
    }

    /** Reads one into a place of its own, so that two can be looked at. */
    CompletableFuture<MetadataPage> read(long number, int index) {
        MemorySegment place = place(index);
        return io.read(place, offset(number)).thenApply(_ -> new MetadataPage(place));
    }

    /** Writes what is in a place. */
    CompletableFuture<Void> write(long number, int index) {
        return io.write(place(index), offset(number));
    }

    /** Makes an extent page one of so many clusters, see {@link MetadataPage#setClusterCount}. */
    CompletableFuture<Void> resizeExtents(long number, int clusters) {
        return read(number)
                .thenCompose(page -> {
                    page.setClusterCount(clusters);
                    page.seal();
                    return write(number, 0);
                });
    }

    /** From now on the next load recovers the store, unless it is unloaded before. */
    CompletableFuture<Void> markDirty() {
        if (head.needsRecovery()) {
            return CompletableFuture.completedFuture(null);
        }
        MemorySegment superBlock = place(0);
        return io.read(superBlock, 0)
                .thenCompose(_ -> {
                    StoreHead.setDirty(superBlock);
                    return io.write(superBlock, 0);
                });
    }

    CompletableFuture<Void> zero(long number) {
        place(0).fill((byte) 0);
        return write(number, 0);
    }

    private MemorySegment place(int index) {
        return buffer.asSlice((long) index * MetadataPage.SIZE_BYTES, MetadataPage.SIZE_BYTES);
    }

    private long offset(long number) {
        return (head.mdStart() + number) * head.pageBytes();
    }

    // ---- all, and those of a blob

    /** Shown a page and its number. */
    interface Visitor {
        void page(long number, MetadataPage page);
    }

    /** Reads all of them, as much at once as there is memory for, and shows those that are valid and of a blob. */
    CompletableFuture<Void> scan(Visitor visitor) {
        int pageBytes = head.pageBytes();
        long[] at = {0};
        return loop(
                () -> at[0] < count(),
                () -> {
                    long first = at[0];
                    int pages = (int) Math.min(buffer.byteSize() / pageBytes, count() - first);
                    at[0] += pages;
                    return io.read(buffer.asSlice(0, (long) pages * pageBytes), offset(first))
                            .thenRun(() -> {
                                for (int i = 0; i < pages; i++) {
                                    MetadataPage page =
                                            new MetadataPage(
                                                    buffer.asSlice((long) i * pageBytes, MetadataPage.SIZE_BYTES));
                                    if (isId(page.id()) && page.isValid()) {
                                        visitor.page(first + i, page);
                                    }
                                }
                            });
                });
    }

    /** What the pages of a blob say; nothing when there is no such blob. */
    CompletableFuture<BlobPages> blob(long id) {
        BlobPages found = new BlobPages(id, count());
        if (!isId(id)) {
            return CompletableFuture.completedFuture(found);
        }
        return loop(() -> found.missing() >= 0, () -> read(found.missing()).thenAccept(found::take))
                .thenApply(_ -> found);
    }

    // ---- steps

    /** One step after the other. */
    static CompletableFuture<Void> loop(BooleanSupplier goesOn, Supplier<CompletableFuture<Void>> step) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        goOn(goesOn, step, done);
        return done;
    }

    /** Steps that have nothing to wait for take no stack. */
    private static void goOn(
            BooleanSupplier goesOn, Supplier<CompletableFuture<Void>> step, CompletableFuture<Void> done) {
        try {
            while (goesOn.getAsBoolean()) {
                CompletableFuture<Void> taken = step.get();
                if (!taken.isDone() || taken.isCompletedExceptionally()) {
                    var _ =
                            taken.whenComplete((_, problem) -> {
                                if (problem == null) {
                                    goOn(goesOn, step, done);
                                } else {
                                    done.completeExceptionally(StoreErrors.unwrapped(problem));
                                }
                            });
                    return;
                }
            }
            done.complete(null);
        } catch (Throwable e) {
            done.completeExceptionally(e);
        }
    }

    /** The same for each of some. */
    static <T> CompletableFuture<Void> each(Iterable<T> all, Function<T, CompletableFuture<Void>> step) {
        Iterator<T> at = all.iterator();
        return loop(at::hasNext, () -> step.apply(at.next()));
    }
}
