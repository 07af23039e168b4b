package io.spdkio.tck;

import io.spdkio.IoChannel;
import io.spdkio.bdev.Bdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the blobstore's classes of the suite share. */
abstract class BlobTckBase extends EngineTck {
    final Blobstore init(Bdev bdev, BlobstoreOptions options) {
        return await(env.blobstores().init(bdev, options));
    }

    final Blobstore load(Bdev bdev, BlobstoreOptions options) {
        return await(env.blobstores().load(bdev, options));
    }

    /** A new store of so many MiB on blocks of 4096 bytes, with clusters of 1 MiB. */
    final Blobstore newStore(int mebibytes) {
        return init(malloc(mebibytes * 256L, 4096), BlobstoreOptions.defaults());
    }

    final List<BlobId> allBlobs(Blobstore store) {
        List<BlobId> all = new ArrayList<>();
        BlobCursor cursor = store.blobs();
        for (Optional<BlobId> next = await(cursor.next()); next.isPresent(); next = await(cursor.next())) {
            all.add(next.get());
        }
        return all;
    }

    final String text(Blob blob, String xattr) {
        return new String(await(blob.xattr(xattr)).orElseThrow(), StandardCharsets.UTF_8);
    }

    final OpenBlob open(Blobstore store, BlobId id) {
        return new OpenBlob(await(store.open(id)), thread.ioChannel(store));
    }

    /** An open blob with the main thread's channel, and simple ways to do I/O and wait. */
    final class OpenBlob implements AutoCloseable {
        final Blob blob;
        final IoChannel channel;

        OpenBlob(Blob blob, IoChannel channel) {
            this.blob = blob;
            this.channel = channel;
        }

        void write(long offset, byte[] bytes) {
            try (DmaBuf buffer = buffer(bytes)) {
                await(blob.write(channel, buffer, offset, bytes.length));
            }
        }

        byte[] read(long offset, int length) {
            try (DmaBuf buffer = buffer(length).fill((byte) 0xA5)) {
                await(blob.read(channel, buffer, offset, length));
                return buffer.get(0, length);
            }
        }

        @Override
        public void close() {
            await(blob.closeAsync());
            channel.close();
        }
    }
}
