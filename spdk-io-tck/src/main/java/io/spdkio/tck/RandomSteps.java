package io.spdkio.tck;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.dma.DmaBuf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import java.util.zip.CRC32;

/**
 * Does random things to the blobs of a store, the same on every engine, and says what became of each step and of each
 * blob. Blobs have names, as engines may give them other ids.
 */
final class RandomSteps {
    private static final String NAME = "name";
    private static final int UNIT = 4096;
    private static final int MOST_BLOBS = 30;
    private static final int MOST_CLUSTERS = 40;

    /** Of several extent pages. */
    private static final int MANY_CLUSTERS = 1300;

    private final SpdkEnv env;
    private final SpdkThread thread;
    private final Blobstore store;
    private final Random random;
    private final TreeMap<String, BlobId> ids = new TreeMap<>();
    private final Map<String, Blob> open = new HashMap<>();
    private final List<String> said = new ArrayList<>();

    /** The same seed makes the same names, so they have to differ from those that are there. */
    private final String prefix;

    RandomSteps(SpdkEnv env, SpdkThread thread, Blobstore store, long seed) {
        this.env = env;
        this.thread = thread;
        this.store = store;
        this.random = new Random(seed);
        this.prefix = Long.toHexString(seed) + ".";
        StoreScript.all(store).forEach(id -> ids.put(nameOf(id), id));
    }

    List<String> run(int steps) {
        for (int i = 0; i < steps; i++) {
            step(prefix + i);
        }
        List.copyOf(open.keySet()).forEach(this::close);
        said.add(store.freeClusters() + " clusters are free");
        ids.forEach((name, id) -> said.add(describe(name, id)));
        return said;
    }

    private String nameOf(BlobId id) {
        try (Blob blob = store.open(id).join()) {
            return new String(blob.xattr(NAME).join().orElseThrow(), StandardCharsets.UTF_8);
        }
    }

    private void step(String fresh) {
        if (ids.isEmpty() || (ids.size() < MOST_BLOBS && random.nextInt(8) == 0)) {
            create(fresh);
            return;
        }
        List<String> names = List.copyOf(ids.keySet());
        String name = names.get(random.nextInt(names.size()));
        BlobId id = ids.get(name);
        switch (random.nextInt(20)) {
            case 0, 1 -> {
                if (ids.size() < MOST_BLOBS) {
                    make(name, fresh, "snapshot", () -> store.snapshot(id, named(fresh)).join());
                }
            }
            case 2 -> {
                if (ids.size() < MOST_BLOBS) {
                    make(name, fresh, "clone", () -> store.clone(id, named(fresh)).join());
                }
            }
            case 3 -> say(name + " inflate", () -> store.inflate(id).join());
            case 4 -> decouple(name, id);
            case 5, 6 -> {
                if (say(name + " delete", () -> store.delete(id).join())) {
                    ids.remove(name);
                }
            }
            case 7, 8, 9 -> resize(name);
            case 10 -> xattr(name);
            case 11 -> close(name);
            case 12 -> blob(name);
            case 13 -> zero(name);
            case 14 -> unmap(name);
            default -> write(name);
        }
    }

