package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.Blob;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** Snapshots, clones, clones of other devices, inflating and decoupling. */
public abstract class SnapshotTck extends BlobTckBase {
    private static final int MIB = 1 << 20;

    /** For the subclasses. */
    protected SnapshotTck() {}

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSnapshotKeepsWhatWasThere(boolean thin) {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(thin ? BlobOptions.thin(5) : BlobOptions.thick(5)));
        BlobId snapshot;
        try (OpenBlob blob = open(store, id)) {
            blob.write(MIB, filled(1, 8192));
            snapshot = await(store.snapshot(id, Map.of("who", new byte[] {9})));
            assertThat(blob.blob.isThin()).isTrue();
            assertThat(blob.blob.isClone()).isTrue();
            assertThat(blob.blob.allocatedClusters()).isZero();
            assertThat(blob.read(MIB, 8192)).containsOnly(1);
            blob.write(MIB + 4096, filled(2, 4096));
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
            assertThat(blob.read(MIB + 4096, 4096)).containsOnly(2);
        }
        assertThat(await(store.parentOf(id))).contains(snapshot);
        assertThat(await(store.clonesOf(snapshot))).containsExactly(id);
        assertThat(await(store.clonesOf(id))).isEmpty();
        assertThat(await(store.parentOf(snapshot))).isEmpty();
        checkSnapshot(store, snapshot);
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(await(again.parentOf(id))).contains(snapshot);
        assertThat(await(again.clonesOf(snapshot))).containsExactly(id);
        checkSnapshot(again, snapshot);
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
            assertThat(blob.read(MIB + 4096, 4096)).containsOnly(2);
            assertThat(blob.read(2 * MIB, 4096)).containsOnly(0);
        }
        again.close();
    }

    private void checkSnapshot(Blobstore store, BlobId snapshot) {
        try (OpenBlob blob = open(store, snapshot)) {
            assertThat(blob.blob.isReadOnly()).isTrue();
            assertThat(blob.blob.isSnapshot()).isTrue();
            assertThat(await(blob.blob.xattr("who"))).contains(new byte[] {9});
            assertThat(blob.read(MIB, 8192)).containsOnly(1);
            assertThatThrownBy(() -> blob.write(0, filled(3, 4096))).isInstanceOf(SpdkException.Busy.class);
        }
    }

    @Test
    void clonesStartFromTheSnapshotAndGoTheirOwnWays() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thick(3)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(0, filled(1, 4096));
        }
        BlobId snapshot = await(store.snapshot(id));
        BlobId one = await(store.clone(snapshot, Map.of("n", "one".getBytes(StandardCharsets.UTF_8))));
        BlobId two = await(store.clone(snapshot));
        assertThat(await(store.clonesOf(snapshot))).containsExactlyInAnyOrder(id, one, two);
        try (OpenBlob first = open(store, one);
                OpenBlob second = open(store, two)) {
            assertThat(text(first.blob, "n")).isEqualTo("one");
            first.write(4096, filled(2, 4096));
            second.write(8192, filled(3, 4096));
            assertThat(first.read(0, 4096)).containsOnly(1);
            assertThat(first.read(4096, 4096)).containsOnly(2);
            assertThat(first.read(8192, 4096)).containsOnly(0);
            assertThat(second.read(0, 4096)).containsOnly(1);
            assertThat(second.read(4096, 4096)).containsOnly(0);
            assertThat(second.read(8192, 4096)).containsOnly(3);
        }
        failsWith(SpdkException.Busy.class, () -> store.delete(snapshot));
        await(store.delete(one));
        await(store.delete(id));
        await(store.delete(snapshot));
        try (OpenBlob second = open(store, two)) {
            assertThat(second.blob.isClone()).isFalse();
            assertThat(second.read(0, 4096)).containsOnly(1);
            assertThat(second.read(8192, 4096)).containsOnly(3);
        }
        assertThat(await(store.parentOf(two))).isEmpty();
        await(store.delete(two));
        assertThat(store.freeClusters()).isEqualTo(63);
        store.close();
    }

    @Test
    void aBlobIsASnapshotAsLongAsItHasClones() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(1)));
        BlobId snapshot = await(store.snapshot(id));
        BlobId clone = await(store.clone(snapshot));
        try (OpenBlob open = open(store, snapshot)) {
            await(store.delete(clone));
            assertThat(open.blob.isSnapshot()).isTrue();
            await(store.decoupleParent(id));
            assertThat(open.blob.isSnapshot()).isFalse();
            assertThat(open.blob.isReadOnly()).isTrue();
            await(store.clone(snapshot));
            assertThat(open.blob.isSnapshot()).isTrue();
        }
        await(store.delete(allBlobs(store).getLast()));
        try (OpenBlob open = open(store, snapshot)) {
            assertThat(open.blob.isSnapshot()).isFalse();
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob open = open(again, snapshot)) {
            assertThat(open.blob.isSnapshot()).isFalse();
            assertThat(open.blob.isReadOnly()).isTrue();
        }
        again.close();
    }

    @Test
    void onlyWhatIsReadOnlyIsClonedAndOnlyWhatIsNotIsSnapshotted() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thick(1)));
        SpdkException clone = failsWith(SpdkException.class, () -> store.clone(id));
        assertThat(clone.errno()).isEqualTo(Errno.EINVAL);
        assertThat(clone).hasMessageContaining("make a snapshot of it");
        BlobId snapshot = await(store.snapshot(id));
        SpdkException again = failsWith(SpdkException.class, () -> store.snapshot(snapshot));
        assertThat(again.errno()).isEqualTo(Errno.EINVAL);
        assertThat(again).hasMessageContaining("make a clone of it");
        failsWith(SpdkException.NotFound.class, () -> store.snapshot(new BlobId(77)));
        store.close();
    }

    @Test
    void aCloneThatWasMadeLargerReadsZeroesBehindItsSnapshot() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thick(2)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(0, filled(5, 2 * MIB));
            BlobId snapshot = await(store.snapshot(id));
            await(blob.blob.resize(4));
            assertThat(blob.read(2 * MIB - 4096, 8192)).startsWith(filled(5, 4096)).endsWith(new byte[4096]);
            blob.write(3 * MIB, filled(6, 4096));
            assertThat(blob.read(3 * MIB, 4096)).containsOnly(6);
            assertThat(blob.read(3 * MIB + 4096, 4096)).containsOnly(0);
            await(blob.blob.syncMetadata());
            await(store.delete(snapshot));
            assertThat(blob.read(0, 4096)).containsOnly(5);
            assertThat(blob.read(3 * MIB, 4096)).containsOnly(6);
        }
        store.close();
    }

    @Test
    void inflatingMakesABlobIndependent() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(MIB, filled(1, 4096));
            BlobId snapshot = await(store.snapshot(id));
            blob.write(2 * MIB, filled(2, 4096));
            await(store.inflate(id));
            assertThat(blob.blob.isThin()).isFalse();
            assertThat(blob.blob.isClone()).isFalse();
            assertThat(blob.blob.allocatedClusters()).isEqualTo(4);
            assertThat(await(store.clonesOf(snapshot))).isEmpty();
            await(store.delete(snapshot));
            assertThat(blob.read(0, 4096)).containsOnly(0);
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
            assertThat(blob.read(2 * MIB, 4096)).containsOnly(2);
        }
        assertThat(store.freeClusters()).isEqualTo(59);
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.blob.isThin()).isFalse();
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
        }
        again.close();
    }

    @Test
    void decouplingCopiesWhatTheParentHasAndKeepsTheGrandparent() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thin(4)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(0, filled(1, 4096));
            BlobId grandparent = await(store.snapshot(id));
            blob.write(MIB, filled(2, 4096));
            BlobId parent = await(store.snapshot(id));
            blob.write(2 * MIB, filled(3, 4096));
            assertThat(blob.blob.allocatedClusters()).isEqualTo(1);
            await(store.decoupleParent(id));
            assertThat(blob.blob.isThin()).isTrue();
            assertThat(blob.blob.allocatedClusters()).isEqualTo(2);
            assertThat(await(store.parentOf(id))).contains(grandparent);
            assertThat(await(store.clonesOf(grandparent))).containsExactlyInAnyOrder(id, parent);
            await(store.delete(parent));
            await(store.decoupleParent(id));
            assertThat(await(store.parentOf(id))).isEmpty();
            await(store.delete(grandparent));
            assertThat(blob.read(0, 4096)).containsOnly(1);
            assertThat(blob.read(MIB, 4096)).containsOnly(2);
            assertThat(blob.read(2 * MIB, 4096)).containsOnly(3);
            assertThat(blob.read(3 * MIB, 4096)).containsOnly(0);
            SpdkException nothing = failsWith(SpdkException.class, () -> store.decoupleParent(id));
            assertThat(nothing.errno()).isEqualTo(Errno.EINVAL);
        }
        assertThat(store.freeClusters()).isEqualTo(60);
        store.close();
    }

    @Test
    void inflatingWithoutRoomIsNoSpaceAndChangesNothing() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thin(40)));
        SpdkException full = failsWith(SpdkException.class, () -> store.inflate(id));
        assertThat(full.errno()).isEqualTo(Errno.ENOSPC);
        assertThat(full).hasMessageContaining("has 15 free clusters and needs 40");
        assertThat(store.freeClusters()).isEqualTo(15);
        try (OpenBlob blob = open(store, id)) {
            assertThat(blob.blob.isThin()).isTrue();
            blob.write(39L * MIB, filled(1, 4096));
        }
        store.close();
    }

    @Test
    void decouplingWithoutRoomIsNoSpaceAndChangesNothing() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thin(40)));
        try (OpenBlob blob = open(store, id)) {
            for (long cluster : new long[] {0, 1, 2, 7, 20, 38, 39}) {
                blob.write(cluster * MIB, filled(1, 4096));
            }
            await(store.snapshot(id));
            blob.write(2 * MIB, filled(2, 4096));
            blob.write(3 * MIB, filled(3, 4096));
        }
        await(store.create(BlobOptions.thick(3)));
        SpdkException full = failsWith(SpdkException.class, () -> store.decoupleParent(id));
        assertThat(full.errno()).isEqualTo(Errno.ENOSPC);
        assertThat(full).hasMessageContaining("has 3 free clusters and needs 6");
        assertThat(store.freeClusters()).isEqualTo(3);
        assertThat(await(store.parentOf(id))).isPresent();
        store.close();
    }

    @Test
    void cloningWithoutAMetadataPageLeftFailsAndChangesNothing() {
        Blobstore store = init(malloc(16 * 256, 4096), BlobstoreOptions.defaults().withMetadataPages(4));
        BlobId id = await(store.create(BlobOptions.thin(2)));
        BlobId snapshot = await(store.snapshot(id));
        await(store.create(BlobOptions.thin(1)));
        BlobId last = await(store.create(BlobOptions.thin(1)));
        SpdkException full = failsWith(SpdkException.class, () -> store.clone(snapshot));
        assertThat(full.errno()).isIn(Errno.ENOSPC, Errno.ENOMEM);
        assertThat(full).hasMessageContaining("metadata page");
        failsWith(SpdkException.class, () -> store.clone(snapshot, Map.of("long", new byte[5000])));
        assertThat(await(store.clonesOf(snapshot))).containsExactly(id);
        await(store.delete(last));
        BlobId clone = await(store.clone(snapshot));
        assertThat(await(store.clonesOf(snapshot))).containsExactlyInAnyOrder(id, clone);
        store.close();
    }

    // ---- clones of other devices

    @Test
    void aCloneOfAnotherDeviceReadsItAndWritesItsOwn() {
        Device golden = device(malloc(3 * 256, 4096));
        golden.write(0, filled(1, 3 * MIB));
        String name = golden.bdev.name();
        golden.close();
        byte[] identity = {1, 2, 3};
        Bdev bdev = malloc(64 * 256, 4096);
        BlobstoreOptions options =
                BlobstoreOptions.defaults()
                        .withExternalSnapshots(
                                (_, which) -> Arrays.equals(which, identity) ? Optional.of(name) : Optional.empty());
        Blobstore store = init(bdev, options);
        BlobId id = await(store.create(BlobOptions.cloneOf(4, identity)));
        try (OpenBlob blob = open(store, id)) {
            assertThat(blob.blob.isThin()).isTrue();
            assertThat(blob.read(0, 4 * MIB)).startsWith(filled(1, 3 * MIB)).endsWith(new byte[MIB]);
            blob.write(MIB + 4096, filled(2, 4096));
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
            assertThat(blob.read(MIB + 4096, 4096)).containsOnly(2);
            BlobId snapshot = await(store.snapshot(id));
            assertThat(blob.read(MIB + 4096, 4096)).containsOnly(2);
            assertThat(blob.read(2 * MIB, 4096)).containsOnly(1);
            blob.write(2 * MIB, filled(3, 4096));
            await(store.delete(snapshot));
            assertThat(blob.read(2 * MIB, 8192)).startsWith(filled(3, 4096)).endsWith(filled(1, 4096));
            assertThat(blob.read(0, 4096)).containsOnly(1);
        }
        store.close();
        Blobstore without = load(bdev, BlobstoreOptions.defaults());
        failsWith(SpdkException.Unsupported.class, () -> without.open(id));
        without.close();
        Blobstore again = load(bdev, options);
        await(again.inflate(id));
        again.close();
        Blobstore inflated = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob blob = open(inflated, id)) {
            assertThat(blob.blob.isThin()).isFalse();
            assertThat(blob.read(0, 4096)).containsOnly(1);
            assertThat(blob.read(MIB + 4096, 4096)).containsOnly(2);
            assertThat(blob.read(3 * MIB, MIB)).containsOnly(0);
        }
        inflated.close();
    }

    @Test
    void closingABlobLeavesReadsOfACloneOfAnotherDeviceAlone() {
        Bdev golden = malloc(3 * 256, 4096);
        Bdev slow = create(DelayBdev.of(newName("slow"), golden.name(), Duration.ofMillis(50)));
        Blobstore store =
                init(
                        malloc(64 * 256, 4096),
                        BlobstoreOptions.defaults().withExternalSnapshots((_, _) -> Optional.of(slow.name())));
        BlobId id = await(store.create(BlobOptions.cloneOf(3, new byte[] {1})));
        OpenBlob other = open(store, await(store.create(BlobOptions.thick(1))));
        try (OpenBlob clone = open(store, id);
                DmaBuf buffer = buffer(4096)) {
            assertThat(other.read(0, 4096)).containsOnly(0);
            IoFuture<Void> read = clone.blob.read(clone.channel, buffer, 0, 4096);
            poll(3);
            other.close();
            await(read);
            assertThat(clone.read(MIB, 4096)).containsOnly(0);
        }
        store.close();
    }

    /** An engine that can't make the other device the parent says what to do, and nothing has changed. */
    @Test
    void aCloneIsTakenOffACloneOfAnotherDevice() {
        Device golden = device(malloc(3 * 256, 4096));
        golden.write(0, filled(1, 3 * MIB));
        String name = golden.bdev.name();
        golden.close();
        BlobstoreOptions options = BlobstoreOptions.defaults().withExternalSnapshots((_, _) -> Optional.of(name));
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, options);
        BlobId id = await(store.create(BlobOptions.cloneOf(3, new byte[] {1})));
        BlobId snapshot;
        try (OpenBlob blob = open(store, id)) {
            blob.write(MIB, filled(2, 4096));
            snapshot = await(store.snapshot(id));
            blob.write(2 * MIB, filled(3, 4096));
            try {
                await(store.decoupleParent(id));
            } catch (SpdkException.Unsupported e) {
                assertThat(e).hasMessageContaining("inflate");
                assertThat(await(store.parentOf(id))).contains(snapshot);
                await(store.inflate(id));
            }
            assertThat(await(store.parentOf(id))).isEmpty();
        }
        store.close();
        Blobstore again = load(bdev, options);
        await(again.delete(snapshot));
        try (OpenBlob blob = open(again, id)) {
            assertThat(blob.read(0, MIB)).containsOnly(1);
            assertThat(blob.read(MIB, 8192)).startsWith(filled(2, 4096)).endsWith(filled(1, 4096));
            assertThat(blob.read(2 * MIB, 8192)).startsWith(filled(3, 4096)).endsWith(filled(1, 4096));
        }
        again.close();
    }

    // ---- two things at once

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 8, 13, 20, 39})
    void aParentThatTakesOverItsOwnWhileItsCloneIsDecoupledLosesNothing(int clustersOfParent) {
        Blobstore store =
                init(malloc(16 * 256, 4096), BlobstoreOptions.defaults().withClusterSize(65536).withMetadataPages(64));
        BlobId id = await(store.create(BlobOptions.thin(40)));
        try (OpenBlob blob = open(store, id)) {
            for (int cluster = 0; cluster < 40; cluster++) {
                blob.write(cluster * 65536L, filled(1 + cluster, 65536));
            }
            for (int polls = 0; polls < 40; polls++) {
                BlobId grandparent = await(store.snapshot(id));
                for (int cluster = 0; cluster < clustersOfParent; cluster++) {
                    blob.write(cluster * 65536L, filled(1 + cluster, 65536));
                }
                await(store.snapshot(id));
                int between = polls;
                settle(
                        () -> store.decoupleParent(id),
                        () -> {
                            poll(between);
                            return store.delete(grandparent);
                        });
                for (int cluster = 0; cluster < 40; cluster++) {
                    assertThat(blob.read(cluster * 65536L, 4096)).containsOnly(1 + cluster);
                }
                await(store.inflate(id));
                for (BlobId left : allBlobs(store)) {
                    if (!left.equals(id) && await(store.clonesOf(left)).isEmpty()) {
                        await(store.delete(left));
                    }
                }
                for (BlobId left : allBlobs(store)) {
                    if (!left.equals(id)) {
                        await(store.delete(left));
                    }
                }
            }
        }
        store.close();
    }

    /** Begins all, and waits for all: they may refuse each other. */
    @SafeVarargs
    private void settle(Supplier<CompletionStage<?>>... operations) {
        List<CompletionStage<?>> begun = new ArrayList<>();
        for (Supplier<CompletionStage<?>> operation : operations) {
            begun.add(
                    operation
                            .get()
                            .handle((_, problem) -> {
                                if (problem != null) {
                                    assertThat(problem.getCause() == null ? problem : problem.getCause())
                                            .isInstanceOf(SpdkException.Busy.class);
                                }
                                return null;
                            }));
        }
        awaitAll(begun);
    }

    @Test
    void blobsAreInflatedAtTheSameTimeWhileOthersAreWritten() {
        Blobstore store =
                init(malloc(32 * 256, 4096), BlobstoreOptions.defaults().withClusterSize(65536).withMetadataPages(64));
        BlobId one = await(store.create(BlobOptions.thin(60)));
        BlobId two = await(store.create(BlobOptions.thin(60)));
        BlobId written = await(store.create(BlobOptions.thin(60)));
        try (OpenBlob first = open(store, one);
                OpenBlob second = open(store, two);
                OpenBlob third = open(store, written);
                DmaBuf buffer = buffer(filled(3, 4096))) {
            first.write(30 * 65536L, filled(1, 4096));
            second.write(40 * 65536L, filled(2, 4096));
            List<CompletionStage<?>> all = new ArrayList<>(List.of(store.inflate(one), store.inflate(two)));
            for (int cluster = 0; cluster < 60; cluster++) {
                all.add(third.blob.write(third.channel, buffer, cluster * 65536L, 4096));
                poll(1);
            }
            awaitAll(all);
            assertThat(first.blob.allocatedClusters()).isEqualTo(60);
            assertThat(second.blob.allocatedClusters()).isEqualTo(60);
            assertThat(third.blob.allocatedClusters()).isEqualTo(60);
            for (int cluster = 0; cluster < 60; cluster++) {
                assertThat(first.read(cluster * 65536L, 4096)).containsOnly(cluster == 30 ? 1 : 0);
                assertThat(second.read(cluster * 65536L, 4096)).containsOnly(cluster == 40 ? 2 : 0);
                assertThat(third.read(cluster * 65536L, 4096)).containsOnly(3);
            }
        }
        store.close();
    }

    @Test
    void ioOnABlobThatIsInflatedIsDoneAllTheSame() {
        Blobstore store =
                init(malloc(32 * 256, 4096), BlobstoreOptions.defaults().withClusterSize(65536).withMetadataPages(64));
        BlobId id = await(store.create(BlobOptions.thin(100)));
        try (OpenBlob blob = open(store, id);
                DmaBuf buffer = buffer(filled(7, 4096));
                DmaBuf aborted = buffer(4096)) {
            List<CompletionStage<?>> all = new ArrayList<>(List.of(store.inflate(id)));
            for (int cluster = 99; cluster >= 0; cluster -= 2) {
                all.add(blob.blob.write(blob.channel, buffer, cluster * 65536L, 4096));
            }
            IoFuture<Void> read = blob.blob.read(blob.channel, aborted, 0, 4096);
            read.cancel(true);
            awaitAll(all);
            pollUntil("the lease's end", () -> !aborted.isLeased());
            for (int cluster = 0; cluster < 100; cluster++) {
                assertThat(blob.read(cluster * 65536L, 4096)).containsOnly(cluster % 2 == 1 ? 7 : 0);
            }
        }
        store.close();
    }

    @Test
    void aSnapshotOfWhatWasMadeSmallerIsWhole() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(40).withExtentTable(false)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(2L * MIB, filled(1, 4096));
            blob.write(39L * MIB, filled(2, 4096));
            await(blob.blob.resize(5));
            BlobId snapshot = await(store.snapshot(id));
            blob.write(3L * MIB, filled(3, 4096));
            await(blob.blob.resize(12));
            await(blob.blob.resize(4));
            await(blob.blob.syncMetadata());
            assertThat(blob.read(2L * MIB, 4096)).containsOnly(1);
            assertThat(blob.read(3L * MIB, 4096)).containsOnly(3);
            await(store.delete(snapshot));
            assertThat(blob.read(2L * MIB, 4096)).containsOnly(1);
        }
        assertThat(store.freeClusters()).isEqualTo(61);
        store.close();
    }

    @Test
    void whatAParentHidesStaysHiddenWhenItsCloneIsDecoupled() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thin(10)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(0, filled(1, 10 * MIB));
            await(store.snapshot(id));
            await(blob.blob.resize(2));
            await(store.snapshot(id));
            await(blob.blob.resize(12));
            assertThat(blob.read(5L * MIB, 4096)).containsOnly(0);
            decoupleOrInflate(store, id);
            assertThat(blob.read(5L * MIB, 4096)).containsOnly(0);
            assertThat(blob.read(11L * MIB, 4096)).containsOnly(0);
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
        }
        store.close();
    }

    @Test
    void aCloneThatIsLargerThanItsParentIsDecoupledOrThatIsRefused() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thin(2)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(MIB, filled(1, 4096));
            BlobId parent = await(store.snapshot(id));
            await(blob.blob.resize(30));
            blob.write(29L * MIB, filled(2, 4096));
            decoupleOrInflate(store, id);
            await(store.delete(parent));
            assertThat(blob.read(MIB, 4096)).containsOnly(1);
            assertThat(blob.read(29L * MIB, 4096)).containsOnly(2);
            assertThat(blob.read(20L * MIB, 4096)).containsOnly(0);
        }
        store.close();
    }

    @ParameterizedTest
    @CsvSource({
        "5, 7, true",
        "5, 7, false",
        "7, 5, true",
        "7, 5, false",
        "5, 600, true",
        "5, 600, false",
        "600, 5, true",
        "600, 5, false",
        "513, 1100, true",
        "1100, 513, true",
        "512, 513, true",
        "600, 1, true"
    })
    void deletingTheSnapshotOfABlobThatWasResizedSinceLeavesTheNewSize(int before, int after, boolean extentTable) {
        int cluster = 16_384;
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults().withClusterSize(cluster));
        BlobId id = await(store.create(BlobOptions.thin(before).withExtentTable(extentTable)));
        BlobId snapshot;
        long last = (Math.min(before, after) - 1L) * cluster;
        try (OpenBlob blob = open(store, id)) {
            blob.write((before - 1L) * cluster, filled(1, 4096));
            blob.write(0, filled(2, 4096));
            blob.write(last + 4096, filled(3, 4096));
            snapshot = await(store.snapshot(id));
            await(blob.blob.resize(after));
        }
        await(store.delete(snapshot));
        long allocated = 0;
        for (int load = 0; load < 4; load++) {
            try (OpenBlob blob = open(store, id)) {
                assertThat(blob.blob.clusters()).isEqualTo(after);
                assertThat(blob.read(0, 4096)).containsOnly(2);
                assertThat(blob.read(last + 4096, 4096)).containsOnly(3);
                if (after > before) {
                    assertThat(blob.read((long) before * cluster, 4096)).containsOnly(0);
                    assertThat(blob.read((after - 1L) * cluster, 4096)).containsOnly(0);
                }
                allocated = blob.blob.allocatedClusters();
                assertThat(allocated).isBetween(1L, 3L);
            }
            assertThat(store.freeClusters()).isEqualTo(store.totalDataClusters() - allocated);
            store.close();
            store = load(bdev, BlobstoreOptions.defaults().withForceRecovery(load % 2 == 0));
        }
        await(store.delete(id));
        assertThat(store.freeClusters()).isEqualTo(store.totalDataClusters());
        store.close();
    }

    @Test
    void aSnapshotThatCanNotBeDeletedKeepsItsSizeWhenItsCloneHasAnother() {
        Bdev bdev = malloc(64 * 256, 4096);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(5)));
        BlobId snapshot;
        try (OpenBlob blob = open(store, id)) {
            blob.write(4L * MIB, filled(1, 4096));
            snapshot = await(store.snapshot(id));
            await(blob.blob.resize(7));
        }
        try (OpenBlob _ = open(store, snapshot)) {
            failsWith(SpdkException.Busy.class, () -> store.delete(snapshot));
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob there = open(again, snapshot);
                OpenBlob blob = open(again, id)) {
            assertThat(there.blob.clusters()).isEqualTo(5);
            assertThat(there.read(4L * MIB, 4096)).containsOnly(1);
            assertThat(blob.blob.clusters()).isEqualTo(7);
            assertThat(blob.read(4L * MIB, 4096)).containsOnly(1);
        }
        again.close();
    }

    @Test
    void aSnapshotThatIsBeingDeletedIsNotOpened() {
        TestBackend backend = TestBackend.of(64 * 256, 4096);
        Blobstore store = init(create(CustomBdev.of(newName("disk"), backend)), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(3)));
        try (OpenBlob blob = open(store, id)) {
            blob.write(0, filled(1, 4096));
        }
        BlobId snapshot = await(store.snapshot(id));
        for (int write = 0; ; write++) {
            // Nobody knows in which of its writes it is open to whom.
            int[] left = {write};
            backend.script =
                    (it, io) -> {
                        if (io.type() == IoType.WRITE && left[0]-- == 0) {
                            TestBackend.hold(it, io);
                        } else {
                            it.serve(io);
                        }
                    };
            IoFuture<Void> deleted = store.delete(snapshot);
            pollUntil("a write, or the end", () -> deleted.isDone() || !backend.held.isEmpty());
            if (backend.held.isEmpty()) {
                backend.script = TestBackend::serve;
                await(deleted);
                break;
            }
            IoFuture<Blob> opening = store.open(snapshot);
            pollFor(Duration.ofMillis(5));
            backend.script = TestBackend::serve;
            backend.serveHeld();
            failsWith(SpdkException.class, () -> opening);
            await(deleted);
            assertThat(allBlobs(store)).containsExactly(id);
            snapshot = await(store.snapshot(id));
        }
        await(store.delete(id));
        assertThat(store.freeClusters()).isEqualTo(store.totalDataClusters());
        store.close();
    }

    // ---- everything at once

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRandomFamilyKeepsItsContents(boolean extentTable) {
        int clusterSize = 16_384;
        int clusters = 20;
        Bdev bdev = malloc(32 * 256, 4096);
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(clusterSize).withMetadataPages(400);
        Blobstore store = init(bdev, options);
        long free = store.freeClusters();
        Map<BlobId, byte[]> contents = new HashMap<>();
        List<BlobId> writable = new ArrayList<>();
        List<BlobId> snapshots = new ArrayList<>();
        BlobId first = await(store.create(BlobOptions.thin(clusters).withExtentTable(extentTable)));
        contents.put(first, new byte[clusters * clusterSize]);
        writable.add(first);
        for (int step = 0; step < 250; step++) {
            int what = random.nextInt(13);
            if (what < 5) {
                BlobId id = writable.get(random.nextInt(writable.size()));
                try (OpenBlob blob = open(store, id)) {
                    for (int i = 0; i < 3; i++) {
                        int page = random.nextInt(contents.get(id).length / 4096);
                        byte[] data = pattern(random.nextLong(), 4096);
                        blob.write(page * 4096L, data);
                        System.arraycopy(data, 0, contents.get(id), page * 4096, 4096);
                    }
                }
            } else if (what == 5 && contents.size() < 25) {
                BlobId id = writable.get(random.nextInt(writable.size()));
                BlobId snapshot = await(store.snapshot(id));
                snapshots.add(snapshot);
                contents.put(snapshot, contents.get(id).clone());
            } else if (what == 6 && !snapshots.isEmpty() && contents.size() < 25) {
                BlobId snapshot = snapshots.get(random.nextInt(snapshots.size()));
                BlobId id = await(store.clone(snapshot));
                writable.add(id);
                contents.put(id, contents.get(snapshot).clone());
            } else if (what == 7) {
                await(store.inflate(writable.get(random.nextInt(writable.size()))));
            } else if (what == 8) {
                BlobId id = writable.get(random.nextInt(writable.size()));
                if (await(store.parentOf(id)).isPresent()) {
                    decoupleOrInflate(store, id);
                }
            } else if (what == 9 && !snapshots.isEmpty()) {
                BlobId snapshot = snapshots.get(random.nextInt(snapshots.size()));
                if (await(store.clonesOf(snapshot)).size() < 2) {
                    await(store.delete(snapshot));
                    snapshots.remove(snapshot);
                    contents.remove(snapshot);
                }
            } else if (what == 10 && writable.size() > 1) {
                BlobId id = writable.remove(random.nextInt(writable.size()));
                await(store.delete(id));
                contents.remove(id);
            } else if (what == 11) {
                // Larger only: what a smaller one hides of its parent it shows when it grows again.
                BlobId id = writable.get(random.nextInt(writable.size()));
                int more = random.nextInt(clusters);
                byte[] longer = Arrays.copyOf(contents.get(id), contents.get(id).length + more * clusterSize);
                if (longer.length <= 60 * clusterSize) {
                    try (OpenBlob blob = open(store, id)) {
                        await(blob.blob.resize(longer.length / clusterSize));
                    }
                    contents.put(id, longer);
                }
            } else if (what == 12) {
                store.close();
                store = load(bdev, BlobstoreOptions.defaults().withForceRecovery(random.nextBoolean()));
            }
            if (step % 10 == 9) {
                checkContents(store, contents);
            }
        }
        checkContents(store, contents);
        long used = free - store.freeClusters();
        assertThat(used).isEqualTo(allocatedBy(store, contents));
        store.close();
    }

    // ---- a device that fails

    /** Whichever read it is that fails: the store goes on, and at the next load everything is there. */
    @ParameterizedTest
    @ValueSource(strings = {"open", "create", "snapshot", "clone", "inflate", "decouple", "delete"})
    void aReadThatFailsFailsThatOperationAlone(String operation) {
        TestBackend backend = TestBackend.of(16 * 256, 4096);
        Bdev bdev = custom(backend);
        AtomicInteger left = new AtomicInteger();
        int reads = 0;
        do {
            Blobstore store = init(bdev, BlobstoreOptions.defaults());
            BlobId id = await(store.create(BlobOptions.thin(3)));
            writeCluster(store, id, 0);
            await(store.snapshot(id));
            writeCluster(store, id, 1);
            BlobId parent = await(store.snapshot(id));
            writeCluster(store, id, 2);
            left.set(++reads);
            backend.script = (it, io) -> failRead(it, io, left);
            try {
                await(operate(operation, store, id, parent));
            } catch (SpdkException e) {
                assertThat(left.get()).as("reads before the one that fails").isNotPositive();
            }
            backend.script = TestBackend::serve;
            checkClusters(store, id);
            store.close();
            Blobstore again = load(bdev, BlobstoreOptions.defaults());
            checkClusters(again, id);
            again.close();
        } while (left.get() <= 0);
        assertThat(reads).as("reads of '%s'", operation).isGreaterThan(operation.equals("create") ? 0 : 1);
    }

    private static void failRead(TestBackend backend, BdevIo io, AtomicInteger left) {
        if (io.type() == IoType.READ && left.decrementAndGet() == 0) {
            io.complete(-Errno.EIO);
        } else {
            backend.serve(io);
        }
    }

    private static CompletionStage<?> operate(String operation, Blobstore store, BlobId id, BlobId parent) {
        return switch (operation) {
            case "open" -> store.open(id).thenCompose(Blob::closeAsync);
            case "create" -> store.create(BlobOptions.thin(1));
            case "snapshot" -> store.snapshot(id);
            case "clone" -> store.clone(parent);
            case "inflate" -> store.inflate(id);
            case "decouple" -> store.decoupleParent(id);
            default -> store.delete(parent);
        };
    }

    private void writeCluster(Blobstore store, BlobId id, int cluster) {
        try (OpenBlob blob = open(store, id)) {
            blob.write((long) cluster * MIB, filled(cluster + 1, 4096));
        }
    }

    private void checkClusters(Blobstore store, BlobId id) {
        try (OpenBlob blob = open(store, id)) {
            for (int cluster = 0; cluster < 3; cluster++) {
                assertThat(blob.read((long) cluster * MIB, 4096)[0]).isEqualTo((byte) (cluster + 1));
            }
        }
    }

    private long allocatedBy(Blobstore store, Map<BlobId, byte[]> contents) {
        long sum = 0;
        for (BlobId id : contents.keySet()) {
            Blob blob = await(store.open(id));
            sum += blob.allocatedClusters();
            await(blob.closeAsync());
        }
        return sum;
    }

    /** An engine may not be able to decouple a blob that is larger than its parent. */
    private void decoupleOrInflate(Blobstore store, BlobId id) {
        try {
            await(store.decoupleParent(id));
        } catch (SpdkException.Unsupported e) {
            assertThat(e).hasMessageContaining("inflate");
            await(store.inflate(id));
        }
    }

    private void checkContents(Blobstore store, Map<BlobId, byte[]> contents) {
        assertThat(allBlobs(store)).containsExactlyInAnyOrderElementsOf(contents.keySet());
        contents.forEach((id, expected) -> {
            try (OpenBlob blob = open(store, id)) {
                assertThat(blob.blob.sizeBytes()).as("size of %s", id).isEqualTo(expected.length);
                assertThat(blob.read(0, expected.length)).as("contents of %s", id).isEqualTo(expected);
            }
        });
    }
}
