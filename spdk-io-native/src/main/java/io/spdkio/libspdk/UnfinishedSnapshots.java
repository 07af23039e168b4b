package io.spdkio.libspdk;

import io.spdkio.SpdkException;
import io.spdkio.sys.StoreDevice;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.zip.CRC32C;

/**
 * Ends snapshots that a power cut left half made or half deleted, before SPDK loads the store; its own recovery has two
 * defects (v26.01):
 *
 * <ul>
 *   <li>It deletes the snapshots that their clone does not refer to, and uses a null pointer there when the snapshot is
 *       itself a clone whose parent has other clones. Their clusters are their clone's, so all that recovery has to
 *       find is that their first metadata page is gone.
 *   <li>It keeps the others and finishes them, but one that was being deleted may have given clusters to its clone,
 *       whose extent pages are written in place: then both have them, and the next to be deleted frees them under the
 *       other. The clone gives them back here, and reads the same through the snapshot.
 * </ul>
 *
 * <p>Reads the metadata of stores that were not unloaded, a megabyte at a time; of others only the super block. On the
 * thread that becomes the metadata thread.
 */
final class UnfinishedSnapshots {
    private static final int CHUNK_BYTES = StoreHead.MAX_PAGE_BYTES;

    // Metadata pages: what is in them and where, of SPDK's format, version 3. Larger ones use these bytes of theirs.
    private static final int PAGE_BYTES = 4096;
    private static final int CRC_AT = PAGE_BYTES - 4;
    private static final int SEQUENCE_AT = 8;
    private static final int DESCRIPTORS_AT = 16;
    private static final int NEXT_AT = 4088;
    private static final int DESCRIPTOR_HEAD_BYTES = 5;
    private static final int XATTR_INTERNAL = 4;
    private static final int EXTENT_TABLE = 5;
    private static final int EXTENT_PAGE = 6;
    private static final int CLUSTERS_AT = DESCRIPTORS_AT + DESCRIPTOR_HEAD_BYTES + 4;

    /** More clusters than 32 bits count are in none. */
    private static final int MAX_EXTENT_PAGES = 1 << 23;

    private static final long FIRST_ID = 1L << 32;

    /** Internal attributes: a clone's parent, and the clone of a snapshot that is being made or deleted. */
    private static final String PARENT = "SNAP";

    private static final String IN_PROGRESS = "SNAPTMP";
    private static final String PENDING_REMOVAL = "SNAPRM";

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SpdkRuntime runtime;
    private final NativeThread thread;
    private final NativeBdev bdev;
    private final StoreDevice device;
    private final boolean always;
    private final int blockSize;

    private MemorySegment buffer;
    private long mdStart;
    private long mdPages;
    private int pageBytes;

    /** Recovery is certain when the user has asked for it. */
    UnfinishedSnapshots(SpdkRuntime runtime, NativeThread thread, NativeBdev bdev, StoreDevice device, boolean always) {
        this.runtime = runtime;
        this.thread = thread;
        this.bdev = bdev;
        this.device = device;
        this.always = always;
        this.blockSize = bdev.geometry().blockSize();
    }

    /**
     * Does it.
     *
     * @param met told of the store first, if there is one
     */
    CompletableFuture<Void> drop(Consumer<StoreHead> met) {
        if (bdev.geometry().sizeBytes() < PAGE_BYTES) {
            return CompletableFuture.completedFuture(null);
        }
        Arena arena = Arena.ofShared();
        buffer = runtime.memory().allocate(CHUNK_BYTES, PAGE_BYTES, arena);
        return transfer(false, buffer.asSlice(0, PAGE_BYTES), 0)
                .thenCompose(_ -> {
                    Optional<StoreHead> head = StoreHead.in(buffer);
                    head.ifPresent(met);
                    return head.filter(this::needsRecovery).isPresent()
                            ? scan()
                            : CompletableFuture.completedFuture(null);
                })
                .whenComplete((_, _) -> arena.close());
    }

    private boolean needsRecovery(StoreHead head) {
        mdStart = head.mdStart();
        mdPages = head.mdPages();
        pageBytes = head.pageBytes();
        return (mdStart + mdPages) * pageBytes <= bdev.geometry().sizeBytes() && (always || head.needsRecovery());
    }

