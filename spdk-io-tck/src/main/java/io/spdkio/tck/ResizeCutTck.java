package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Cuts the power after every single write while a blob with an extent table is made smaller or larger, or takes over
 * the extent pages of its snapshot when it was resized before, and then once more after every write of the load that
 * follows. Afterwards the blob has its old size or its new one, with what was written to it up to the smaller of the
 * two, and it can be worked with.
 */
@Timeout(600)
public abstract class ResizeCutTck extends BlobTckBase {
    /** What a cluster begins with, and all of one where metadata pages are no larger. */
    private static final int DATA_BYTES = 4096;

    private static final long FOUR_EXTENT_PAGES = 1600;
    private static final int DEVICE_CLUSTERS = 2048;

    /**
     * What a page of a blob's chain holds besides the flags, in bytes, and what an attribute takes besides its value.
     */
    private static final int ROOM_IN_PAGE = 4072 - 29;

    private static final int ATTRIBUTE_BYTES = 9 + 1;
    private static final int PARENT_BYTES = 9 + 4 + 8;

    /** For the subclasses. */
    protected ResizeCutTck() {}

    /**
     * Looks at an image without the engine.
     *
     * @param image what a device holds
     * @return what is wrong with the store in it, one line each
     */
    protected abstract List<String> check(MemorySegment image);

    /**
     * Reads the map of a blob without the engine.
     *
     * @param image what a device holds
     * @param blob the blob
     * @return the cluster of the store that each of its clusters is; 0 for none
     */
    protected abstract List<Long> clusters(MemorySegment image, BlobId blob);

    /**
     * Which engine loads the store after the cut.
     *
     * @return the same, unless a subclass says otherwise
     */
    protected EngineFixture loader() {
        return fixture();
    }

    /** Where the extent table lies in the chain of the blob's metadata pages. */
    enum Table {
        /** In the only page. */
        FIRST,
        /** Its head in the first page, its entries in the second. */
        BEHIND_HEAD,
        /** An entry in the first page, the others in the second. */
        AFTER_ONE,
        /** Three entries in the first page, the last in the second. */
        AFTER_THREE,
        /** In the second and third page, with two entries in the second. */
        THIRD;

        /** An entry has 8 bytes, and the head 13. */
        private int roomBytes() {
            return switch (this) {
                case FIRST -> ROOM_IN_PAGE;
                case BEHIND_HEAD -> 13;
                case AFTER_ONE -> 13 + 8;
                case AFTER_THREE -> 13 + 3 * 8;
                case THIRD -> 13 + 2 * 8;
            };
        }

        BlobOptions fill(BlobOptions options, boolean clone) {
            int other = clone ? PARENT_BYTES : 0;
            return switch (this) {
                case FIRST -> options;
                case THIRD ->
                        options.withXattr("a", pattern(1, 3900))
                                .withXattr("b", pattern(2, 4072 - ATTRIBUTE_BYTES - other - roomBytes()));
                default -> options.withXattr("a", pattern(1, ROOM_IN_PAGE - ATTRIBUTE_BYTES - other - roomBytes()));
            };
        }
    }

    enum Kind {
        THICK,
        THIN,
        /** Of a snapshot of another blob. */
        CLONE,
        /** Has a snapshot, was resized since, and the snapshot is deleted. */
        MERGED
    }

    /**
     * A blob, and what becomes of it. Clusters are as large as metadata pages.
     *
     * @param kind what it is
     * @param from its size when it is written to
     * @param to its size in the end
     * @param table where its extent table is
     * @param written the clusters that are written to
     * @param writtenLater those that are written to after the snapshot and with the new size
     * @param pageBytes the size of metadata pages
     */
    record Change(
            Kind kind, long from, long to, Table table, List<Long> written, List<Long> writtenLater, int pageBytes) {
        Change(Kind kind, long from, long to, Table table, List<Long> written) {
            this(kind, from, to, table, written, List.of(), 4096);
        }

        static Change shrink(Kind kind, long to, Table table, List<Long> written) {
            return new Change(kind, FOUR_EXTENT_PAGES, to, table, written);
        }

        static Change merge(long from, long to, Long... later) {
            return new Change(Kind.MERGED, from, to, Table.FIRST, ends(from, to), List.of(later), 4096);
        }

        /** The first cluster, and the last ones of both sizes. */
        static List<Long> ends(long from, long to) {
            return Stream.of(0L, from - 1, to - 1).filter(at -> at >= 0 && at < from).distinct().toList();
        }

        Change withTable(Table other) {
            return new Change(kind, from, to, other, written, writtenLater, pageBytes);
        }

        Change withPageBytes(int bytes) {
            return new Change(kind, from, to, table, written, writtenLater, bytes);
        }

        boolean isThin() {
            return kind != Kind.THICK;
        }

        boolean isClone() {
            return kind == Kind.CLONE || kind == Kind.MERGED;
        }

        long smaller() {
            return Math.min(from, to);
        }

        long larger() {
            return Math.max(from, to);
        }
    }