    private static Map<String, byte[]> named(String name) {
        return Map.of(NAME, name.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether it worked; says so, or what kind of exception there was. */
    private boolean say(String what, Runnable step) {
        try {
            step.run();
            said.add(what);
            return true;
        } catch (RuntimeException e) {
            Throwable cause = e instanceof CompletionException ? e.getCause() : e;
            if (!(cause instanceof SpdkException failed)) {
                throw e;
            }
            said.add(what + ": " + failed.getClass().getSimpleName() + " " + failed.errno());
            return false;
        }
    }

    private void make(String of, String fresh, String what, Supplier<BlobId> operation) {
        say(of + " " + what + " " + fresh, () -> ids.put(fresh, operation.get()));
    }

    private void create(String fresh) {
        int clusters = random.nextInt(MOST_CLUSTERS);
        BlobOptions options =
                switch (random.nextInt(4)) {
                    case 0 -> BlobOptions.thick(clusters);
                    case 1 -> BlobOptions.thin(random.nextInt(MANY_CLUSTERS));
                    default -> BlobOptions.thin(clusters);
                };
        make(
                "-",
                fresh,
                "create",
                () -> store.create(options.withExtentTable(random.nextBoolean()).withXattr(NAME, fresh)).join());
    }

    /** Not every engine can where the blob is larger than its parent. */
    private void decouple(String name, BlobId id) {
        Optional<BlobId> parent = store.parentOf(id).join();
        if (parent.isPresent() && clusters(parent.get()) >= clusters(id)) {
            say(name + " decouple", () -> store.decoupleParent(id).join());
        } else {
            say(name + " inflate", () -> store.inflate(id).join());
        }
    }

    private long clusters(BlobId id) {
        try (Blob blob = store.open(id).join()) {
            return blob.clusters();
        }
    }

    /** Stays open until it is closed. */
    private Blob blob(String name) {
        return open.computeIfAbsent(name, it -> store.open(ids.get(it)).join());
    }

    private void close(String name) {
        Blob blob = open.remove(name);
        if (blob != null) {
            blob.closeAsync().join();
        }
    }

    private void resize(String name) {
        Blob blob = blob(name);
        boolean many = blob.isThin() && random.nextInt(3) == 0;
        int clusters = random.nextInt(many ? MANY_CLUSTERS : MOST_CLUSTERS);
        say(name + " resize " + clusters, () -> blob.resize(clusters).join());
        say(name + " sync", () -> blob.syncMetadata().join());
    }

    private void xattr(String name) {
        Blob blob = blob(name);
        byte[] value = new byte[1 + random.nextInt(3000)];
        random.nextBytes(value);
        String key = "x" + random.nextInt(3);
        if (random.nextInt(3) == 0) {
            say(name + " removes " + key, () -> blob.removeXattr(key).join());
        } else {
            say(name + " sets " + key, () -> blob.setXattr(key, value).join());
        }
        say(name + " sync", () -> blob.syncMetadata().join());
    }

    /** Some units of a blob that is not empty. */
    private record Units(long first, long count) {
        static Units of(Random random, Blob blob) {
            long all = blob.sizeBytes() / UNIT;
            long first = random.nextLong(all);
            return new Units(first, 1 + random.nextLong(Math.min(all - first, 12)));
        }

        long offset() {
            return first * UNIT;
        }

        long length() {
            return count * UNIT;
        }

        @Override
        public String toString() {
            return first + " " + count;
        }
    }

    private void write(String name) {
        Blob blob = blob(name);
        if (blob.clusters() == 0) {
            return;
        }
        Units units = Units.of(random, blob);
        byte fill = (byte) random.nextInt(1, 256);
        try (IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(units.length()).fill(fill)) {
            say(name + " write " + units, () -> blob.write(channel, buffer, units.offset(), units.length()).join());
        }
    }

    private void zero(String name) {
        Blob blob = blob(name);
        if (blob.clusters() == 0) {
            return;
        }
        Units units = Units.of(random, blob);
        try (IoChannel channel = thread.ioChannel(store)) {
            say(name + " zeroes " + units, () -> blob.writeZeroes(channel, units.offset(), units.length()).join());
        }
    }

    /** Whole clusters, of which it is known what is there then when there is no parent. */
    private void unmap(String name) {
        Blob blob = blob(name);
        if (blob.clusters() == 0 || !blob.isThin() || blob.isClone() || blob.isReadOnly()) {
            return;
        }
        long size = store.clusterSizeBytes();
        long first = random.nextLong(blob.clusters());
        long count = 1 + random.nextLong(Math.min(blob.clusters() - first, 4));
        try (IoChannel channel = thread.ioChannel(store)) {
            say(name + " unmap " + first + " " + count, () -> blob.unmap(channel, first * size, count * size).join());
        }
    }

    private String describe(String name, BlobId id) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store)) {
            List<String> xattrs = new ArrayList<>();
            for (String key : blob.xattrNames().join()) {
                xattrs.add(key + "=" + StoreScript.crc(blob.xattr(key).join().orElseThrow()));
            }
            return "%s: %d clusters, %d allocated, thin %s, read-only %s, snapshot %s, clone %s, of %s, clones %s, %s, %x"
                    .formatted(
                            name,
                            blob.clusters(),
                            blob.allocatedClusters(),
                            blob.isThin(),
                            blob.isReadOnly(),
                            blob.isSnapshot(),
                            blob.isClone(),
                            store.parentOf(id).join().map(this::nameOf).orElse("-"),
                            store.clonesOf(id).join().stream().map(this::nameOf).sorted().toList(),
                            xattrs,
                            contents(blob, channel));
        }
    }

    private long contents(Blob blob, IoChannel channel) {
        CRC32 crc = new CRC32();
        int size = Math.toIntExact(store.clusterSizeBytes());
        try (DmaBuf buffer = env.dma().allocate(size)) {
            for (long cluster = 0; cluster < blob.clusters(); cluster++) {
                blob.read(channel, buffer, cluster * size, size).join();
                crc.update(buffer.get(0, size));
            }
        }
        return crc.getValue();
    }
}