    private CompletableFuture<Void> scan() {
        Set<Long> suspects = new LinkedHashSet<>();
        long[] at = {0};
        return loop(
                        () -> at[0] < mdPages,
                        () -> {
                            long first = at[0];
                            int count = (int) Math.min(CHUNK_BYTES / pageBytes, mdPages - first);
                            at[0] += count;
                            return transfer(false, buffer.asSlice(0, (long) count * pageBytes), pageOffset(first))
                                    .thenRun(() -> suspectsIn(count, suspects));
                        })
                .thenCompose(_ -> {
                    List<Long> ids = new ArrayList<>(suspects);
                    int[] next = {0};
                    return loop(() -> next[0] < ids.size(), () -> decide(ids.get(next[0]++)));
                });
    }

    private void suspectsIn(int count, Set<Long> suspects) {
        for (int i = 0; i < count; i++) {
            MemorySegment page = buffer.asSlice((long) i * pageBytes, PAGE_BYTES);
            long id = page.get(U64, 0);
            if (isId(id)) {
                BlobPages found = new BlobPages();
                found.read(page);
                // Also a page that is not in use any more; decide() looks at the blob.
                if (found.ofClone() != null && isValid(page)) {
                    suspects.add(id);
                }
            }
        }
    }

    private CompletableFuture<Void> decide(long id) {
        return blob(id).thenCompose(snapshot -> {
            Long clone = snapshot.ofClone();
            if (clone == null) {
                return CompletableFuture.completedFuture(null);
            }
            return blob(clone)
                    .thenCompose(ofClone -> {
                        Long parent = ofClone.ids.get(PARENT);
                        return parent != null && parent == id ? giveBack(snapshot, ofClone, clone) : dropFirstPage(id);
                    });
        });
    }

    /** Takes the clusters away from a clone that its snapshot has too. */
    private CompletableFuture<Void> giveBack(BlobPages snapshot, BlobPages clone, long cloneId) {
        int count = Math.min(snapshot.table.size(), clone.table.size());
        int[] at = {0};
        return loop(
                () -> at[0] < count,
                () -> {
                    int i = at[0]++;
                    long ofSnapshot = snapshot.table.get(i);
                    long ofClone = clone.table.get(i);
                    if (ofSnapshot == 0 || ofClone == 0 || ofSnapshot == ofClone) {
                        return CompletableFuture.completedFuture(null);
                    }
                    MemorySegment first = buffer.asSlice(0, PAGE_BYTES);
                    MemorySegment second = buffer.asSlice(PAGE_BYTES, PAGE_BYTES);
                    return transfer(false, first, pageOffset(ofSnapshot))
                            .thenCompose(_ -> transfer(false, second, pageOffset(ofClone)))
                            .thenCompose(_ -> {
                                if (!isExtentPage(first) || !isExtentPage(second) || !takeAway(first, second)) {
                                    return CompletableFuture.completedFuture(null);
                                }
                                log(
                                        "clone 0x%x had clusters of its snapshot, which was being deleted"
                                                .formatted(cloneId));
                                return transfer(true, second, pageOffset(ofClone));
                            });
                });
    }

    private static boolean isExtentPage(MemorySegment page) {
        return isValid(page) && page.get(ValueLayout.JAVA_BYTE, DESCRIPTORS_AT) == EXTENT_PAGE;
    }

    /** Whether there were any. */
    private static boolean takeAway(MemorySegment ofSnapshot, MemorySegment ofClone) {
        boolean any = false;
        int end = Math.min(clustersEnd(ofSnapshot), clustersEnd(ofClone));
        for (int at = CLUSTERS_AT; at + 4 <= end; at += 4) {
            int cluster = ofClone.get(U32, at);
            if (cluster != 0 && cluster == ofSnapshot.get(U32, at)) {
                ofClone.set(U32, at, 0);
                any = true;
            }
        }
        ofClone.set(U32, CRC_AT, crc(ofClone));
        return any;
    }

    private static int clustersEnd(MemorySegment extentPage) {
        long length = Integer.toUnsignedLong(extentPage.get(U32, DESCRIPTORS_AT + 1));
        return (int) Math.min(NEXT_AT, DESCRIPTORS_AT + DESCRIPTOR_HEAD_BYTES + length);
    }

    private CompletableFuture<Void> dropFirstPage(long id) {
        log("snapshot 0x%x was not finished and is dropped".formatted(id));
        MemorySegment page = buffer.asSlice(0, PAGE_BYTES);
        page.fill((byte) 0);
        return transfer(true, page, pageOffset(id));
    }

    private void log(String what) {
        System.getLogger("io.spdkio").log(System.Logger.Level.INFO, "''{0}'': {1}", bdev.name(), what);
    }

    // ---- pages

    private boolean isId(long id) {
        return id >= FIRST_ID && id - FIRST_ID < mdPages;
    }

