package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.BlobErrors;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.spdk_bs_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Makes and loads stores. On the thread that becomes the metadata thread. */
final class StoreOpener {
    /** A store's channel on its metadata thread is for metadata and for blob I/O of that thread. */
    private static final int CHANNEL_REQUESTS = 2048;

    private final SpdkRuntime runtime;
    private final NativeThread thread;
    private final NativeBdev bdev;
    private final BlobstoreOptions options;
    private final Function<String, NativeBdev> bdevs;
    private long clusterBytes;
    private int pageBytes;

    StoreOpener(
            SpdkRuntime runtime,
            NativeThread thread,
            NativeBdev bdev,
            BlobstoreOptions options,
            Function<String, NativeBdev> bdevs) {
        this.runtime = runtime;
        this.thread = thread;
        this.bdev = bdev;
        this.options = options;
        this.bdevs = bdevs;
    }

    CompletableFuture<NativeBlobstore> init() {
        NativeBlobstore store = store("making a blobstore");
        return store.begin(
                "making a blobstore on '" + bdev.name() + "'",
                argument -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment struct = options(store, arena);
                        BlobH.spdk_bs_init(store.bsDev(), struct, runtime.blobCalls().onHandle(), argument);
                    }
                });
    }

    CompletableFuture<NativeBlobstore> load() {
        String what = "'" + bdev.name() + "'";
        NativeBlobstore store = store("loading a blobstore");
        StoreRepair repair =
                new StoreRepair(
                        new StoreIo(runtime, thread, bdev, store.device(), "loading the blobstore on " + what),
                        runtime.memory(),
                        options.forceRecovery());
        return store.begin(
                what,
                () ->
                        repair.run(this::met)
                                .thenRun(() -> {
                                    if (clusterBytes == 0) {
                                        throw StoreErrors.noStore(what, "");
                                    }
                                }),
                argument -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment struct = options(store, arena);
                        spdk_bs_opts.cluster_sz(struct, (int) clusterBytes);
                        spdk_bs_opts.md_page_size(struct, pageBytes);
                        spdk_bs_opts.iter_cb_fn(struct, runtime.blobCalls().onBlob());
                        spdk_bs_opts.iter_cb_arg(struct, argument);
                        BlobH.spdk_bs_load(store.bsDev(), struct, runtime.blobCalls().onHandle(), argument);
                    }
                });
    }

    /**
     * SPDK finds the sizes on the device, but only after it has worked with those in the options (v26.01): with other
     * clusters it finds them at wrong places if theirs are no power of two, and with smaller pages it writes past the
     * end of memory.
     */
    private void met(StoreHead head) {
        BlobErrors.checkIoUnits(bdev.name(), bdev.geometry().blockSize(), head.ioUnitBytes());
        clusterBytes = head.clusterBytes();
        pageBytes = head.pageBytes();
    }

    private NativeBlobstore store(String what) {
        StoreDevice device = open(what, bdev, true);
        ExternalDevices external =
                new ExternalDevices(
                        options.externalSnapshots(),
                        bdevs,
                        base -> open("opening a blob that is a clone of another device", base, false));
        return new NativeBlobstore(runtime, thread, bdev, device, external);
    }

    private StoreDevice open(String what, NativeBdev base, boolean writable) {
        return runtime.app()
                .call(() -> {
                    if (base.isRemoved()) {
                        throw base.removedException();
                    }
                    if (writable && !base.supports(io.spdkio.bdev.IoType.WRITE)) {
                        throw new SpdkException.Busy("'" + base.name() + "' can only be read", -Errno.EPERM);
                    }
                    int[] result = new int[1];
                    return StoreDevice.open(base.spdkName(), writable, runtime.module(), runtime.onBdevEvent(), result)
                            .orElseThrow(() -> cannotOpen(what, base, result[0]));
                });
    }

    private SpdkException cannotOpen(String what, NativeBdev base, int rc) {
        if (rc == -Errno.EPERM || rc == -Errno.EBUSY) {
            return new SpdkException.Busy(
                    what
                            + ": bdev '"
                            + base.name()
                            + "' is in use"
                            + runtime.log().reason()
                            + ". Close what writes to it or claims it",
                    rc);
        }
        return SpdkException.of(what + " on bdev '" + base.name() + "'", rc);
    }

    private MemorySegment options(NativeBlobstore store, Arena arena) {
        MemorySegment struct = spdk_bs_opts.allocate(arena);
        BlobH.spdk_bs_opts_init(struct, spdk_bs_opts.BYTES);
        spdk_bs_opts.cluster_sz(struct, (int) options.clusterSizeBytes());
        if (options.metadataPages() != 0) {
            spdk_bs_opts.num_md_pages(struct, options.metadataPages());
        }
        spdk_bs_opts.md_page_size(struct, options.metadataPageSizeBytes());
        spdk_bs_opts.max_md_ops(struct, CHANNEL_REQUESTS);
        spdk_bs_opts.max_channel_ops(struct, CHANNEL_REQUESTS);
        spdk_bs_opts.clear_method(struct, clearMethod(options.clearMethod()));
        byte[] type = options.type().getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment tag = spdk_bs_opts.bstype(struct).asSlice(0, BlobH.SPDK_BLOBSTORE_TYPE_LENGTH).fill((byte) 0);
        MemorySegment.copy(type, 0, tag, ValueLayout.JAVA_BYTE, 0, type.length);
        spdk_bs_opts.force_recover(struct, options.forceRecovery() ? 1 : 0);
        spdk_bs_opts.esnap_bs_dev_create(struct, runtime.blobCalls().onExternal());
        spdk_bs_opts.esnap_ctx(struct, store.externalContext());
        return struct;
    }

    private static int clearMethod(ClearMethod method) {
        return switch (method) {
            case NONE -> BlobH.BS_CLEAR_WITH_NONE;
            case WRITE_ZEROES -> BlobH.BS_CLEAR_WITH_WRITE_ZEROES;
            case DEFAULT, UNMAP -> BlobH.BS_CLEAR_WITH_UNMAP;
        };
    }
}
