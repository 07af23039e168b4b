package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** Stores and what they say of themselves: init, load, unload, destroy, grow, blobs and their metadata. */
public abstract class BlobstoreTck extends BlobTckBase {
    /** For the subclasses. */
    protected BlobstoreTck() {}

    // ---- making and loading

    @Test
    void aNewStoreSaysWhatItIs() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults().withType("tck"));
        assertThat(store.bdev().name()).isEqualTo(bdev.name());
        assertThat(store.type()).isEqualTo("tck");
        assertThat(store.clusterSizeBytes()).isEqualTo(1 << 20);
        assertThat(store.pageSizeBytes()).isEqualTo(4096);
        assertThat(store.ioUnitSizeBytes()).isEqualTo(4096);
        assertThat(store.totalDataClusters()).isEqualTo(63);
        assertThat(store.freeClusters()).isEqualTo(63);
        assertThat(store.metadataThread()).isSameAs(thread);
        assertThat(await(store.superBlob())).isEmpty();
        assertThat(allBlobs(store)).isEmpty();
        assertThat(store.isClosed()).isFalse();
        await(store.unload());
        assertThat(store.isClosed()).isTrue();
    }

    @Test
    void theIoUnitIsTheBlockSizeOfTheDevice() {
        Blobstore store = init(malloc(64 * 2048, 512), BlobstoreOptions.defaults());
        assertThat(store.ioUnitSizeBytes()).isEqualTo(512);
        assertThat(store.pageSizeBytes()).isEqualTo(4096);
        store.close();
    }

    /** The super block has 4096 bytes; SPDK itself makes a store on other blocks and loses it. */
    @ParameterizedTest
    @ValueSource(ints = {1536, 3072, 4608, 8192, 65536})
    void blocksThatDoNotDivideASuperBlockAreRefused(int blockSize) {
        Bdev bdev = malloc(1024, blockSize);
        for (Supplier<IoFuture<Blobstore>> operation :
                List.<Supplier<IoFuture<Blobstore>>>of(
                        () -> env.blobstores().init(bdev), () -> env.blobstores().load(bdev))) {
            SpdkException refused = failsWith(SpdkException.Unsupported.class, operation);
            assertThat(refused.errno()).isEqualTo(Errno.EOPNOTSUPP);
            assertThat(refused)
                    .hasMessageContaining("'" + bdev.name() + "' has blocks of %,d bytes".formatted(blockSize))
                    .hasMessageContaining("4,096");
        }
        // The device is free.
        bdev.open(OpenMode.READ_WRITE).close();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 1024, 2048, 4096})
    void blocksThatDivideASuperBlockHoldAStore(int blockSize) {
        Bdev bdev = malloc((32 << 20) / blockSize, blockSize);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        byte[] data = pattern(seed, blockSize);
        try (OpenBlob blob = open(store, id)) {
            blob.write((3 << 20) + 5L * blockSize, data);
        }
        await(store.unload());
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(again.ioUnitSizeBytes()).isEqualTo(blockSize);
        assertThat(again.pageSizeBytes()).isEqualTo(4096);
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.read((3 << 20) + 5L * blockSize, blockSize)).isEqualTo(data);
            assertThat(blob.read((3 << 20) + 4L * blockSize, blockSize)).containsOnly(0);
        }
        again.close();
    }

    /** SPDK itself takes the store's I/O units for blocks, and reads and writes at wrong places. */
    @ParameterizedTest
    @CsvSource({"512, 4096", "4096, 512", "1024, 2048"})
    void aStoreIsOnlyLoadedOnBlocksOfTheSizeThatItWasMadeOn(int made, int other) {
        SparseDisk disk = new SparseDisk(32 << 20);
        init(custom(disk.device(made)), BlobstoreOptions.defaults()).close();
        Bdev bdev = custom(disk.device(other));
        SpdkException refused = failsWith(SpdkException.Unsupported.class, () -> env.blobstores().load(bdev));
        assertThat(refused.errno()).isEqualTo(Errno.EOPNOTSUPP);
        assertThat(refused)
                .hasMessageContaining(
                        "'" + bdev.name() + "' has blocks of %,d bytes, and its blobstore was made on".formatted(other))
                .hasMessageContaining("blocks of %,d;".formatted(made));
        bdev.open(OpenMode.READ_WRITE).close();
        load(custom(disk.device(made)), BlobstoreOptions.defaults()).close();
    }

    /** Loading takes their size from the store, not from the options, and writes nothing past its own memory. */
    @ParameterizedTest
    @ValueSource(ints = {8192, 12288, 65536, 1 << 20})
    void metadataPagesCanBeLarger(int pageBytes) {
        long cluster = pageBytes == 12288 ? 3 << 18 : 1 << 20;
        Bdev bdev = custom(new SparseDisk(128 << 20).device(4096));
        BlobstoreOptions options =
                BlobstoreOptions.defaults()
                        .withClusterSize(cluster)
                        .withMetadataPages(40)
                        .withMetadataPageSize(pageBytes);
        Blobstore store = init(bdev, options);
        assertThat(store.pageSizeBytes()).isEqualTo(pageBytes);
        BlobId id = await(store.create(BlobOptions.thin(1500)));
        long[] clusters = {0, 511, 512, 1024, 1499};
        writeFirstBytes(store, id, clusters, 1);
        await(store.unload());

        List<DmaBuf> bystanders = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            bystanders.add(buffer(4096).fill((byte) 0x5A));
        }
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        for (int i = 0; i < 64; i++) {
            bystanders.add(buffer(4096).fill((byte) 0x5A));
        }
        assertThat(again.pageSizeBytes()).isEqualTo(pageBytes);
        BlobId snapshot = await(again.snapshot(id));
        writeFirstBytes(again, id, clusters, 2);
        byte[] unchanged = filled(0x5A, 4096);
        for (DmaBuf bystander : bystanders) {
            assertThat(Arrays.equals(bystander.get(0, 4096), unchanged)).isTrue();
            bystander.close();
        }
        again.close();

        Blobstore last = load(bdev, BlobstoreOptions.defaults().withForceRecovery(true));
        for (BlobId each : List.of(id, snapshot)) {
            try (OpenBlob blob = open(last, each)) {
                for (long at : clusters) {
                    assertThat(blob.read(at * cluster, 4096)).containsOnly(each.equals(id) ? 2 : 1);
                }
            }
        }
        last.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {4096, 8192, 65536})
    void aStoreIsRecoveredInWhateverOrderItsReadsEnd(int pageBytes) {
        TestBackend backend = TestBackend.of((256L << 20) / 4096, 4096);
        Bdev bdev = custom(backend);
        BlobstoreOptions options =
                BlobstoreOptions.defaults()
                        .withClusterSize(65536)
                        .withMetadataPages(16)
                        .withMetadataPageSize(pageBytes);
        Blobstore store = init(bdev, options);
        BlobId id = await(store.create(BlobOptions.thick(2100)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(2099L * 65536, filled(7, 4096));
        }
        await(store.unload());

        backend.script = TestBackend::hold;
        CompletableFuture<Blobstore> loading =
                env.blobstores().load(bdev, BlobstoreOptions.defaults().withForceRecovery(true)).toCompletableFuture();
        pollUntil(
                "the store",
                () -> {
                    List<BdevIo> all = new ArrayList<>(backend.held);
                    backend.held.clear();
                    all.reversed().forEach(backend::serve);
                    return loading.isDone();
                });
        backend.script = TestBackend::serve;
        Blobstore again = loading.join();
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.blob.clusters()).isEqualTo(2100);
            assertThat(blob.read(2099L * 65536, 4096)).containsOnly(7);
        }
        again.close();
    }

    /** An engine may make metadata pages as large as they are. */
    @ParameterizedTest
    @ValueSource(ints = {4096, 16384, 65536})
    void physicalBlocksCanBeLarger(int physicalBytes) {
        String name = newName("malloc");
        await(
                env.rpc()
                        .call(
                                "bdev_malloc_create",
                                Map.of(
                                        "name",
                                        name,
                                        "num_blocks",
                                        32 << 11,
                                        "block_size",
                                        512,
                                        "physical_block_size",
                                        physicalBytes)));
        Bdev bdev = env.bdevs().find(name).orElseThrow();
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        writeFirstBytes(store, id, new long[] {1, 3}, 1);
        await(store.unload());
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(again.pageSizeBytes()).isBetween(4096, Math.max(4096, physicalBytes));
        writeFirstBytes(again, id, new long[] {2}, 2);
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.read(3 << 20, 4096)).containsOnly(1);
            assertThat(blob.read(2 << 20, 4096)).containsOnly(2);
        }
        again.close();
    }

    private void writeFirstBytes(Blobstore store, BlobId id, long[] clusters, int value) {
        try (OpenBlob blob = open(store, id)) {
            for (long at : clusters) {
                blob.write(at * store.clusterSizeBytes(), filled(value, 4096));
            }
        }
    }

    @Test
    void metadataPagesHaveLimits() {
        for (int size : new int[] {0, 512, 4608, (1 << 20) + 4096, 1 << 28, -4096}) {
            assertThatThrownBy(() ->
                            BlobstoreOptions.defaults()
                                    .withClusterSize(8L * Math.max(512, size))
                                    .withMetadataPageSize(size))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("up to 1048576, not " + size);
        }
    }

    @Test
    void everythingIsThereAfterAReload() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults().withType("tck"));
        BlobId thick = await(store.create(BlobOptions.thick(5).withXattr("name", "thick")));
        BlobId thin = await(store.create(BlobOptions.thin(1000).withXattr("name", "thin")));
        byte[] data = pattern(seed, 8192);
        try (OpenBlob blob = open(store, thick)) {
            blob.write(4096, data);
        }
        try (OpenBlob blob = open(store, thin)) {
            blob.write(999L << 20, data);
        }
        await(store.setSuperBlob(Optional.of(thin)));
        long free = store.freeClusters();
        await(store.unload());

        Blobstore again = load(bdev, BlobstoreOptions.defaults().withType("tck"));
        assertThat(again.freeClusters()).isEqualTo(free).isEqualTo(63 - 5 - 1);
        assertThat(await(again.superBlob())).contains(thin);
        assertThat(allBlobs(again)).containsExactlyInAnyOrder(thick, thin);
        try (OpenBlob blob = open(again, thick)) {
            assertThat(blob.blob.clusters()).isEqualTo(5);
            assertThat(blob.blob.allocatedClusters()).isEqualTo(5);
            assertThat(blob.blob.isThin()).isFalse();
            assertThat(text(blob.blob, "name")).isEqualTo("thick");
            assertThat(blob.read(4096, 8192)).isEqualTo(data);
            assertThat(blob.read(0, 4096)).containsOnly(0);
        }
        try (OpenBlob blob = open(again, thin)) {
            assertThat(blob.blob.clusters()).isEqualTo(1000);
            assertThat(blob.blob.allocatedClusters()).isEqualTo(1);
            assertThat(blob.blob.isThin()).isTrue();
            assertThat(text(blob.blob, "name")).isEqualTo("thin");
            assertThat(blob.read(999L << 20, 8192)).isEqualTo(data);
            assertThat(blob.read(0, 4096)).containsOnly(0);
        }
        again.close();
    }

    @Test
    void aStoreOfAnotherTypeIsRefusedAndAnyTypeIsTakenWithoutOne() {
        Bdev bdev = malloc(64 * 256, 4096);
        init(bdev, BlobstoreOptions.defaults().withType("lvols")).close();
        SpdkException refused =
                failsWith(
                        SpdkException.class,
                        () -> env.blobstores().load(bdev, BlobstoreOptions.defaults().withType("other")));
        assertThat(refused.errno()).isEqualTo(Errno.ENXIO);
        assertThat(refused).hasMessageContaining("lvols").hasMessageContaining(bdev.name());
        load(bdev, BlobstoreOptions.defaults()).close();
        load(bdev, BlobstoreOptions.defaults().withType("lvols")).close();
    }

    @Test
    void whereThereIsNoStoreTheErrorSaysSo() {
        Bdev bdev = malloc(64 * 256, 4096);
        SpdkException refused = failsWith(SpdkException.IoFailed.class, () -> env.blobstores().load(bdev));
        assertThat(refused.errno()).isEqualTo(Errno.EILSEQ);
        assertThat(refused).hasMessageContaining(bdev.name());
        // The device is free again.
        bdev.open(OpenMode.READ_WRITE).close();
    }

    @Test
    void theDeviceIsClaimedUntilTheStoreIsUnloaded() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        assertThat(bdev.claimedBy()).isPresent();
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.Busy.class);
        failsWith(SpdkException.Busy.class, () -> env.blobstores().load(bdev));
        bdev.open(OpenMode.READ_ONLY).close();
        await(store.unload());
        assertThat(bdev.claimedBy()).isEmpty();
        bdev.open(OpenMode.READ_WRITE).close();
    }

    @Test
    void aDeviceThatIsOpenForWritingIsRefused() {
        Bdev bdev = malloc(64 * 256, 4096);
        try (BdevDesc _ = bdev.open(OpenMode.READ_WRITE)) {
            failsWith(SpdkException.Busy.class, () -> env.blobstores().init(bdev));
        }
        init(bdev, BlobstoreOptions.defaults()).close();
    }

    @Test
    void aDeviceThatIsTooSmallIsRefused() {
        failsWith(SpdkException.class, () -> env.blobstores().init(malloc(16, 4096)));
    }

    @Test
    void afterDestroyThereIsNoStore() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        await(store.destroy());
        assertThat(store.isClosed()).isTrue();
        failsWith(SpdkException.IoFailed.class, () -> env.blobstores().load(bdev));
    }

    @Test
    void aStoreWithOpenBlobsIsNotUnloaded() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        Blob blob = await(store.open(id));
        failsWith(SpdkException.Busy.class, store::unload);
        failsWith(SpdkException.Busy.class, store::destroy);
        assertThat(store.isClosed()).isFalse();
        assertThat(blob.clusters()).isEqualTo(1);
        blob.close();
        await(store.unload());
    }

    @Test
    void anUnloadedStoreRefusesEverything() {
        Blobstore store = init(malloc(64 * 256, 4096), BlobstoreOptions.defaults());
        IoChannel channel = thread.ioChannel(store);
        store.close();
        store.close();
        failsWith(SpdkException.Closed.class, () -> store.create(BlobOptions.thick(1)));
        failsWith(SpdkException.Closed.class, store::unload);
        failsWith(SpdkException.Closed.class, store::superBlob);
        failsWith(SpdkException.Closed.class, () -> store.blobs().next());
        assertThatThrownBy(() -> thread.ioChannel(store)).isInstanceOf(SpdkException.Closed.class);
        channel.close();
    }

    @Test
    void theSuperBlobCanBeSetAndTakenBack() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        await(store.setSuperBlob(Optional.of(id)));
        assertThat(await(store.superBlob())).contains(id);
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(await(again.superBlob())).contains(id);
        await(again.setSuperBlob(Optional.empty()));
        assertThat(await(again.superBlob())).isEmpty();
        again.close();
    }

    @Test
    void theCursorMeetsEveryBlobOnce() {
        Blobstore store = init(malloc(64 * 256, 4096), BlobstoreOptions.defaults());
        List<BlobId> created = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            created.add(await(store.create(BlobOptions.thin(1))));
        }
        for (int i = 39; i >= 0; i -= 3) {
            await(store.delete(created.remove(i)));
        }
        assertThat(allBlobs(store)).containsExactlyInAnyOrderElementsOf(created);
        BlobCursor cursor = store.blobs();
        for (int i = 0; i < created.size(); i++) {
            assertThat(await(cursor.next())).isPresent();
        }
        assertThat(await(cursor.next())).isEmpty();
        assertThat(await(cursor.next())).isEmpty();
        store.close();
    }

    // ---- blobs

    @Test
    void aBlobThatIsCreatedWhileAnotherIsDeletedIsThereAndStays() {
        TestBackend backend = TestBackend.of(16 * 256, 4096);
        Blobstore store = init(create(CustomBdev.of(newName("disk"), backend)), BlobstoreOptions.defaults());
        long free = store.freeClusters();
        BlobId first = await(store.create(BlobOptions.thick(3)));
        // Nobody knows what is freed when; in the middle of it nearly all is.
        backend.script =
                (it, io) -> {
                    if (io.type() == IoType.UNMAP) {
                        TestBackend.hold(it, io);
                    } else {
                        it.serve(io);
                    }
                };
        IoFuture<Void> deleted = store.delete(first);
        pollUntil("an unmap", () -> !backend.held.isEmpty());
        CompletionStage<BlobId> snapshot = store.create(BlobOptions.thick(1)).thenCompose(store::snapshot);
        pollFor(Duration.ofMillis(20));
        backend.script = TestBackend::serve;
        backend.serveHeld();
        await(deleted);
        BlobId made = await(snapshot);
        BlobId second = await(store.clonesOf(made)).getFirst();
        assertThat(allBlobs(store)).containsExactlyInAnyOrder(made, second);
        assertThat(store.freeClusters()).isEqualTo(free - 1);
        await(store.delete(second));
        await(store.delete(made));
        assertThat(store.freeClusters()).isEqualTo(free);
        store.close();
    }

    @Test
    void aBlobThatDoesNotExistIsNotFound() {
        Blobstore store = init(malloc(64 * 256, 4096), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        await(store.delete(id));
        failsWith(SpdkException.NotFound.class, () -> store.open(id));
        failsWith(SpdkException.NotFound.class, () -> store.delete(id));
        failsWith(SpdkException.NotFound.class, () -> store.open(new BlobId(-1)));
        failsWith(SpdkException.NotFound.class, () -> store.open(new BlobId(0)));
        assertThat(store.freeClusters()).isEqualTo(63);
        store.close();
    }

    @Test
    void aBlobIsOpenedAsOftenAsOneLikes() {
        Blobstore store = init(malloc(64 * 256, 4096), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        OpenBlob one = open(store, id);
        OpenBlob two = open(store, id);
        byte[] data = pattern(seed, 4096);
        one.write(0, data);
        assertThat(two.read(0, 4096)).isEqualTo(data);
        failsWith(SpdkException.Busy.class, () -> store.delete(id));
        one.blob.close();
        one.blob.close();
        assertThat(one.blob.isClosed()).isTrue();
        assertThat(two.read(0, 4096)).isEqualTo(data);
        failsWith(SpdkException.Busy.class, () -> store.delete(id));
        two.close();
        one.close();
        await(store.delete(id));
        store.close();
    }

    @Test
    void resizingTakesAndGivesBackClusters() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(0)));
        try (OpenBlob blob = open(store, id)) {
            assertThat(blob.blob.clusters()).isZero();
            await(blob.blob.resize(10));
            assertThat(blob.blob.clusters()).isEqualTo(10);
            assertThat(blob.blob.sizeBytes()).isEqualTo(10 << 20);
            assertThat(blob.blob.ioUnits()).isEqualTo(10 * 256);
            assertThat(store.freeClusters()).isEqualTo(53);
            byte[] data = pattern(seed, 4096);
            blob.write(9 << 20, data);
            assertThatThrownBy(() -> blob.read(10 << 20, 4096)).isInstanceOf(IllegalArgumentException.class);
            await(blob.blob.resize(3));
            assertThatThrownBy(() -> blob.read(9 << 20, 4096)).isInstanceOf(IllegalArgumentException.class);
            await(blob.blob.syncMetadata());
            assertThat(store.freeClusters()).isEqualTo(60);
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.blob.clusters()).isEqualTo(3);
        }
        assertThat(again.freeClusters()).isEqualTo(60);
        again.close();
    }

    @Test
    void attributesAreKeptInOrderAndCanBeChangedAndRemoved() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1).withXattr("a", "1").withXattr("b", "2")));
        byte[] large = pattern(seed, 3000);
        try (OpenBlob open = open(store, id)) {
            Blob blob = open.blob;
            await(blob.setXattr("größe", "ja".getBytes(StandardCharsets.UTF_8)));
            await(blob.setXattr("large1", large));
            await(blob.setXattr("large2", large));
            await(blob.setXattr("empty", new byte[0]));
            await(blob.setXattr("a", "11".getBytes(StandardCharsets.UTF_8)));
            await(blob.removeXattr("b"));
            failsWith(SpdkException.NotFound.class, () -> blob.removeXattr("b"));
            failsWith(SpdkException.NoMemory.class, () -> blob.setXattr("huge", new byte[4096]));
            assertThat(await(blob.xattr("b"))).isEmpty();
            await(blob.syncMetadata());
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob open = open(again, id)) {
            assertThat(await(open.blob.xattrNames())).containsExactly("a", "größe", "large1", "large2", "empty");
            assertThat(text(open.blob, "a")).isEqualTo("11");
            assertThat(text(open.blob, "größe")).isEqualTo("ja");
            assertThat(await(open.blob.xattr("large1"))).contains(large);
            assertThat(await(open.blob.xattr("large2"))).contains(large);
            assertThat(await(open.blob.xattr("empty"))).contains(new byte[0]);
        }
        again.close();
    }

    @Test
    void whatClosingWritesNeedsNoSync() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(1)));
        Blob blob = await(store.open(id));
        await(blob.setXattr("name", new byte[] {1}));
        await(blob.resize(7));
        await(blob.closeAsync());
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob open = open(again, id)) {
            assertThat(open.blob.clusters()).isEqualTo(7);
            assertThat(await(open.blob.xattr("name"))).contains(new byte[] {1});
        }
        again.close();
    }

    @Test
    void aReadOnlyBlobTakesNoWritesAndNoChanges() {
        Blobstore store = init(malloc(64 * 256, 4096), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        try (OpenBlob open = open(store, id)) {
            open.write(0, pattern(seed, 4096));
            await(open.blob.setReadOnly());
            await(open.blob.syncMetadata());
            assertThat(open.blob.isReadOnly()).isTrue();
            assertThatThrownBy(() -> open.write(0, pattern(1, 4096))).isInstanceOf(SpdkException.Busy.class);
            failsWith(SpdkException.Busy.class, () -> open.blob.resize(2));
            failsWith(SpdkException.Busy.class, () -> open.blob.setXattr("a", new byte[1]));
            assertThat(open.read(0, 4096)).isEqualTo(pattern(seed, 4096));
        }
        store.close();
    }

    @Test
    void aFullStoreIsNoSpaceOnThatCallAlone() {
        Blobstore store = init(malloc(16 * 256, 4096), BlobstoreOptions.defaults());
        long all = store.freeClusters();
        BlobId thin = await(store.create(BlobOptions.thin(4)));
        BlobId thick = await(store.create(BlobOptions.thick(all - 1)));
        SpdkException full = failsWith(SpdkException.class, () -> store.create(BlobOptions.thick(2)));
        assertThat(full.errno()).isEqualTo(Errno.ENOSPC);
        assertThat(full).hasMessageContaining("has 1 free cluster and needs 2").hasMessageContaining("elete");
        assertThat(store.freeClusters()).isEqualTo(1);
        try (OpenBlob blob = open(store, thin)) {
            byte[] data = pattern(seed, 4096);
            blob.write(0, data);
            assertThatThrownBy(() -> blob.write(1 << 20, data))
                    .isInstanceOfSatisfying(SpdkException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC))
                    .hasMessageContaining("has 0 free clusters and needs 1");
            assertThat(blob.read(0, 4096)).isEqualTo(data);
            assertThat(blob.read(1 << 20, 4096)).containsOnly(0);
            blob.write(0, pattern(7, 4096));
            SpdkException resize =
                    failsWith(
                            SpdkException.class,
                            () -> {
                                try (OpenBlob other = open(store, thick)) {
                                    return other.blob.resize(all + 5);
                                }
                            });
            assertThat(resize.errno()).isEqualTo(Errno.ENOSPC);
            assertThat(resize).hasMessageContaining("has 0 free clusters and needs 6");
            await(store.delete(thick));
            blob.write(1 << 20, data);
            assertThat(blob.read(1 << 20, 4096)).isEqualTo(data);
        }
        store.close();
    }

    @Test
    void withoutAMetadataPageLeftOnlyWhatNeedsOneFails() {
        Bdev bdev = malloc(32 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults().withMetadataPages(8));
        long free = store.freeClusters();
        List<BlobId> ids = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            ids.add(await(store.create(BlobOptions.thin(1))));
        }
        SpdkException none = failsWith(SpdkException.class, () -> store.create(BlobOptions.thin(1)));
        assertThat(none.errno()).isIn(Errno.ENOSPC, Errno.ENOMEM);
        assertThat(none).hasMessageContaining("metadata page");
        Blob blob = await(store.open(ids.getFirst()));
        await(blob.setXattr("one", new byte[3000]));
        // An engine says so when it is set, or when it is written.
        SpdkException written =
                failsWith(
                        SpdkException.class,
                        () -> blob.setXattr("two", new byte[3000]).thenCompose(_ -> blob.syncMetadata()));
        assertThat(written.errno()).isIn(Errno.ENOSPC, Errno.ENOMEM);
        assertThat(written).hasMessageContaining("metadata page").hasMessageContaining("elete blobs");
        if (await(blob.xattr("two")).isPresent()) {
            await(blob.removeXattr("two"));
        }
        await(blob.syncMetadata());
        failsWith(
                SpdkException.class, () -> blob.setXattr("three", new byte[3000]).thenCompose(_ -> blob.closeAsync()));
        if (!blob.isClosed()) {
            await(blob.closeAsync());
        }
        assertThat(blob.isClosed()).isTrue();
        try (OpenBlob again = open(store, ids.getFirst())) {
            assertThat(await(again.blob.xattrNames())).containsExactly("one");
        }
        await(store.delete(ids.removeLast()));
        await(store.delete(ids.removeLast()));
        try (OpenBlob again = open(store, ids.getFirst())) {
            again.write(0, pattern(seed, 4096));
            assertThat(again.blob.allocatedClusters()).isEqualTo(1);
        }
        assertThat(store.freeClusters()).isEqualTo(free - 1);
        store.close();
        Blobstore reloaded = load(bdev, BlobstoreOptions.defaults());
        assertThat(reloaded.freeClusters()).isEqualTo(free - 1);
        assertThat(allBlobs(reloaded)).containsExactlyElementsOf(ids);
        reloaded.close();
    }
}
