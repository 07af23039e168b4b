package io.spdkio.libspdk;

import io.spdkio.SpdkException;
import io.spdkio.blob.BlobOptions;
import io.spdkio.spi.BlobErrors;
import io.spdkio.sys.StoreDevice;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The metadata pages of a store, which operations reserve before blobstore takes them. On the metadata thread.
 *
 * <p>Where v26.01 finds no page for a blob's metadata it writes nothing, reports success and goes on: a snapshot is
 * then made of nothing while its blob has given it its clusters, a clone is opened that is not there, a relation
 * between blobs is on the device and not in memory. So an operation begins when there are as many pages as it may need
 * at most, waits while others have reserved them, and is refused where there would not be enough.
 *
 * <p>A blob's first page stays where it is; the others are written to new pages before the old ones are given up. What
 * I/O may need for the metadata of open blobs is kept back ({@link StoreDevice#keepPages}).
 */
final class MetadataRoom {
    /** What a page has for descriptors. */
    private static final int PAGE_BYTES = 4072;

    private static final int FLAGS_BYTES = 29;
    private static final int XATTR_HEAD_BYTES = 9;
    private static final int EXTENT_BYTES = 8;
    private static final int EXTENTS_HEAD_BYTES = 13;
    private static final int PAGE_OF_EXTENTS_BYTES = PAGE_BYTES - EXTENTS_HEAD_BYTES;
    private static final int CLUSTERS_PER_EXTENT_PAGE = 512;

    /** The longest of blobstore's own attributes are two: the parent, and what a snapshot is in the middle of. */
    private static final int OWN_XATTR_BYTES = 64;

    private static final String IDENTITY_NAME = "EXTSNAP";

    private final Object store;
    private final StoreDevice device;
    private final ArrayDeque<BooleanSupplier> waiting = new ArrayDeque<>();
    private long reserved;
    private int running;

    /** The name is for messages. */
    MetadataRoom(Object store, StoreDevice device) {
        this.store = store;
        this.device = device;
    }

    /**
     * How many pages something takes at most.
     *
     * @param pages all
     * @param kept of these, how many are kept back for the blobs that are written
     */
    record Need(long pages, long kept) {
        static final Need NONE = new Need(0, 0);

        private Need plus(Need other) {
            return new Need(pages + other.pages, kept + other.kept);
        }

        private Need plus(long more) {
            return new Need(pages + more, kept);
        }
    }

    // ---- reserving

    /**
     * Does something when there are pages for it.
     *
     * @param what for the message of a refusal
     * @param need how many; asked again after waiting
     * @return fails with {@code -ENOSPC} when there are not enough, and nothing has been done
     */
    <T> CompletableFuture<T> reserve(String what, Supplier<Need> need, Supplier<CompletableFuture<T>> operation) {
        CompletableFuture<T> done = new CompletableFuture<>();
        if (!waiting.isEmpty() || !attempt(what, need, operation, done)) {
            waiting.addLast(() -> attempt(what, need, operation, done));
        }
        return done;
    }

    /** Whether it was begun or refused; otherwise it has to wait. */
    private <T> boolean attempt(
            String what, Supplier<Need> need, Supplier<CompletableFuture<T>> operation, CompletableFuture<T> done) {
        Need pages = need.get();
        long spare = spare(pages.pages) + pages.kept;
        if (pages.pages == 0 || pages.pages <= spare) {
            run(Math.max(0, pages.pages - pages.kept), operation, done);
            return true;
        }
        if (running > 0) {
            return false;
        }
        done.completeExceptionally(tooFew(what, spare, pages));
        return true;
    }

    private SpdkException tooFew(String what, long spare, Need need) {
        return BlobErrors.noPages(
                "%s: %s has %,d metadata pages to spare and may need %,d"
                        .formatted(what, store, Math.max(0, spare), need.pages));
    }

    /**
     * Keeps back what it takes to write the metadata of an open blob with so many bytes more than it has on the device,
     * or refuses that and keeps back what it did. I/O that is under way writes them as they are then, and nobody hears
     * of it when that finds no page.
     *
     * @param before how many bytes more it had before
     */
    void grow(String what, long id, long before, long now) {
        device.keepPages(id, true, Math.toIntExact(now));
        Need need = new Need(device.pagesOf(id).kept(), 0);
        long spare = spare(need.pages);
        if (need.pages != 0 && spare < 0) {
            device.keepPages(id, true, Math.toIntExact(before));
            throw tooFew(what, spare + need.pages, need);
        }
    }

    private <T> void run(long pages, Supplier<CompletableFuture<T>> operation, CompletableFuture<T> done) {
        running++;
        reserved += pages;
        CompletableFuture<T> under;
        try {
            under = operation.get();
        } catch (Throwable e) {
            under = CompletableFuture.failedFuture(e);
        }
        var _ =
                under.whenComplete((result, problem) -> {
                    running--;
                    reserved -= pages;
                    next();
                    if (problem == null) {
                        done.complete(result);
                    } else {
                        done.completeExceptionally(StoreErrors.unwrapped(problem));
                    }
                });
    }

    /** First come, first served. */
    private void next() {
        while (!waiting.isEmpty()) {
            BooleanSupplier attempt = waiting.removeFirst();
            if (!attempt.getAsBoolean()) {
                waiting.addFirst(attempt);
                return;
            }
        }
    }

    private long spare(long needed) {
        return device.sparePages(needed > 1) - reserved;
    }

    // ---- how many

    /** To write the metadata of a blob anew, with so many bytes more, or fewer, of attributes and extents. */
    Need toRewrite(long id, long moreBytes) {
        StoreDevice.BlobPages now = device.pagesOf(id);
        long bytes = now.bytes() + moreBytes;
        if (bytes <= PAGE_BYTES) {
            return Need.NONE;
        }
        // Beyond what it has one for an attribute that moves the others on; and two pages together are more than full.
        long more = moreBytes <= OWN_XATTR_BYTES ? 0 : Math.ceilDiv(moreBytes, PAGE_OF_EXTENTS_BYTES);
        return new Need(Math.min(Math.max(1, now.pages()) + more, 2 * bytes / PAGE_BYTES), now.kept());
    }

    Need toCreate(BlobOptions options) {
        long extentPages = Math.ceilDiv(options.clusters(), CLUSTERS_PER_EXTENT_PAGE);
        long extents = options.thin() ? 1 : options.extentTable() ? extentPages : options.clusters();
        long identity = options.externalSnapshot().map(bytes -> xattrBytes(IDENTITY_NAME, bytes)).orElse(0L);
        long pages = pagesFor(options.xattrs(), identity, EXTENTS_HEAD_BYTES + extents * EXTENT_BYTES);
        return new Need(pages + (options.thin() || !options.extentTable() ? 0 : extentPages), 0);
    }

    /** By so many clusters, of which a thick blob has all. */
    Need toResize(long id, boolean thin, long byClusters) {
        if (thin || byClusters <= 0) {
            return toRewrite(id, EXTENT_BYTES);
        }
        boolean table = device.pagesOf(id).extentTable();
        long extentPages = table ? Math.ceilDiv(byClusters, CLUSTERS_PER_EXTENT_PAGE) : 0;
        return toRewrite(id, (table ? extentPages : byClusters) * EXTENT_BYTES).plus(extentPages);
    }

    /** A snapshot gets what blobstore has of the blob, is written three times, and then the blob is. */
    Need toSnapshot(long id, Map<String, byte[]> xattrs) {
        StoreDevice.BlobPages now = device.pagesOf(id);
        long pages = pagesFor(xattrs, OWN_XATTR_BYTES, now.bytes() - now.userBytes());
        return toRewrite(id, OWN_XATTR_BYTES).plus(2 * pages - 1);
    }

    Need toClone(Map<String, byte[]> xattrs) {
        return new Need(pagesFor(xattrs, OWN_XATTR_BYTES, EXTENTS_HEAD_BYTES + EXTENT_BYTES), 0);
    }

    /** Each cluster that is missing may get an extent of its own. */
    Need toAllocate(long id) {
        StoreDevice.BlobPages now = device.pagesOf(id);
        return toRewrite(id, (long) now.missing() * EXTENT_BYTES + OWN_XATTR_BYTES)
                .plus(now.extentTable() ? now.missing() : 0L);
    }

    /** A snapshot is marked, and its only clone gets what it has. */
    Need toMerge(long snapshot, long clone) {
        StoreDevice.BlobPages from = device.pagesOf(snapshot);
        return toRewrite(snapshot, OWN_XATTR_BYTES).plus(toRewrite(clone, from.bytes() - from.userBytes()));
    }

    /** As blobstore lays them out: an attribute is in one page, and what is left of that is for what comes next. */
    private static long pagesFor(Map<String, byte[]> xattrs, long ownBytes, long extentBytes) {
        long pages = 1;
        long left = PAGE_BYTES - FLAGS_BYTES;
        for (Map.Entry<String, byte[]> xattr : xattrs.entrySet()) {
            long bytes = xattrBytes(xattr.getKey(), xattr.getValue());
            if (bytes > left) {
                pages++;
                left = PAGE_BYTES;
            }
            left -= bytes;
        }
        if (ownBytes > left) {
            pages++;
            left = PAGE_BYTES - ownBytes;
        }
        return extentBytes <= left
                ? pages
                : pages + Math.ceilDiv(extentBytes - Math.max(0, left - EXTENTS_HEAD_BYTES), PAGE_OF_EXTENTS_BYTES);
    }

    /** What an attribute takes. */
    static long xattrBytes(String name, byte[] value) {
        return (long) XATTR_HEAD_BYTES + name.getBytes(StandardCharsets.UTF_8).length + value.length;
    }
}
