package io.spdkio.tck;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.dma.DmaBuf;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.zip.CRC32;

/**
 * Fills stores with some of everything that they can hold, and says what a store holds, the same whatever the engine:
 * for stores that one engine makes and another one reads.
 */
public final class StoreScript {
    private static final byte[] GOLDEN = "golden".getBytes(StandardCharsets.UTF_8);

    /** What is written at either end of a cluster. */
    private static final int PIECE_BYTES = 8192;

    /** What is read at either end of a cluster, and in the middle. */
    private static final int WINDOW_BYTES = 16 << 10;

    /** Blobs of so many clusters are thin, and have several extent pages. */
    private static final int LARGE_CLUSTERS = 1000;

    private final SpdkEnv env;
    private final SpdkThread thread;
    private final Blobstore store;
    private final Random random;

    private StoreScript(SpdkEnv env, SpdkThread thread, Blobstore store, long seed) {
        this.env = env;
        this.thread = thread;
        this.store = store;
        this.random = new Random(seed);
    }

    /** How a store is left. */
    public enum End {
        /** Unloaded. */
        CLEAN,
        /** Left loaded, so that nothing of what unloading writes is there. */
        UNCLEAN
    }

    /**
     * Runs something on a store in a file.
     *
     * @param engine the engine's name
     * @param file the file, which is there
     * @param blockSize the block size of the device in it
     * @param init how to make the store; empty to load it
     * @param end how to leave it
     * @param body what to do with it
     * @return what the store then holds, a line for itself and one for each blob
     */
    public static List<String> with(
            String engine,
            Path file,
            int blockSize,
            Optional<BlobstoreOptions> init,
            End end,
            Function<StoreScript, ?> body) {
        return with(engine, AioBdev.of("store", file).withBlockSize(blockSize).buffered(), init, end, body);
    }

    /**
     * Runs something on a store on a device.
     *
     * @param engine the engine's name
     * @param device the device, which is made for it
     * @param init how to make the store; empty to load it
     * @param end how to leave it
     * @param body what to do with it
     * @return what the store then holds, a line for itself and one for each blob
     */
    public static List<String> with(
            String engine, BdevSpec device, Optional<BlobstoreOptions> init, End end, Function<StoreScript, ?> body) {
        try (SpdkEnv env = SpdkEnv.builder().engine(engine).noHuge(true).noPci(true).build()) {
            SpdkThread thread = env.attachThread("main");
            Bdev bdev = env.bdevs().create(device).join();
            golden(env, thread);
            BlobstoreOptions options =
                    init.orElse(BlobstoreOptions.defaults())
                            .withExternalSnapshots(
                                    (_, id) -> Arrays.equals(id, GOLDEN) ? Optional.of("golden") : Optional.empty());
            Blobstore store =
                    (init.isPresent() ? env.blobstores().init(bdev, options) : env.blobstores().load(bdev, options))
                            .join();
            StoreScript script = new StoreScript(env, thread, store, 42);
            var _ = body.apply(script);
            List<String> holds = script.describe();
            if (end == End.CLEAN) {
                store.unload().join();
            }
            return holds;
        }
    }

    /** The device that blobs are clones of: the same for every engine. */
    private static void golden(SpdkEnv env, SpdkThread thread) {
        Bdev golden = env.bdevs().create(MallocBdev.of("golden", 4 << 20, 512)).join();
        try (var desc = golden.open(io.spdkio.bdev.OpenMode.READ_WRITE);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(4 << 20)) {
            byte[] bytes = new byte[4 << 20];
            new Random(7).nextBytes(bytes);
            buffer.put(0, bytes);
            desc.write(channel, buffer, 0, bytes.length).join();
        }
    }

    // ---- filling

    private BlobId create(BlobOptions options) {
        return store.create(options).join();
    }

