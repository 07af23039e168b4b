package io.spdkio.embedded.blob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Optional;

/** A blob that is not open is deleted without being opened: what others may do with it meanwhile. */
class DeletingTest {
    private SpdkEnv env;
    private SpdkThread thread;
    private Bdev bdev;
    private Blobstore store;
    private BlobId blob;

    @BeforeEach
    void makeStore() {
        env = SpdkEnv.builder().name("deleting").engine("embedded").build();
        thread = env.attachThread("main");
        bdev = env.bdevs().create(MallocBdev.of("deleting", 32 << 20)).join();
        store = env.blobstores().init(bdev, BlobstoreOptions.defaults().withMetadataPages(32)).join();
        blob = store.create(BlobOptions.thick(3)).join();
    }

    @AfterEach
    void close() {
        thread.close();
        env.close();
    }

    private long usedClusters() {
        return store.totalDataClusters() - store.freeClusters();
    }

    @Test
    void nobodyOpensABlobThatIsBeingDeleted() {
        IoFuture<Void> deleted = store.delete(blob);
        IoFuture<Blob> opened = store.open(blob);
        IoFuture<BlobId> cloned = store.clone(blob, Map.of());
        assertThatThrownBy(opened::join).isInstanceOf(SpdkException.NotFound.class);
        assertThatThrownBy(cloned::join).isInstanceOf(SpdkException.NotFound.class);
        deleted.join();
        assertThat(usedClusters()).isZero();
        store.unload().join();
    }

    @Test
    void aBlobIsDeletedOnce() {
        IoFuture<Void> deleted = store.delete(blob);
        IoFuture<Void> again = store.delete(blob);
        assertThatThrownBy(again::join).isInstanceOf(SpdkException.NotFound.class);
        deleted.join();
        assertThat(store.blobs().next().join()).isEmpty();
        assertThat(usedClusters()).isZero();
    }

    @Test
    void aStoreIsNotUnloadedWhileABlobIsBeingDeleted() {
        IoFuture<Void> deleted = store.delete(blob);
        IoFuture<Void> unloaded = store.unload();
        assertThatThrownBy(unloaded::join).isInstanceOf(SpdkException.Busy.class);
        deleted.join();
        store.unload().join();
        Blobstore loaded = env.blobstores().load(bdev).join();
        assertThat(loaded.blobs().next().join()).isEqualTo(Optional.empty());
        loaded.unload().join();
    }

    @Test
    void aBlobThatIsBeingOpenedIsNotDeleted() {
        IoFuture<Blob> opened = store.open(blob);
        IoFuture<Void> deleted = store.delete(blob);
        assertThatThrownBy(deleted::join).isInstanceOf(SpdkException.Busy.class);
        opened.join().close();
        store.delete(blob).join();
        assertThat(usedClusters()).isZero();
    }
}
