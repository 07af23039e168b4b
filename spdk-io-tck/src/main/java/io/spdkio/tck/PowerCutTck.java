package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Cuts the power after every single write of a scripted run. Afterwards the store loads, nothing is wrong with it, and
 * it is as it was before the step that was cut short or as it is after it.
 */
@Timeout(600)
public abstract class PowerCutTck extends BlobTckBase {
    private static final int CLUSTER = 16_384;
    private static final int PAGE = 4096;

    /** For the subclasses. */
    protected PowerCutTck() {}

    /**
     * Looks at an image without the engine.
     *
     * @param image what a device holds
     * @return what is wrong with the store in it, one line each
     */
    protected abstract List<String> check(MemorySegment image);

    // ---- what should be there

    /** A blob as it should be. */
    private static final class ModelBlob {
        long clusters;
        boolean readOnly;
        String parent;
        final Map<String, byte[]> xattrs = new LinkedHashMap<>();
        final TreeMap<Long, byte[]> pages = new TreeMap<>();

        ModelBlob copy() {
            ModelBlob copy = new ModelBlob();
            copy.clusters = clusters;
            copy.readOnly = readOnly;
            copy.parent = parent;
            copy.xattrs.putAll(xattrs);
            copy.pages.putAll(pages);
            return copy;
        }
    }

    /** A store as it should be; blobs have names of the test's own. */
    private static final class Model {
        final Map<String, ModelBlob> blobs = new LinkedHashMap<>();
        String superBlob;

        Model copy() {
            Model copy = new Model();
            blobs.forEach((name, blob) -> copy.blobs.put(name, blob.copy()));
            copy.superBlob = superBlob;
            return copy;
        }
    }

    /** A run of the script on one device. */
    private final class Run {
        final Blobstore store;
        final Map<String, BlobId> ids = new LinkedHashMap<>();
        Model before = new Model();
        Model after = new Model();

        /** Pages that the step under way writes, which may hold anything; by blob. */
        final Map<String, Set<Long>> unknown = new LinkedHashMap<>();

        Run(Blobstore store) {
            this.store = store;
        }

        void step(Consumer<Model> change, Runnable operation) {
            before = after;
            after = before.copy();
            change.accept(after);
            operation.run();
            unknown.clear();
        }

        void create(String name, BlobOptions options) {
            step(
                    model -> {
                        ModelBlob blob = new ModelBlob();
                        blob.clusters = options.clusters();
                        blob.xattrs.putAll(options.xattrs());
                        blob.xattrs.put("name", utf8(name));
                        model.blobs.put(name, blob);
                    },
                    () -> ids.put(name, await(store.create(options.withXattr("name", name)))));
        }

        /** Writes pages and makes them durable. */
        void write(String name, int fill, long... pages) {
            step(
                    model -> {
                        for (long page : pages) {
                            model.blobs.get(name).pages.put(page, filled(fill, PAGE));
                        }
                    },
                    () -> {
                        Set<Long> touched = new HashSet<>();
                        for (long page : pages) {
                            touched.add(page);
                        }
                        unknown.put(name, touched);
                        open(
                                name,
                                blob -> {
                                    for (long page : pages) {
                                        blob.write(page * PAGE, filled(fill, PAGE));
                                    }
                                    await(blob.blob.syncMetadata());
                                });
                    });
        }

        void unmap(String name, long cluster, int count) {
            step(
                    model ->
                            model.blobs
                                    .get(name)
                                    .pages
                                    .subMap(cluster * (CLUSTER / PAGE), (cluster + count) * (CLUSTER / PAGE))
                                    .clear(),
                    () -> {
                        Set<Long> touched = new HashSet<>();
                        for (long page = 0; page < count * (long) (CLUSTER / PAGE); page++) {
                            touched.add(cluster * (CLUSTER / PAGE) + page);
                        }
                        unknown.put(name, touched);
                        open(
                                name,
                                blob ->
                                        await(
                                                blob.blob.unmap(
                                                        blob.channel, cluster * CLUSTER, (long) count * CLUSTER)));
                    });
        }