    static List<Change> shrinks() {
        List<Long> everywhere = List.of(0L, 2L, 511L, 512L, 650L, 1023L, 1024L, 1499L, 1535L, 1536L, 1595L);
        List<Change> shrinks = new ArrayList<>();
        for (Kind kind : List.of(Kind.THICK, Kind.THIN)) {
            for (long to : List.of(1590L, 1536L, 1500L, 1024L, 700L, 512L, 3L, 0L)) {
                shrinks.add(Change.shrink(kind, to, Table.FIRST, everywhere));
            }
            for (Table table : Table.values()) {
                shrinks.add(Change.shrink(kind, 700, table, everywhere));
                shrinks.add(Change.shrink(kind, 1024, table, everywhere));
            }
        }
        for (Table table : List.of(Table.FIRST, Table.AFTER_ONE)) {
            shrinks.add(Change.shrink(Kind.CLONE, 700, table, everywhere));
        }
        // Without some extent pages.
        List<Long> notSecond = List.of(0L, 2L, 1100L, 1535L, 1595L);
        for (long to : List.of(1550L, 1200L, 1024L, 700L, 512L, 3L, 0L)) {
            shrinks.add(Change.shrink(Kind.THIN, to, Table.FIRST, notSecond));
        }
        shrinks.add(Change.shrink(Kind.CLONE, 700, Table.FIRST, notSecond));
        shrinks.add(Change.shrink(Kind.THIN, 700, Table.THIRD, notSecond));
        List<Long> notFirst = List.of(600L, 1100L, 1535L);
        for (long to : List.of(1500L, 700L, 512L, 3L, 0L)) {
            shrinks.add(Change.shrink(Kind.THIN, to, Table.FIRST, notFirst));
        }
        shrinks.add(Change.shrink(Kind.THIN, 1000, Table.AFTER_THREE, List.of(1599L)));
        shrinks.add(Change.shrink(Kind.THIN, 1000, Table.FIRST, List.of()));
        for (int pageBytes : List.of(8192, 12288)) {
            shrinks.add(Change.shrink(Kind.THICK, 700, Table.AFTER_ONE, everywhere).withPageBytes(pageBytes));
            shrinks.add(Change.shrink(Kind.THIN, 700, Table.THIRD, notSecond).withPageBytes(pageBytes));
        }
        return shrinks;
    }

    static List<Change> growths() {
        List<Change> growths = new ArrayList<>();
        for (Kind kind : List.of(Kind.THICK, Kind.THIN, Kind.CLONE)) {
            for (Table table : List.of(Table.FIRST, Table.AFTER_ONE)) {
                growths.add(new Change(kind, 5, 7, table, List.of(0L, 4L)));
                growths.add(new Change(kind, 5, 1600, table, List.of(0L, 4L)));
                growths.add(new Change(kind, 700, 1024, table, List.of(0L, 511L, 512L, 699L)));
                growths.add(new Change(kind, 700, 1500, table, List.of(699L)));
                growths.add(new Change(kind, 1024, 1100, table, List.of(0L, 1023L)));
            }
        }
        growths.add(new Change(Kind.THICK, 5, 700, Table.FIRST, List.of(0L, 4L)).withPageBytes(8192));
        return growths;
    }

    static List<Change> merges() {
        return List.of(
                Change.merge(5, 7),
                Change.merge(7, 5),
                Change.merge(5, 600, 599L),
                Change.merge(5, 1600, 600L, 1599L),
                Change.merge(600, 5),
                Change.merge(600, 5, 0L),
                Change.merge(700, 1600, 0L),
                Change.merge(700, 1600, 550L),
                Change.merge(1600, 700, 3L),
                Change.merge(1600, 700, 600L),
                Change.merge(512, 513),
                Change.merge(513, 512),
                Change.merge(1024, 1100),
                Change.merge(1100, 0),
                Change.merge(5, 600, 599L).withTable(Table.AFTER_ONE),
                Change.merge(1600, 700).withTable(Table.AFTER_ONE),
                Change.merge(700, 1600, 1599L).withTable(Table.THIRD),
                Change.merge(1600, 700).withTable(Table.THIRD),
                Change.merge(7, 5).withPageBytes(8192),
                Change.merge(5, 7).withPageBytes(8192));
    }

    @ParameterizedTest
    @MethodSource({"shrinks", "growths", "merges"})
    void afterACutAnywhereTheBlobHasItsOldOrItsNewSize(Change change) {
        new Trial(change).run();
    }

    /** What a device holds after a cut. */
    private record Image(String where, MemorySegment content) {}

