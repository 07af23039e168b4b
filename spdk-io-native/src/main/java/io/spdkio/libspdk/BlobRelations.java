package io.spdkio.libspdk;

import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/** Which blobs are clones of which others, as blobstore knows it. On the metadata thread. */
final class BlobRelations {
    private final NativeThread thread;
    private final StoreStruct bs;
    private final StoreErrors errors;

    BlobRelations(NativeThread thread, StoreStruct bs, StoreErrors errors) {
        this.thread = thread;
        this.bs = bs;
        this.errors = errors;
    }

    OptionalLong parentOf(long id) {
        long parent = thread.as(() -> BlobH.spdk_blob_get_parent_snapshot(bs.pointer(), id));
        return parent == BlobH.SPDK_BLOBID_INVALID || parent == BlobH.SPDK_BLOBID_EXTERNAL_SNAPSHOT
                ? OptionalLong.empty()
                : OptionalLong.of(parent);
    }

    boolean hasClones(long id) {
        try (Arena arena = Arena.ofConfined()) {
            return cloneCount(id, arena.allocate(ValueLayout.JAVA_LONG)) != 0;
        }
    }

    private int cloneCount(long id, MemorySegment count) {
        int _ = thread.as(() -> BlobH.spdk_blob_get_clones(bs.pointer(), id, MemorySegment.NULL, count));
        return (int) count.get(ValueLayout.JAVA_LONG, 0);
    }

    List<Long> clonesOf(long id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
            int found = cloneCount(id, count);
            if (found == 0) {
                return List.of();
            }
            MemorySegment ids = arena.allocate(ValueLayout.JAVA_LONG, found);
            int rc = thread.as(() -> BlobH.spdk_blob_get_clones(bs.pointer(), id, ids, count));
            if (rc != 0) {
                throw errors.of("the clones of " + BlobIds.name(id), rc);
            }
            List<Long> clones = new ArrayList<>();
            for (int i = 0; i < found; i++) {
                clones.add(ids.getAtIndex(ValueLayout.JAVA_LONG, i));
            }
            return clones;
        }
    }

    /** The blob, its parent and its clones: whom an operation on it may change. */
    Set<Long> family(long id) {
        Set<Long> family = new HashSet<>(clonesOf(id));
        family.add(id);
        parentOf(id).ifPresent(family::add);
        return family;
    }
}