    /** Writes at the beginning and at the end of clusters, and a single I/O unit in the middle of large ones. */
    private void write(BlobId id, long... clusters) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(PIECE_BYTES)) {
            long size = store.clusterSizeBytes();
            int unit = store.ioUnitSizeBytes();
            int piece = (int) Math.min(PIECE_BYTES, size);
            for (long cluster : clusters) {
                long at = cluster * size;
                write(blob, channel, buffer, at, piece);
                write(blob, channel, buffer, at + size - piece, piece);
                if (size > 2 * WINDOW_BYTES) {
                    write(blob, channel, buffer, at + size / 2 / unit * unit + unit, unit);
                }
            }
        }
    }

    /** Simple, so that images of stores are small. */
    private void write(Blob blob, IoChannel channel, DmaBuf buffer, long offset, int length) {
        blob.write(channel, buffer.fill((byte) random.nextInt(1, 256)), offset, length).join();
    }

    private void change(BlobId id, Function<Blob, ?> body) {
        try (Blob blob = store.open(id).join()) {
            var _ = body.apply(blob);
            blob.syncMetadata().join();
        }
    }

    private byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    /**
     * Makes some of everything; needs about 70 clusters.
     *
     * @param table whether the blobs have extent tables
     * @return nothing
     */
    public Void everything(boolean table) {
        selfContained(table);
        BlobId empty = create(BlobOptions.thin(0));
        change(empty, blob -> blob.setXattr("empty", new byte[0]).join());

        BlobId external = create(BlobOptions.cloneOf(4, GOLDEN).withExtentTable(table));
        write(external, 1);
        BlobId ofExternal = store.snapshot(external).join();
        write(external, 2);
        write(store.clone(ofExternal).join(), 0);
        store.inflate(store.clone(ofExternal).join()).join();
        decouple(store.clone(ofExternal).join());
        return null;
    }

    /** Not every engine can when the parent is a clone of another device. */
    private void decouple(BlobId id) {
        try {
            store.decoupleParent(id).join();
        } catch (SpdkException.Unsupported e) {
            store.inflate(id).join();
        }
    }

    /**
     * Makes some of everything that programs know which were written before there were clones of other devices, and
     * which take no empty attributes.
     *
     * @param table whether the blobs have extent tables
     * @return nothing
     */
    public Void selfContained(boolean table) {
        BlobId thick = create(BlobOptions.thick(3).withExtentTable(table).withXattr("name", "thick"));
        write(thick, 0, 2);
        BlobId thin = create(BlobOptions.thin(20).withExtentTable(table).withXattr("größe", "dünn"));
        write(thin, 0, 7, 19);
        BlobId large = create(BlobOptions.thin(2500).withExtentTable(table).withXattr("large", "table"));
        write(large, 0, 511, 512, 1023, 1024, 2499);
        change(large, blob -> blob.resize(2400).join());

        BlobId attributes = create(BlobOptions.thin(1).withClearMethod(ClearMethod.WRITE_ZEROES));
        change(
                attributes,
                blob -> {
                    for (int i = 0; i < 8; i++) {
                        blob.setXattr("x" + i, bytes(900 + 400 * i)).join();
                    }
                    return blob.removeXattr("x3").join();
                });

        BlobId family = create(BlobOptions.thin(6).withExtentTable(table));
        write(family, 0, 1, 2);
        BlobId first = store.snapshot(family, Map.of("which", bytes(5))).join();
        write(family, 1, 4);
        BlobId second = store.snapshot(family).join();
        BlobId clone = store.clone(first, Map.of("clone", bytes(9))).join();
        write(clone, 2, 5);
        BlobId ofClone = store.snapshot(clone).join();
        write(store.clone(ofClone).join(), 0);
        write(family, 0);
        BlobId inflated = store.clone(second).join();
        store.inflate(inflated).join();
        BlobId decoupled = store.clone(second).join();
        store.decoupleParent(decoupled).join();

        BlobId readOnly = create(BlobOptions.thick(1));
        write(readOnly, 0);
        change(readOnly, blob -> blob.setReadOnly().join());
        write(store.clone(readOnly).join(), 0);
        BlobId gone = create(BlobOptions.thick(2));
        store.delete(gone).join();
        store.setSuperBlob(Optional.of(thin)).join();
        return null;
    }

    /**
     * Makes blobs.
     *
     * @param count how many
     * @return nothing
     */
    public Void many(int count) {
        for (int i = 0; i < count; i++) {
            create(BlobOptions.thin(i % 5).withXattr("i", Integer.toString(i)));
        }
        return null;
    }

    /**
     * Changes what is there, and adds to it.
     *
     * @return nothing
     */
    public Void goOn() {
        List<BlobId> all = all();
        BlobId made = create(BlobOptions.thin(5).withXattr("made", "later"));
        write(made, 1, 3);
        store.setSuperBlob(Optional.of(made)).join();
        int snapshots = 0;
        for (BlobId id : all) {
            if (!isWritable(id) || clusters(id) == 0) {
                continue;
            }
            change(id, blob -> blob.setXattr("seen", new byte[] {1, 2}).join());
            if (clusters(id) >= LARGE_CLUSTERS) {
                change(id, blob -> blob.resize(blob.clusters() + 600).join());
                write(id, 513, clusters(id) - 1);
            } else if (snapshots < 20 && random.nextBoolean()) {
                write(id, 0);
                store.snapshot(id).join();
                snapshots++;
            }
        }
        goOnWithFamilies(all);
        return null;
    }

    /** Every second clone has one of these, and a snapshot goes that has to hand on what it has. */
    private void goOnWithFamilies(List<BlobId> all) {
        List<Consumer<BlobId>> changes =
                List.of(
                        id -> store.inflate(id).join(),
                        this::decouple,
                        id -> store.delete(id).join(),
                        id -> change(id, blob -> blob.resize(blob.clusters() + 2).join()));
        List<BlobId> clones = all.stream().filter(id -> isWritable(id) && isClone(id)).toList();
        for (int i = 0; i < changes.size() && 2 * i < clones.size(); i++) {
            changes.get(i).accept(clones.get(2 * i));
        }
        all.stream()
                .filter(id -> exists(id) && store.clonesOf(id).join().size() == 1)
                .findFirst()
                .ifPresent(id -> store.delete(id).join());
    }

    private <T> T ask(BlobId id, Function<Blob, T> question) {
        try (Blob blob = store.open(id).join()) {
            return question.apply(blob);
        }
    }

    private boolean isWritable(BlobId id) {
        return ask(id, blob -> !blob.isReadOnly());
    }

    private boolean isClone(BlobId id) {
        return ask(id, Blob::isClone);
    }

    private long clusters(BlobId id) {
        return ask(id, Blob::clusters);
    }

    private boolean exists(BlobId id) {
        return all().contains(id);
    }

    /**
     * Copies what every blob holds into a file of its own, which is named as the blob.
     *
     * @param folder where the files are made
     * @return nothing
     */
    public Void export(Path folder) {
        for (BlobId id : all()) {
            try (Blob blob = store.open(id).join();
                    IoChannel channel = thread.ioChannel(store);
                    DmaBuf buffer = env.dma().allocate(store.clusterSizeBytes());
                    OutputStream file = Files.newOutputStream(folder.resolve(id.toString()))) {
                int length = Math.toIntExact(store.clusterSizeBytes());
                for (long cluster = 0; cluster < blob.clusters(); cluster++) {
                    blob.read(channel, buffer, cluster * length, length).join();
                    file.write(buffer.get(0, length));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return null;
    }

    /**
     * Does random things to the blobs, all of which were made so.
     *
     * @param seed what they are: the same for the same, whatever the engine
     * @param steps how many
     * @return what became of each, and what the blobs are then
     */
    public List<String> random(long seed, int steps) {
        return new RandomSteps(env, thread, store, seed).run(steps);
    }

    /**
     * Leaves the store as it is.
     *
     * @return nothing
     */
    public Void nothing() {
        return null;
    }

    // ---- what it holds

    private List<BlobId> all() {
        return all(store);
    }

    static List<BlobId> all(Blobstore store) {
        List<BlobId> all = new ArrayList<>();
        BlobCursor cursor = store.blobs();
        for (Optional<BlobId> next = cursor.next().join(); next.isPresent(); next = cursor.next().join()) {
            all.add(next.get());
        }
        return all;
    }

    private List<String> describe() {
        List<String> lines = new ArrayList<>();
        lines.add(
                "type '%s', clusters of %d, %d of %d free, pages of %d, units of %d, super blob %s"
                        .formatted(
                                store.type(),
                                store.clusterSizeBytes(),
                                store.freeClusters(),
                                store.totalDataClusters(),
                                store.pageSizeBytes(),
                                store.ioUnitSizeBytes(),
                                store.superBlob().join()));
        all().forEach(id -> lines.add(describe(id)));
        return lines;
    }

    private String describe(BlobId id) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store)) {
            StringBuilder xattrs = new StringBuilder();
            for (String name : blob.xattrNames().join()) {
                xattrs.append(name).append('=').append(crc(blob.xattr(name).join().orElseThrow())).append(' ');
            }
            return "%s: %d clusters, %d allocated%s%s%s%s, parent %s, clones %s, attributes %s, contents %x"
                    .formatted(
                            id,
                            blob.clusters(),
                            blob.allocatedClusters(),
                            blob.isThin() ? ", thin" : "",
                            blob.isReadOnly() ? ", read-only" : "",
                            blob.isSnapshot() ? ", snapshot" : "",
                            blob.isClone() ? ", clone" : "",
                            store.parentOf(id).join(),
                            store.clonesOf(id).join().stream().map(BlobId::toString).sorted().toList(),
                            xattrs.toString().trim(),
                            contents(blob, channel));
        }
    }

    static String crc(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return bytes.length + "/" + Long.toHexString(crc.getValue());
    }

    /** Of every cluster, or of some of a large blob's and all that are allocated: where it was written. */
    private long contents(Blob blob, IoChannel channel) {
        CRC32 crc = new CRC32();
        long size = store.clusterSizeBytes();
        int window = (int) Math.min(WINDOW_BYTES, size);
        try (DmaBuf buffer = env.dma().allocate(window)) {
            for (long cluster : looked(blob)) {
                crc.update(Long.toString(cluster).getBytes(StandardCharsets.UTF_8));
                long at = cluster * size;
                read(blob, channel, buffer, at, window, crc);
                if (size > 2 * WINDOW_BYTES) {
                    read(blob, channel, buffer, at + size / 2 / window * window, window, crc);
                }
                read(blob, channel, buffer, at + size - window, window, crc);
            }
        }
        return crc.getValue();
    }

    private SortedSet<Long> looked(Blob blob) {
        SortedSet<Long> clusters = new TreeSet<>();
        for (long cluster = 0; cluster < blob.clusters(); cluster += blob.clusters() < LARGE_CLUSTERS ? 1 : 7) {
            clusters.add(cluster);
        }
        long units = store.clusterSizeBytes() / store.ioUnitSizeBytes();
        for (var unit = blob.nextAllocatedIoUnit(0);
                unit.isPresent();
                unit = blob.nextAllocatedIoUnit(unit.getAsLong() + units)) {
            clusters.add(unit.getAsLong() / units);
        }
        return clusters;
    }

    private static void read(Blob blob, IoChannel channel, DmaBuf buffer, long offset, int length, CRC32 crc) {
        blob.read(channel, buffer, offset, length).join();
        crc.update(buffer.get(0, length));
    }
}