    /** Of a page's number, or the id of the blob that it is the first page of. */
    private long pageOffset(long page) {
        return (mdStart + (page & 0xffff_ffffL)) * pageBytes;
    }

    /** What is of interest in the pages of a blob. */
    private final class BlobPages {
        /** Internal attributes that are ids. */
        final Map<String, Long> ids = new HashMap<>();

        /** The extent pages; 0 where there is none. */
        final List<Long> table = new ArrayList<>();

        /** The clone of a snapshot that is not finished; null of others. */
        Long ofClone() {
            return ids.getOrDefault(PENDING_REMOVAL, ids.get(IN_PROGRESS));
        }

        void read(MemorySegment page) {
            long at = DESCRIPTORS_AT;
            while (at + DESCRIPTOR_HEAD_BYTES <= NEXT_AT) {
                int type = page.get(ValueLayout.JAVA_BYTE, at);
                long length = Integer.toUnsignedLong(page.get(U32, at + 1));
                long body = at + DESCRIPTOR_HEAD_BYTES;
                if ((type == 0 && length == 0) || body + length > NEXT_AT) {
                    return;
                }
                if (type == XATTR_INTERNAL && length >= 4) {
                    attribute(page.asSlice(body, length));
                } else if (type == EXTENT_TABLE && length >= 8) {
                    pages(page.asSlice(body + 8, length - 8));
                }
                at = body + length;
            }
        }

        private void attribute(MemorySegment body) {
            int nameLength = Short.toUnsignedInt(body.get(U16, 0));
            int valueLength = Short.toUnsignedInt(body.get(U16, 2));
            if (valueLength == Long.BYTES && 4L + nameLength + valueLength == body.byteSize()) {
                byte[] name = body.asSlice(4, nameLength).toArray(ValueLayout.JAVA_BYTE);
                ids.putIfAbsent(new String(name, StandardCharsets.ISO_8859_1), body.get(U64, 4L + nameLength));
            }
        }

        /** Runs: a page, or how many there are not. */
        private void pages(MemorySegment runs) {
            for (long at = 0; at + 8 <= runs.byteSize(); at += 8) {
                long page = Integer.toUnsignedLong(runs.get(U32, at));
                long count = Integer.toUnsignedLong(runs.get(U32, at + 4));
                if (page >= mdPages || (page != 0 && count != 1) || table.size() + count > MAX_EXTENT_PAGES) {
                    return;
                }
                for (long i = 0; i < count; i++) {
                    table.add(page);
                }
            }
        }
    }

    /** What is in a blob's pages; nothing when there is no such blob. */
    private CompletableFuture<BlobPages> blob(long id) {
        BlobPages found = new BlobPages();
        if (!isId(id)) {
            return CompletableFuture.completedFuture(found);
        }
        MemorySegment page = buffer.asSlice(0, PAGE_BYTES);
        long[] next = {id & 0xffff_ffffL};
        int[] sequence = {0};
        return loop(
                        () -> next[0] >= 0,
                        () ->
                                transfer(false, page, pageOffset(next[0]))
                                        .thenRun(() -> {
                                            next[0] = -1;
                                            if (page.get(U64, 0) == id
                                                    && page.get(U32, SEQUENCE_AT) == sequence[0]++
                                                    && isValid(page)) {
                                                found.read(page);
                                                long following = Integer.toUnsignedLong(page.get(U32, NEXT_AT));
                                                if (following < mdPages && sequence[0] < mdPages) {
                                                    next[0] = following;
                                                }
                                            }
                                        }))
                .thenApply(_ -> found);
    }

    /** Whether the checksum is right, of a metadata page or a super block. */
    static boolean isValid(MemorySegment page) {
        return crc(page) == page.get(U32, CRC_AT);
    }

    private static int crc(MemorySegment page) {
        CRC32C crc = new CRC32C();
        crc.update(page.asSlice(0, CRC_AT).asByteBuffer());
        return (int) crc.getValue();
    }

    // ---- the device

    private CompletableFuture<Void> transfer(boolean writing, MemorySegment memory, long offset) {
        MemorySegment done = runtime.blobCalls().onStatus();
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
                                "loading the blobstore on '%s': its metadata can't be %s"
                                        .formatted(bdev.name(), writing ? "written" : "read"),
                                result.status());
                    }
                });
    }

    /** One step after the other; each ends in a poll. */
    private static CompletableFuture<Void> loop(BooleanSupplier goesOn, Supplier<CompletableFuture<Void>> step) {
        return goesOn.getAsBoolean()
                ? step.get().thenCompose(_ -> loop(goesOn, step))
                : CompletableFuture.completedFuture(null);
    }
}
