package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.BlobErrors;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.spdk_blob_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Creates blobs, and has what goes for all new ones, also those that are made of others. On the metadata thread. */
final class NewBlobs {
    /** What a page holds, less what stands before an attribute. */
    private static final int MAX_XATTR_BYTES = 4063;

    private final NativeBlobstore store;
    private final BlobIds ids;

    NewBlobs(NativeBlobstore store, BlobIds ids) {
        this.store = store;
        this.ids = ids;
    }

    CompletableFuture<Long> create(BlobOptions options) {
        requireXattrs(options.xattrs());
        String what = "creating a blob of " + options.clusters() + " clusters in " + store;
        MetadataRoom room = store.room();
        return room.reserve(
                        what,
                        () -> room.toCreate(options),
                        () ->
                                MissingRoom.explain(
                                        store,
                                        what,
                                        () -> options.thin() ? 0 : options.clusters(),
                                        createNow(what, options)))
                .thenCompose(id -> created(what, id));
    }

    private CompletableFuture<Long> createNow(String what, BlobOptions options) {
        return store.operations()
                .begin(
                        what,
                        argument -> {
                            try (Arena arena = Arena.ofConfined()) {
                                BlobH.spdk_bs_create_blob_ext(
                                        store.bs().pointer(),
                                        struct(options, arena),
                                        store.calls().onValue(),
                                        argument);
                            }
                        });
    }

    private static MemorySegment struct(BlobOptions options, Arena arena) {
        MemorySegment struct = spdk_blob_opts.allocate(arena);
        BlobH.spdk_blob_opts_init(struct, spdk_blob_opts.BYTES);
        spdk_blob_opts.num_clusters(struct, options.clusters());
        spdk_blob_opts.thin_provision(struct, options.thin());
        spdk_blob_opts.clear_method(struct, clearMethod(options.clearMethod()));
        spdk_blob_opts.use_extent_table(struct, options.extentTable());
        StoreDevice.xattrs(spdk_blob_opts.xattrs(struct), options.xattrs(), arena);
        options.externalSnapshot()
                .ifPresent(identity -> {
                    spdk_blob_opts.esnap_id(struct, arena.allocateFrom(ValueLayout.JAVA_BYTE, identity));
                    spdk_blob_opts.esnap_id_len(struct, identity.length);
                });
        return struct;
    }

    static int clearMethod(ClearMethod method) {
        return switch (method) {
            case DEFAULT -> BlobH.BLOB_CLEAR_WITH_DEFAULT;
            case NONE -> BlobH.BLOB_CLEAR_WITH_NONE;
            case UNMAP -> BlobH.BLOB_CLEAR_WITH_UNMAP;
            case WRITE_ZEROES -> BlobH.BLOB_CLEAR_WITH_WRITE_ZEROES;
        };
    }

    // ---- all new blobs

    /** SPDK takes the lower 16 bits of a length, and no attributes without a value here. */
    void requireXattrs(Map<String, byte[]> xattrs) {
        xattrs.forEach((name, value) -> {
            String what = "attribute '" + name + "' of " + value.length + " bytes for a new blob in " + store;
            if (value.length == 0) {
                throw SpdkException.withMessage(
                        what + ": EINVAL. It needs a value; set an empty one with Blob.setXattr", -Errno.EINVAL);
            }
            if (name.getBytes(StandardCharsets.UTF_8).length + value.length > MAX_XATTR_BYTES) {
                throw store.errors().of(what, -Errno.ENOMEM);
            }
        });
    }

    /** Blobstore has made one. */
    CompletableFuture<Long> created(String what, long id) {
        requireWritten(what, id, 0);
        return ids.created(id);
    }

    /** That is what {@link MetadataRoom} is for; if it fails to do that, the store goes no further. */
    void requireWritten(String what, long id, int before) {
        if (store.writesOf(id) == before) {
            store.device().fail();
            throw BlobErrors.noPages(what + ": no metadata page was left; unload and load the store");
        }
    }
}
