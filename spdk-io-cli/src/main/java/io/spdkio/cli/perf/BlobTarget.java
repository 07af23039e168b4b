package io.spdkio.cli.perf;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.cli.BlockIo;
import io.spdkio.cli.CliException;
import io.spdkio.dma.DmaBuf;
import io.spdkio.embedded.blob.format.SuperBlock;

import java.lang.foreign.ValueLayout;

/**
 * A blob that has all clusters of a new store, allocated. The store is made for the run, on a device that holds
 * nothing, and destroyed after it. Made and closed on the store's metadata thread.
 */
record BlobTarget(SpdkThread thread, Bdev bdev, Blobstore store, Blob blob) implements Target {
    static final String PREFIX = "blob:";

    /** Where every file system, partition table and volume manager has something. */
    private static final int LOOKED_AT_BYTES = 128 << 10;

    static boolean isSpec(String text) {
        return text.startsWith(PREFIX);
    }

    /** The device of a spec. */
    static String deviceOf(String text) {
        String device = text.substring(PREFIX.length());
        try {
            if (BdevSpec.parse(device).stream().anyMatch(NullBdev.class::isInstance)) {
                throw CliException.usage(
                        text
                                + ": a null device keeps nothing, and a blobstore reads what it wrote; give"
                                + " blob:malloc:64MiB");
            }
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
        return device;
    }

    static BlobTarget make(SpdkEnv env, SpdkThread thread, Bdev bdev, String text) {
        if (!bdev.supports(IoType.WRITE)) {
            throw CliException.usage(text + " can only be read, and a blobstore is made on it");
        }
        requireEmpty(env, thread, bdev, text);
        // Without clearing, which can take as long as writing the device once.
        BlobstoreOptions options = BlobstoreOptions.defaults().withClearMethod(ClearMethod.NONE);
        Blobstore store = env.blobstores().init(bdev, options).join();
        try {
            long clusters = store.freeClusters();
            if (clusters == 0) {
                throw CliException.usage(text + " has no room for data behind its metadata; make it larger");
            }
            Blob blob = store.open(store.create(BlobOptions.thick(clusters)).join()).join();
            return new BlobTarget(thread, bdev, store, blob);
        } catch (RuntimeException | Error e) {
            destroy(thread, bdev, store);
            throw e;
        }
    }

    /** The device is empty again, for the next run. */
    private static void destroy(SpdkThread thread, Bdev bdev, Blobstore store) {
        store.destroy().join();
        try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                IoChannel channel = thread.ioChannel(desc)) {
            desc.writeZeroes(channel, 0, Math.min(LOOKED_AT_BYTES, bdev.sizeBytes())).join();
        }
    }

    /** To measure is not to overwrite: reading, too, would cost what the device holds. */
    private static void requireEmpty(SpdkEnv env, SpdkThread thread, Bdev bdev, String text) {
        long length = Math.min(LOOKED_AT_BYTES, bdev.sizeBytes());
        try (BdevDesc desc = bdev.open(OpenMode.READ_ONLY);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(length)) {
            desc.read(channel, buffer, 0, length).join();
            if (SuperBlock.isMarked(buffer.segment())) {
                throw CliException.failed(
                        text + " holds a blobstore, and a new one would be made over it; name an empty device");
            }
            for (int i = 0; i < length; i++) {
                if (buffer.segment().get(ValueLayout.JAVA_BYTE, i) != 0) {
                    throw CliException.failed(
                            text + " is not empty, and a blobstore would be made over it; name an empty device");
                }
            }
        }
    }

    @Override
    public int blockSize() {
        return store.ioUnitSizeBytes();
    }

    @Override
    public long sizeBytes() {
        return blob.sizeBytes();
    }

    @Override
    public boolean canWrite() {
        return true;
    }

    @Override
    public BlockIo open(SpdkThread thread, boolean writes) {
        return BlockIo.of(blob, thread.ioChannel(store));
    }

    @Override
    public void close() {
        blob.close();
        destroy(thread, bdev, store);
    }
}