        void resize(String name, long clusters) {
            step(
                    model -> {
                        ModelBlob blob = model.blobs.get(name);
                        blob.clusters = clusters;
                        blob.pages.tailMap(clusters * (CLUSTER / PAGE)).clear();
                    },
                    () ->
                            open(
                                    name,
                                    blob -> {
                                        await(blob.blob.resize(clusters));
                                        await(blob.blob.syncMetadata());
                                    }));
        }

        void xattr(String name, String key, byte[] value) {
            step(
                    model -> model.blobs.get(name).xattrs.put(key, value),
                    () ->
                            open(
                                    name,
                                    blob -> {
                                        await(blob.blob.setXattr(key, value));
                                        await(blob.blob.syncMetadata());
                                    }));
        }

        void removeXattr(String name, String key) {
            step(
                    model -> model.blobs.get(name).xattrs.remove(key),
                    () ->
                            open(
                                    name,
                                    blob -> {
                                        await(blob.blob.removeXattr(key));
                                        await(blob.blob.syncMetadata());
                                    }));
        }

        void snapshot(String name, String as) {
            step(
                    model -> {
                        ModelBlob snapshot = model.blobs.get(name).copy();
                        snapshot.readOnly = true;
                        snapshot.xattrs.clear();
                        snapshot.xattrs.put("name", utf8(as));
                        model.blobs.put(as, snapshot);
                        model.blobs.get(name).parent = as;
                    },
                    () -> ids.put(as, await(store.snapshot(ids.get(name), Map.of("name", utf8(as))))));
        }

        void cloneOf(String name, String as) {
            step(
                    model -> {
                        ModelBlob clone = model.blobs.get(name).copy();
                        clone.readOnly = false;
                        clone.parent = name;
                        clone.xattrs.clear();
                        clone.xattrs.put("name", utf8(as));
                        model.blobs.put(as, clone);
                    },
                    () -> ids.put(as, await(store.clone(ids.get(name), Map.of("name", utf8(as))))));
        }

        void delete(String name) {
            step(
                    model -> {
                        ModelBlob gone = model.blobs.remove(name);
                        model.blobs
                                .values()
                                .forEach(blob -> {
                                    if (name.equals(blob.parent)) {
                                        blob.parent = gone.parent;
                                    }
                                });
                    },
                    () -> await(store.delete(ids.get(name))));
        }

        void inflate(String name) {
            step(model -> model.blobs.get(name).parent = null, () -> await(store.inflate(ids.get(name))));
        }

        void decouple(String name) {
            step(
                    model -> model.blobs.get(name).parent = model.blobs.get(model.blobs.get(name).parent).parent,
                    () -> await(store.decoupleParent(ids.get(name))));
        }

        void superBlob(String name) {
            step(model -> model.superBlob = name, () -> await(store.setSuperBlob(Optional.of(ids.get(name)))));
        }

        void unload() {
            step(_ -> {}, () -> await(store.unload()));
        }

