package io.spdkio.cli.perf;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.cli.CliException;
import io.spdkio.dma.DmaBuf;

import java.util.regex.Pattern;

/** A blob that has all clusters of a new store, allocated. Made and closed on the store's metadata thread. */
record BlobTarget(Blobstore store, Blob blob) implements Target {
    static final String PREFIX = "blob:";

    private static final Pattern DEVICE = Pattern.compile("malloc[:,].*");

    static boolean isSpec(String text) {
        return text.startsWith(PREFIX);
    }

    /** The device of a spec. A store is made on it, so it is one that holds nothing yet. */
    static String deviceOf(String text) {
        String device = text.substring(PREFIX.length());
        if (!DEVICE.matcher(device).matches()) {
            throw CliException.usage(
                    text
                            + ": a new blobstore is made for the run, so it takes a malloc device; give"
                            + " blob:malloc:64MiB");
        }
        return device;
    }

    static BlobTarget make(SpdkEnv env, Bdev bdev, String text) {
        Blobstore store = env.blobstores().init(bdev, BlobstoreOptions.defaults()).join();
        long clusters = store.freeClusters();
        if (clusters == 0) {
            throw CliException.usage(text + " has no room for data behind its metadata; make it larger");
        }
        return new BlobTarget(store, store.open(store.create(BlobOptions.thick(clusters)).join()).join());
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
    public Opened open(SpdkThread thread, boolean writes) {
        IoChannel channel = thread.ioChannel(store);
        return new Opened() {
            @Override
            public IoQueue openQueue(int depth, IoQueue.Handler handler) {
                return blob.openQueue(channel, depth, handler);
            }

            @Override
            public IoFuture<Void> read(DmaBuf buffer, long offset, int length) {
                return blob.read(channel, buffer, offset, length);
            }

            @Override
            public IoFuture<Void> write(DmaBuf buffer, long offset, int length) {
                return blob.write(channel, buffer, offset, length);
            }

            @Override
            public void close() {
                channel.close();
            }
        };
    }

    @Override
    public void close() {
        blob.close();
        store.close();
    }
}
