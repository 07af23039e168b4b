package io.spdkio.libspdk;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/** Which blobs there are in a store. On the metadata thread. */
final class BlobIds {
    private static final long FIRST_BLOB = 1L << 32;

    /** The pages of the blobs that there are. */
    private final BitSet pages = new BitSet();

    private final Map<Long, CompletableFuture<Void>> deletions = new HashMap<>();

    /** For messages. */
    static String name(long id) {
        return "blob 0x" + Long.toHexString(id);
    }

    private static int pageOf(long id) {
        return (int) id;
    }

    void add(long id) {
        pages.set(pageOf(id));
    }

    void remove(long id) {
        pages.clear(pageOf(id));
    }

    /** An id that can't be one is not for SPDK, which takes its lower half. */
    boolean contains(long id) {
        return (id & ~0x7fff_ffffL) == FIRST_BLOB && pages.get(pageOf(id));
    }

    OptionalLong next(OptionalLong after) {
        int page = pages.nextSetBit(after.isPresent() ? pageOf(after.getAsLong()) + 1 : 0);
        return page < 0 ? OptionalLong.empty() : OptionalLong.of(FIRST_BLOB | page);
    }

    /** A blob is being deleted. */
    CompletableFuture<Void> deleting(long id, CompletableFuture<Void> deletion) {
        deletions.put(id, deletion);
        return deletion.whenComplete((_, _) -> deletions.remove(id, deletion));
    }

    /** Completes when no deletion of a blob is under way, whatever came of that. */
    CompletableFuture<Void> settled(long id) {
        return deletions.getOrDefault(id, CompletableFuture.completedFuture(null)).handle((_, _) -> null);
    }

    /** There is a new blob. Blobstore gives it the id of one that it is still deleting, which has to have ended. */
    CompletableFuture<Long> created(long id) {
        return settled(id)
                .thenApply(_ -> {
                    add(id);
                    return id;
                });
    }
}