        private void open(String name, Consumer<OpenBlob> body) {
            OpenBlob blob = PowerCutTck.this.open(store, ids.get(name));
            try {
                body.accept(blob);
            } finally {
                // The power may be gone; closing then fails, and that is all right.
                var closed = blob.blob.closeAsync();
                pollUntil("closing", closed::isDone);
                blob.channel.close();
            }
            var _ = blob.blob.isClosed();
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void script(Run run, boolean table) {
        run.create("thick", BlobOptions.thick(5).withExtentTable(table));
        run.create("thin", BlobOptions.thin(1100).withExtentTable(table));
        run.write("thick", 1, 0, 3, 19);
        run.write("thin", 2, 0, 1, 2, 3);
        run.write("thin", 3, 4 * 600, 4 * 600 + 1);
        run.write("thin", 4, 4 * 1099 + 3, 4);
        run.xattr("thin", "color", new byte[] {1, 2, 3});
        run.xattr("thick", "long", pattern(5, 3500));
        run.xattr("thick", "longer", pattern(6, 3900));
        run.superBlob("thin");
        run.resize("thick", 12);
        run.write("thick", 5, 47);
        run.resize("thick", 3);
        run.removeXattr("thick", "long");
        run.snapshot("thin", "snap1");
        run.write("thin", 6, 1, 8);
        run.cloneOf("snap1", "clone1");
        run.write("clone1", 7, 0, 4 * 601);
        run.snapshot("thin", "snap2");
        run.write("thin", 8, 2, 4 * 600);
        run.snapshot("thin", "snap3");
        run.write("thin", 9, 3, 4 * 600 + 1);
        run.delete("snap2");
        run.delete("snap3");
        run.decouple("thin");
        run.delete("thin");
        run.resize("clone1", 10);
        run.inflate("clone1");
        run.delete("snap1");
        run.snapshot("thick", "snap4");
        run.write("thick", 10, 0);
        run.delete("snap4");
        run.create("holes", BlobOptions.thin(20).withExtentTable(table));
        run.write("holes", 11, 0, 4, 8, 12, 16);
        run.unmap("holes", 1, 3);
        run.write("holes", 12, 4);
        run.resize("holes", 700);
        run.write("holes", 13, 4 * 650);
        run.resize("holes", 2);
        run.delete("holes");
        run.delete("thick");
        run.unload();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void afterACutAnywhereTheStoreIsAsBeforeOrAfterTheStep(boolean table) {
        PowerCutDevice empty = new PowerCutDevice(4 << 20, 4096);
        Bdev made = create(CustomBdev.of(newName("made"), empty));
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(CLUSTER).withMetadataPages(64);
        await(env.blobstores().init(made, options));
        MemorySegment start = empty.afterCut(PowerCutDevice.Fate.LOST, random);
        assertThat(check(start)).isEmpty();

        PowerCutDevice whole = new PowerCutDevice(start, 4096);
        int writes = runUntil(whole, Integer.MAX_VALUE, table, _ -> {});
        assertThat(writes).as("writes of the script").isGreaterThan(100);
        assertThat(check(whole.afterCut(PowerCutDevice.Fate.LOST, random))).isEmpty();

        for (int cut = 1; cut <= writes; cut++) {
            PowerCutDevice device = new PowerCutDevice(start, 4096);
            int at = cut;
            runUntil(
                    device,
                    cut,
                    table,
                    run -> {
                        List<MemorySegment> images = new ArrayList<>();
                        images.add(device.afterCut(PowerCutDevice.Fate.LOST, random));
                        images.add(device.afterCut(PowerCutDevice.Fate.KEPT, random));
                        images.add(device.afterCut(PowerCutDevice.Fate.ANY, random));
                        images.add(device.afterCut(PowerCutDevice.Fate.ANY, random));
                        for (int i = 0; i < images.size(); i++) {
                            verify("cut after write " + at + ", image " + i, images.get(i), run);
                        }
                    });
        }
    }

    /** Runs the script until the power is cut; then shows the run. */
    private int runUntil(PowerCutDevice device, int cut, boolean table, Consumer<Run> afterwards) {
        device.cutAfter(cut);
        Bdev bdev = create(CustomBdev.of(newName("cut"), device));
        Blobstore store = null;
        Run run = null;
        try {
            try {
                store = await(env.blobstores().load(bdev));
                run = new Run(store);
                script(run, table);
            } catch (SpdkException e) {
                if (!device.isCut()) {
                    throw e;
                }
            }
            // Not in there: what it fails with is no matter of the power that was cut.
            if (run != null) {
                afterwards.accept(run);
            }
        } finally {
            end(store, bdev);
        }
        return device.writes();
    }

    private void end(Blobstore store, Bdev bdev) {
        var destroyed = env.bdevs().destroy(bdev.name());
        if (store != null && !store.isClosed()) {
            await(store.unload());
        }
        await(destroyed);
    }

    private void verify(String where, MemorySegment image, Run run) {
        assertThat(check(image)).as("%s, as it is", where).isEmpty();
        List<Model> models = List.of(run.after, run.before);
        PowerCutDevice device = new PowerCutDevice(image, 4096);
        Bdev bdev = create(CustomBdev.of(newName("after"), device));
        Blobstore store = null;
        try {
            store = await(env.blobstores().load(bdev));
            Map<String, BlobId> found = names(store);
            List<List<String>> unlike = new ArrayList<>();
            for (Model model : models) {
                unlike.add(
                        found.keySet().equals(model.blobs.keySet())
                                ? differences(store, found, model, run)
                                : List.of("there are " + found.keySet() + ", not " + model.blobs.keySet()));
            }
            assertThat(unlike).as("%s: unlike all that it may be", where).anyMatch(List::isEmpty);
            // It can be worked with, and leaves nothing behind.
            BlobId more = await(store.create(BlobOptions.thick(1)));
            await(store.delete(more));
            await(store.unload());
            assertThat(check(device.afterCut(PowerCutDevice.Fate.LOST, random)))
                    .as("%s, loaded and unloaded", where)
                    .isEmpty();
        } finally {
            end(store, bdev);
        }
    }

    private Map<String, BlobId> names(Blobstore store) {
        Map<String, BlobId> names = new LinkedHashMap<>();
        for (BlobId id : allBlobs(store)) {
            Blob blob = await(store.open(id));
            names.put(text(blob, "name"), id);
            await(blob.closeAsync());
        }
        return names;
    }

    private List<String> differences(Blobstore store, Map<String, BlobId> found, Model model, Run run) {
        List<String> differences = new ArrayList<>();
        String superBlob =
                await(store.superBlob())
                        .flatMap(id ->
                                found.entrySet().stream()
                                        .filter(entry -> entry.getValue().equals(id))
                                        .map(Map.Entry::getKey)
                                        .findFirst())
                        .orElse(null);
        if (model.superBlob != null && model.blobs.containsKey(model.superBlob) && !model.superBlob.equals(superBlob)) {
            differences.add("super blob is " + superBlob);
        }
        model.blobs.forEach((name, expected) -> {
            BlobId parent = await(store.parentOf(found.get(name))).orElse(null);
            BlobId expectedParent = expected.parent == null ? null : found.get(expected.parent);
            if (parent == null ? expectedParent != null : !parent.equals(expectedParent)) {
                differences.add(name + " has parent " + parent);
            }
            try (OpenBlob blob = open(store, found.get(name))) {
                compare(name, blob, expected, run.unknown.getOrDefault(name, Set.of()), differences);
            }
        });
        return differences;
    }

    private void compare(String name, OpenBlob blob, ModelBlob expected, Set<Long> unknown, List<String> differences) {
        if (blob.blob.clusters() != expected.clusters) {
            differences.add(name + " has " + blob.blob.clusters() + " clusters");
            return;
        }
        if (blob.blob.isReadOnly() != expected.readOnly) {
            differences.add(name + " is read-only: " + blob.blob.isReadOnly());
        }
        if (!new HashSet<>(await(blob.blob.xattrNames())).equals(expected.xattrs.keySet())) {
            differences.add(name + " has attributes " + await(blob.blob.xattrNames()));
        }
        expected.xattrs.forEach((key, value) -> {
            byte[] there = await(blob.blob.xattr(key)).orElse(null);
            if (!Arrays.equals(there, value)) {
                differences.add(name + " has another attribute " + key);
            }
        });
        Set<Long> pages = new HashSet<>(expected.pages.keySet());
        long last = expected.clusters * (CLUSTER / PAGE);
        // What was never written is zero, in the clusters that it has and here and there.
        for (long at = blob.blob.nextAllocatedIoUnit(0).orElse(last); at < last; ) {
            pages.add(at);
            at = blob.blob.nextAllocatedIoUnit(at + 1).orElse(last);
        }
        Random other = new Random(last);
        for (int i = 0; i < 5 && last > 0; i++) {
            pages.add(other.nextLong(last));
        }
        for (long page : pages) {
            if (!unknown.contains(page)) {
                byte[] there = blob.read(page * PAGE, PAGE);
                byte[] wanted = expected.pages.getOrDefault(page, new byte[PAGE]);
                if (!Arrays.equals(there, wanted)) {
                    differences.add(
                            "page %d of %s begins with %d and not with %d".formatted(page, name, there[0], wanted[0]));
                }
            }
        }
    }
}