    private final class Trial {
        private final Change change;
        private final TreeMap<Long, byte[]> contents = new TreeMap<>();

        /** What the parent has. */
        private final TreeMap<Long, byte[]> below = new TreeMap<>();

        /** Checksums of the images that were looked at. */
        private final Set<Long> seen = new HashSet<>();

        private BlobId id;

        Trial(Change change) {
            this.change = change;
        }

        void run() {
            MemorySegment start = make();
            int writes = changeUntil(new PowerCutDevice(start, 4096), Integer.MAX_VALUE);
            assertThat(writes).isPositive();
            List<Image> images = new ArrayList<>();
            for (int cut = 1; cut <= writes; cut++) {
                PowerCutDevice device = new PowerCutDevice(start, 4096);
                var _ = changeUntil(device, cut);
                images.addAll(images("cut after write " + cut, device));
            }
            if (loader() != fixture()) {
                env.close();
                env = loader().open(loader().builder().name("loader"));
                thread = env.attachThread("main");
            }
            for (Image image : images) {
                int loading = verify(image);
                for (int cut = 1; cut <= loading; cut++) {
                    PowerCutDevice device = new PowerCutDevice(image.content, 4096);
                    loadUntil(device, cut);
                    images(image.where + ", and after write " + cut + " of loading", device).forEach(this::verify);
                }
            }
        }

        /** A store that was unloaded, with the blob as it is before. */
        private MemorySegment make() {
            PowerCutDevice device = new PowerCutDevice((long) DEVICE_CLUSTERS * change.pageBytes, 4096);
            Bdev bdev = create(CustomBdev.of(newName("made"), device));
            Blobstore store =
                    init(
                            bdev,
                            BlobstoreOptions.defaults()
                                    .withClusterSize(change.pageBytes)
                                    .withMetadataPageSize(change.pageBytes)
                                    .withMetadataPages(64));
            BlobOptions options = change.isThin() ? BlobOptions.thin(change.from) : BlobOptions.thick(change.from);
            BlobOptions filled = change.table.fill(options.withExtentTable(true), change.isClone());
            if (change.kind == Kind.CLONE) {
                BlobId parent = await(store.create(options.withExtentTable(true)));
                List<Long> there = List.of(0L, 1L, 513L, 1030L, 1598L);
                fill(store, parent, there.stream().filter(at -> at < change.from).toList(), 40, below);
                await(store.snapshot(parent, Map.of()));
                BlobId snapshot = await(store.parentOf(parent)).orElseThrow();
                id = await(store.clone(snapshot, filled.xattrs()));
                await(store.delete(parent));
            } else {
                id = await(store.create(filled));
            }
            fill(store, id, change.written, 1, contents);
            if (change.kind == Kind.MERGED) {
                await(store.snapshot(id));
                try (OpenBlob blob = open(store, id)) {
                    await(blob.blob.resize(change.to));
                }
                fill(store, id, change.writtenLater, 80, contents);
            }
            await(store.unload());
            MemorySegment image = device.afterCut(PowerCutDevice.Fate.LOST, random);
            assertThat(check(image)).isEmpty();
            end(store, bdev);
            return image;
        }

        private void fill(Blobstore store, BlobId blob, List<Long> clusters, int first, Map<Long, byte[]> into) {
            int fill = first;
            try (OpenBlob opened = open(store, blob)) {
                for (long cluster : clusters) {
                    byte[] bytes = filled(fill++, DATA_BYTES);
                    opened.write(cluster * change.pageBytes, bytes);
                    into.put(cluster, bytes);
                }
            }
        }

        private int changeUntil(PowerCutDevice device, int cut) {
            device.cutAfter(cut);
            Bdev bdev = create(CustomBdev.of(newName("cut"), device));
            Blobstore store = null;
            try {
                store = await(env.blobstores().load(bdev));
                if (change.kind == Kind.MERGED) {
                    await(store.delete(await(store.parentOf(id)).orElseThrow()));
                } else {
                    resize(store);
                }
            } catch (SpdkException e) {
                if (!device.isCut()) {
                    throw e;
                }
            } finally {
                end(store, bdev);
            }
            return device.writes();
        }

        private void resize(Blobstore store) {
            OpenBlob blob = open(store, id);
            try {
                await(blob.blob.resize(change.to));
                await(blob.blob.syncMetadata());
            } finally {
                close(blob);
            }
        }

        /** The power may be gone; closing then fails, and that is all right. */
        private void close(OpenBlob blob) {
            var closed = blob.blob.closeAsync();
            pollUntil("closing", closed::isDone);
            blob.channel.close();
        }

        /** What may be there after a cut, as far as it was not yet. */
        private List<Image> images(String where, PowerCutDevice cut) {
            List<Image> images = new ArrayList<>();
            for (PowerCutDevice.Fate fate : PowerCutDevice.Fate.values()) {
                MemorySegment content = cut.afterCut(fate, random);
                if (seen.add(checksum(content))) {
                    images.add(new Image(where + ", " + fate, content));
                }
            }
            return images;
        }

