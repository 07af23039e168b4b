package io.spdkio.examples;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.dma.DmaBuf;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Makes a blobstore on a file, keeps a greeting in a thin blob, takes a snapshot, and reads both. */
public final class HelloBlob {
    private HelloBlob() {}

    /**
     * Runs it.
     *
     * @param args the file; hello-blob.img in the current folder by default
     */
    public static void main(String[] args) {
        Path file = Path.of(args.length > 0 ? args[0] : "hello-blob.img");

        try (SpdkEnv env = SpdkEnv.open();
                SpdkThread thread = env.attachThread("main")) {
            Bdev bdev = env.bdevs().create(AioBdev.create("disk0", file, 64 << 20)).join();
            try (Blobstore store = env.blobstores().init(bdev).join();
                    IoChannel channel = thread.ioChannel(store);
                    DmaBuf buffer = env.dma().allocate(4096)) {
                BlobId id = store.create(BlobOptions.thin(10).withXattr("name", "greeting")).join();
                try (Blob blob = store.open(id).join()) {
                    blob.write(channel, put(buffer, "Hello, blob!"), 0, 4096).join();
                    BlobId snapshot = store.snapshot(id).join();
                    blob.write(channel, put(buffer, "Hello, changed blob!"), 0, 4096).join();
                    try (Blob before = store.open(snapshot).join()) {
                        blob.read(channel, buffer, 0, 4096)
                                .thenRun(() -> print("now:    ", buffer))
                                .thenCompose(_ -> before.read(channel, buffer, 0, 4096))
                                .thenRun(() -> print("before: ", buffer))
                                .join();
                    }
                    System.out.println(
                            store.freeClusters() + " of " + store.totalDataClusters() + " clusters are free");
                }
            }
        }
    }

    private static DmaBuf put(DmaBuf buffer, String text) {
        return buffer.fill((byte) 0).put(0, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void print(String what, DmaBuf buffer) {
        System.out.println(what + new String(buffer.get(0, 4096), StandardCharsets.UTF_8).trim());
    }
}
