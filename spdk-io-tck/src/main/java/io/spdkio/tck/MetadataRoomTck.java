package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/** A store with hardly a metadata page left: what is done to it is done, or refused and has changed nothing. */
public abstract class MetadataRoomTck extends BlobTckBase {
    private static final int MIB = 1 << 20;
    private static final int PAGES = 48;
    private static final int CLUSTERS = 4;

    /** For the subclasses. */
    protected MetadataRoomTck() {}

    enum Operation {
        CREATE,
        SNAPSHOT,
        CLONE,
        INFLATE_BLOB,
        INFLATE_SNAPSHOT,
        DECOUPLE,
        DELETE_SNAPSHOT,
        RESIZE,
        SET_XATTRS,
        FIRST_WRITES,
        FIRST_WRITES_BEFORE_XATTRS_ARE_WRITTEN,
        FIRST_WRITES_WHILE_XATTRS_ARE_SET;

        boolean leavesXattrsToClosing() {
            return this == FIRST_WRITES_BEFORE_XATTRS_ARE_WRITTEN || this == FIRST_WRITES_WHILE_XATTRS_ARE_SET;
        }
    }

    @ParameterizedTest
    @EnumSource
    void isDoneOrRefusedAsAWhole(Operation operation) {
        Bdev bdev = malloc(64 * 256, 4096);
        int refused = 0;
        int done = 0;
        for (int free : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16}) {
            for (boolean extentTable : new boolean[] {true, false}) {
                for (boolean open : new boolean[] {true, false}) {
                    if (new Round(bdev, operation, free, extentTable, open).run()) {
                        done++;
                    } else {
                        refused++;
                    }
                }
            }
        }
        assertThat(done).as("rounds in which it was done, of %d", done + refused).isPositive();
        if (operation != Operation.DELETE_SNAPSHOT) {
            assertThat(refused).as("rounds in which it was refused, of %d", done + refused).isPositive();
        }
    }

    /** A family of blobs whose metadata take several pages each, and as many pages left as the round says. */
    private final class Round {
        private final Bdev bdev;
        private final Operation operation;
        private final boolean open;
        private final String name;
        private final List<BlobId> fillers = new ArrayList<>();

        /** What each cluster of a blob is filled with. */
        private final Map<BlobId, byte[]> contents = new HashMap<>();

        private Blobstore store;
        private final BlobId blob;
        private final BlobId parent;
        private final BlobId grandparent;
        private final BlobId other;

        Round(Bdev bdev, Operation operation, int free, boolean extentTable, boolean open) {
            this.bdev = bdev;
            this.operation = operation;
            this.open = open;
            this.name = "%s with %d pages, extent table %s, open %s".formatted(operation, free, extentTable, open);
            store = init(bdev, BlobstoreOptions.defaults().withMetadataPages(PAGES));
            blob = await(store.create(large().withExtentTable(extentTable)));
            other = await(store.create(large().withExtentTable(extentTable)));
            contents.put(blob, new byte[CLUSTERS]);
            contents.put(other, new byte[CLUSTERS]);
            fill(blob, 0, (byte) 1);
            grandparent = snapshot();
            fill(blob, 1, (byte) 2);
            parent = snapshot();
            fill(blob, 2, (byte) 3);
            while (fillers.size() < PAGES) {
                try {
                    fillers.add(await(store.create(BlobOptions.thin(0))));
                } catch (SpdkException e) {
                    requireNoSpace(e);
                    break;
                }
            }
            for (int i = 0; i < free; i++) {
                await(store.delete(fillers.removeLast()));
            }
        }

        private BlobOptions large() {
            BlobOptions options = BlobOptions.thin(CLUSTERS);
            for (Map.Entry<String, byte[]> xattr : xattrs().entrySet()) {
                options = options.withXattr(xattr.getKey(), xattr.getValue());
            }
            return options;
        }

        private Map<String, byte[]> xattrs() {
            return Map.of("a", new byte[3000], "b", new byte[3000], "c", new byte[3000]);
        }

        private void fill(BlobId id, int cluster, byte value) {
            try (OpenBlob opened = MetadataRoomTck.this.open(store, id)) {
                fill(opened, cluster, value);
            }
        }

        private void fill(OpenBlob opened, int cluster, byte value) {
            opened.write((long) cluster * MIB, filled(value, 4096));
            contents.get(opened.blob.id())[cluster] = value;
        }

        private void fillAll(OpenBlob opened) {
            for (int cluster = 0; cluster < CLUSTERS; cluster++) {
                fill(opened, cluster, (byte) (10 + cluster));
            }
        }

        private BlobId snapshot() {
            BlobId id = await(store.snapshot(blob, xattrs()));
            contents.put(id, contents.get(blob).clone());
            return id;
        }

        /** Whether it was done. */
        boolean run() {
            boolean done;
            try {
                if (open) {
                    try (OpenBlob first = MetadataRoomTck.this.open(store, blob);
                            OpenBlob second = MetadataRoomTck.this.open(store, other)) {
                        done = attempt();
                        // A blob that could not be written can be when there is room again.
                        makeRoom();
                        await(first.blob.syncMetadata());
                        await(second.blob.syncMetadata());
                    }
                } else {
                    done = attempt();
                    makeRoom();
                }
                check(done);
                store.close();
                store = load(bdev, BlobstoreOptions.defaults());
                check(done);
                deleteAll();
                store.close();
            } catch (Throwable e) {
                throw new AssertionError(name + ", seed " + seed, e);
            }
            return done;
        }

        private void makeRoom() {
            fillers.forEach(id -> await(store.delete(id)));
            fillers.clear();
        }

        private boolean attempt() {
            try {
                operate();
                return true;
            } catch (SpdkException e) {
                requireNoSpace(e);
                return false;
            } catch (CompletionException e) {
                requireNoSpace((SpdkException) e.getCause());
                return false;
            }
        }

        private void requireNoSpace(SpdkException e) {
            if (e.errno() != Errno.ENOSPC && e.errno() != Errno.ENOMEM) {
                throw e;
            }
            assertThat(e).hasMessageContaining("metadata page");
        }

        private void operate() {
            switch (operation) {
                case CREATE -> contents.put(await(store.create(large())), new byte[CLUSTERS]);
                case SNAPSHOT -> snapshot();
                case CLONE -> contents.put(await(store.clone(parent, xattrs())), contents.get(parent).clone());
                case INFLATE_BLOB -> await(store.inflate(blob));
                case INFLATE_SNAPSHOT -> await(store.inflate(parent));
                case DECOUPLE -> await(store.decoupleParent(blob));
                case DELETE_SNAPSHOT -> {
                    await(store.delete(parent));
                    contents.remove(parent);
                }
                case RESIZE -> {
                    change(blob -> await(blob.resize(CLUSTERS - 1)), blob -> await(blob.resize(CLUSTERS)));
                    contents.put(other, new byte[CLUSTERS - 1]);
                }
                case SET_XATTRS ->
                        change(
                                blob -> {
                                    await(blob.setXattr("d", new byte[3000]));
                                    await(blob.setXattr("e", new byte[3000]));
                                },
                                blob ->
                                        await(blob.xattrNames()).stream()
                                                .filter(name -> "de".contains(name))
                                                .forEach(name -> await(blob.removeXattr(name))));
                case FIRST_WRITES -> {
                    try (OpenBlob opened = MetadataRoomTck.this.open(store, other)) {
                        fillAll(opened);
                    }
                }
                // Closing writes them if it can.
                case FIRST_WRITES_BEFORE_XATTRS_ARE_WRITTEN -> {
                    try (OpenBlob opened = MetadataRoomTck.this.open(store, other)) {
                        await(opened.blob.setXattr("d", new byte[3000]));
                        await(opened.blob.setXattr("e", new byte[3000]));
                        fillAll(opened);
                    }
                }
                case FIRST_WRITES_WHILE_XATTRS_ARE_SET -> {
                    try (OpenBlob opened = MetadataRoomTck.this.open(store, other)) {
                        fillWhile(
                                opened,
                                () -> {
                                    await(opened.blob.setXattr("d", new byte[3000]));
                                    await(opened.blob.setXattr("e", new byte[3000]));
                                });
                    }
                }
            }
        }

        /** What worked is there, whatever became of the others. */
        private void fillWhile(OpenBlob opened, Runnable meanwhile) {
            List<DmaBuf> buffers = new ArrayList<>();
            List<IoFuture<Void>> writes = new ArrayList<>();
            for (int cluster = 0; cluster < CLUSTERS; cluster++) {
                DmaBuf buffer = buffer(filled(10 + cluster, 4096));
                buffers.add(buffer);
                writes.add(opened.blob.write(opened.channel, buffer, (long) cluster * MIB, 4096));
            }
            Optional<SpdkException> refused = Optional.empty();
            try {
                meanwhile.run();
            } catch (SpdkException e) {
                refused = Optional.of(e);
            }
            for (int cluster = 0; cluster < CLUSTERS; cluster++) {
                try {
                    await(writes.get(cluster));
                    contents.get(opened.blob.id())[cluster] = (byte) (10 + cluster);
                } catch (SpdkException e) {
                    requireNoSpace(e);
                    refused = Optional.of(e);
                }
            }
            buffers.forEach(DmaBuf::close);
            if (refused.isPresent()) {
                throw refused.get();
            }
        }

        /** Changes the other blob and writes that; what can't be written is taken back. */
        private void change(Consumer<Blob> change, Consumer<Blob> takeBack) {
            try (OpenBlob opened = MetadataRoomTck.this.open(store, other)) {
                try {
                    change.accept(opened.blob);
                    await(opened.blob.syncMetadata());
                } catch (SpdkException e) {
                    makeRoom();
                    takeBack.accept(opened.blob);
                    await(opened.blob.syncMetadata());
                    throw e;
                }
            }
        }

        private void check(boolean done) {
            assertThat(allBlobs(store)).containsExactlyInAnyOrderElementsOf(contents.keySet());
            contents.forEach((id, clusters) -> {
                try (OpenBlob opened = MetadataRoomTck.this.open(store, id)) {
                    assertThat(opened.blob.clusters()).isEqualTo(clusters.length);
                    for (int i = 0; i < clusters.length; i++) {
                        assertThat(Arrays.equals(opened.read((long) i * MIB, 4096), filled(clusters[i], 4096)))
                                .as("whether cluster %d of %s is as it was written", i, id)
                                .isTrue();
                    }
                    List<String> names = new ArrayList<>(List.of("a", "b", "c"));
                    if (done && operation == Operation.SET_XATTRS && id.equals(other)) {
                        names.addAll(List.of("d", "e"));
                    }
                    if (operation.leavesXattrsToClosing() && id.equals(other)) {
                        return;
                    }
                    assertThat(await(opened.blob.xattrNames())).containsExactlyInAnyOrderElementsOf(names);
                }
            });
            if (!done) {
                assertThat(await(store.parentOf(blob))).isEqualTo(Optional.of(parent));
                assertThat(await(store.parentOf(parent))).isEqualTo(Optional.of(grandparent));
            }
        }

        /** Parents first, so that each hands its clusters on. */
        private void deleteAll() {
            List<BlobId> left = new ArrayList<>(contents.keySet());
            left.sort((a, b) -> Boolean.compare(a.equals(blob), b.equals(blob)));
            while (!left.isEmpty()) {
                int before = left.size();
                left.removeIf(id -> {
                    try {
                        await(store.delete(id));
                        contents.remove(id);
                    } catch (SpdkException.Busy e) {
                        return false;
                    }
                    return true;
                });
                assertThat(left.size()).as("blobs that can't be deleted").isLessThan(before);
                if (contents.containsKey(blob)) {
                    try (OpenBlob opened = MetadataRoomTck.this.open(store, blob)) {
                        assertThat(opened.read(0, 4096)).containsOnly(1);
                    }
                }
            }
            assertThat(store.freeClusters()).isEqualTo(store.totalDataClusters());
        }
    }
}