        /** Not CRC32C, with which pages are sealed: that of an image is the same whatever is in its pages. */
        private static long checksum(MemorySegment image) {
            CRC32 crc = new CRC32();
            crc.update(image.asByteBuffer());
            return crc.getValue();
        }

        private void loadUntil(PowerCutDevice device, int cut) {
            device.cutAfter(cut);
            Bdev bdev = create(CustomBdev.of(newName("again"), device));
            Blobstore store = null;
            try {
                store = await(env.blobstores().load(bdev));
            } catch (SpdkException e) {
                assertThat(device.isCut()).isTrue();
            } finally {
                end(store, bdev);
            }
        }

        /** Returns how many writes it took to load. */
        private int verify(Image looked) {
            String where = looked.where;
            MemorySegment image = looked.content;
            assertThat(check(image)).as("%s, as it is", where).isEmpty();
            List<Long> map = clusters(image, id);
            PowerCutDevice device = new PowerCutDevice(image, 4096);
            Bdev bdev = create(CustomBdev.of(newName("after"), device));
            Blobstore store = null;
            try {
                store = await(env.blobstores().load(bdev));
                int writes = device.writes();
                try (OpenBlob blob = open(store, id)) {
                    assertThat(blob.blob.clusters())
                            .as("%s: the size", where)
                            .isIn(change.kind == Kind.MERGED ? change.to : change.from, change.to);
                    assertThat(blob.blob.clusters()).as("%s: as others read it", where).isEqualTo(map.size());
                    compare(where, blob, change.kind == Kind.MERGED ? change.to : change.smaller());
                }
                await(store.unload());
                MemorySegment unloaded = device.afterCut(PowerCutDevice.Fate.LOST, random);
                assertThat(check(unloaded)).as("%s, unloaded", where).isEmpty();
                // A clone may have to give clusters back to a snapshot that stays.
                assertThat(clusters(unloaded, id))
                        .as("%s, unloaded", where)
                        .matches(now -> change.kind == Kind.MERGED ? now.size() == map.size() : now.equals(map));
                end(store, bdev);
                bdev = create(CustomBdev.of(newName("later"), device));
                store = await(env.blobstores().load(bdev));
                goOn(where, store, map.size());
                await(store.unload());
                assertThat(check(device.afterCut(PowerCutDevice.Fate.LOST, random)))
                        .as("%s, in the end", where)
                        .isEmpty();
                return writes;
            } finally {
                end(store, bdev);
            }
        }

        /** Others find room, and the blob grows and is written to where its end was. */
        private void goOn(String where, Blobstore store, long size) {
            BlobId more = await(store.create(BlobOptions.thick(1)));
            fill(store, more, List.of(0L), 99, new TreeMap<>());
            byte[] bytes = filled(100, DATA_BYTES);
            try (OpenBlob blob = open(store, id)) {
                assertThat(blob.blob.clusters()).as("%s, loaded again", where).isEqualTo(size);
                await(blob.blob.resize(change.larger() + 100));
                for (long at : List.of(change.smaller(), change.larger() - 1, change.larger() + 99)) {
                    blob.write(at * change.pageBytes, bytes);
                }
            }
            try (OpenBlob blob = open(store, id)) {
                compare(where + ", larger", blob, change.smaller());
                for (long at : List.of(change.smaller(), change.larger() - 1, change.larger() + 99)) {
                    assertThat(blob.read(at * change.pageBytes, DATA_BYTES))
                            .as("%s: cluster %d", where, at)
                            .isEqualTo(bytes);
                }
            }
            await(store.delete(more));
        }

        private void compare(String where, OpenBlob blob, long end) {
            Set<Long> clusters = new HashSet<>(contents.keySet());
            clusters.addAll(below.keySet());
            clusters.addAll(List.of(1L, 300L, 600L, end - 1));
            clusters.removeIf(cluster -> cluster < 0 || cluster >= end);
            for (long cluster : clusters) {
                byte[] wanted = contents.getOrDefault(cluster, below.getOrDefault(cluster, new byte[DATA_BYTES]));
                if (!Arrays.equals(blob.read(cluster * change.pageBytes, DATA_BYTES), wanted)) {
                    throw new AssertionError(where + ": cluster " + cluster + " is not what was written");
                }
            }
        }

        private void end(Blobstore store, Bdev bdev) {
            if (env.bdevs().find(bdev.name()).isEmpty()) {
                return;
            }
            var destroyed = env.bdevs().destroy(bdev.name());
            if (store != null && !store.isClosed()) {
                await(store.unload());
            }
            await(destroyed);
        }
    }
}
