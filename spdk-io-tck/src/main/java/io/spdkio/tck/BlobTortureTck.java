package io.spdkio.tck;

import static io.spdkio.tck.Torture.attempt;
import static io.spdkio.tck.Torture.isExpected;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/**
 * A small store on which threads do everything at once, in a random order. Some write blobs of their own and know what
 * is in them; others snapshot, clone, inflate, decouple and delete whatever there is, and fill the store. A round ends
 * in order, and then the store is loaded again and holds what was written, or by unloading it, removing its device or
 * closing its environment in the middle. Nothing hangs, no buffer stays leased, no cluster is lost.
 *
 * <p>{@link Torture} says how to run it for longer, or one seed again.
 */
public abstract class BlobTortureTck {
    private static final int UNIT = 4096;
    private static final int UNITS_A_CLUSTER = 4;
    private static final int CLUSTER = UNITS_A_CLUSTER * UNIT;
    private static final long DEVICE_BYTES = 8L << 20;
    private static final int FEWEST_METADATA_PAGES = 60;
    private static final int MOST_METADATA_PAGES = 800;
    private static final int WRITERS = 2;
    private static final int BLOBS_A_WRITER = 2;
    private static final int MOST_CLUSTERS = 60;
    private static final int MOST_BLOBS = 40;
    private static final int MOST_UNITS_AN_IO = 10;
    private static final int NOTES = 20_000;
    private static final Duration ROUND = Duration.ofMillis(250);

    /** What a unit holds of which nobody knows. */
    private static final long UNKNOWN = -1;

    /** For the subclasses. */
    protected BlobTortureTck() {}

    /**
     * Which engine the suite runs on.
     *
     * @return the fixture
     */
    protected abstract EngineFixture fixture();

    @Test
    void nothingHangsNothingLeaksNothingIsLost() throws Exception {
        Torture.repeat(seed -> new Round(seed).run());
    }

    /** How a round ends. */
    private enum End {
        IN_ORDER,
        UNLOADED,
        REMOVED,
        ENVIRONMENT_CLOSED
    }

    /** One environment, from open to close. */
    private final class Round {
        private final Random random;
        private final End end;
        private final Queue<Throwable> problems = new ConcurrentLinkedQueue<>();
        private final Queue<DmaBuf> buffers = new ConcurrentLinkedQueue<>();
        private final List<Owned> owned = new CopyOnWriteArrayList<>();

        /** What each snapshot held when it was first read. */
        private final Map<BlobId, List<Long>> snapshots = new ConcurrentHashMap<>();

        /** What was done last, for who looks for the reason of a failure. */
        private final Queue<String> history = new ConcurrentLinkedQueue<>();

        private SpdkEnv env;
        private SpdkThread main;
        private Bdev bdev;
        private Blobstore store;
        private long freeAtFirst;
        private volatile boolean stop;

        Round(long seed) {
            random = new Random(seed);
            // Most rounds end in order: those look at what is there.
            end =
                    switch (random.nextInt(8)) {
                        case 0 -> End.UNLOADED;
                        case 1 -> End.REMOVED;
                        case 2 -> End.ENVIRONMENT_CLOSED;
                        default -> End.IN_ORDER;
                    };
        }

        void run() {
            env = Torture.open(fixture(), problems);
            try {
                main = env.attachThread("main");
                bdev = device();
                store =
                        env.blobstores()
                                .init(
                                        bdev,
                                        BlobstoreOptions.defaults()
                                                .withClusterSize(CLUSTER)
                                                .withMetadataPages(
                                                        random.nextInt(FEWEST_METADATA_PAGES, MOST_METADATA_PAGES)))
                                .join();
                freeAtFirst = store.freeClusters();
                play();
            } catch (RuntimeException e) {
                throw new AssertionError("ended " + end + ": " + e.getMessage() + lastNotes(), e);
            } finally {
                env.close();
            }
            assertThat(problems).as("%s", end).isEmpty();
            assertThat(env.threads()).isEmpty();
            assertThat(buffers).noneMatch(DmaBuf::isLeased);
        }

        /** Memory, at times slow, at times short of memory. */
        private Bdev device() {
            Bdev made = env.bdevs().create(MallocBdev.of("m", DEVICE_BYTES, 512 << random.nextInt(4))).join();
            if (random.nextInt(3) == 0) {
                List<ErrorBdev.Injection> noMemory =
                        List.of(
                                ErrorBdev.Injection.rate(IoType.READ, ErrorBdev.Mode.NOMEM, 0.1, random.nextLong()),
                                ErrorBdev.Injection.rate(IoType.WRITE, ErrorBdev.Mode.NOMEM, 0.1, random.nextLong()));
                made = env.bdevs().create(new ErrorBdev("e", made.name(), noMemory)).join();
            }
            if (random.nextInt(3) == 0) {
                made = env.bdevs().create(DelayBdev.of("d", made.name(), Duration.ofNanos(20_000))).join();
            }
            return made;
        }

        private void play() {
            List<JoinHandle<Void>> handles = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                Writer writer = new Writer(this, random.nextLong());
                handles.add(env.spawnThread("writer" + i, writer::work));
            }
            Chaos chaos = new Chaos(this, random.nextLong());
            handles.add(env.spawnThread("chaos", chaos::work));
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < ROUND.toNanos()) {
                if (main.poll() == 0) {
                    Thread.yield();
                }
            }
            switch (end) {
                case IN_ORDER -> stop = true;
                case UNLOADED -> {
                    // Refused while blobs are open, which is most of the time.
                    attempt(() -> store.unload().join());
                    stop = true;
                }
                case REMOVED -> {
                    var _ = env.bdevs().destroy(bdev.name());
                }
                case ENVIRONMENT_CLOSED -> {
                    return;
                }
            }
            if (end == End.REMOVED) {
                // What is under way ends with errors, and so do the threads.
                pollUntilDone(handles);
            }
            handles.forEach(handle -> attempt(handle::join));
            switch (end) {
                case IN_ORDER -> look();
                case UNLOADED -> lookAgain();
                case REMOVED -> store.unload().join();
                case ENVIRONMENT_CLOSED -> {}
            }
        }

        private void pollUntilDone(List<JoinHandle<Void>> handles) {
            while (!handles.stream().allMatch(handle -> handle.result().isDone())) {
                if (main.poll() == 0) {
                    Thread.yield();
                }
            }
        }

        /** What the store holds as it is, unloaded and loaded again, and after a recovery. */
        private void look() {
            verifyAll();
            note(new BlobId(0), "verified, unloads");
            if (random.nextBoolean()) {
                store.unload().join();
                store = env.blobstores().load(bdev).join();
            } else {
                store.unload().join();
                store = env.blobstores().load(bdev, BlobstoreOptions.defaults().withForceRecovery(true)).join();
            }
            verifyAll();
            deleteAll();
            assertThat(store.freeClusters()).as("free clusters of an empty store").isEqualTo(freeAtFirst);
            store.unload().join();
        }

        /** It was unloaded while others were at work: what they could not do is not known, but clusters are whole. */
        private void lookAgain() {
            if (!store.isClosed()) {
                store.unload().join();
            }
            store = env.blobstores().load(bdev).join();
            assertThat(freeAtFirst - store.freeClusters()).as("used clusters").isEqualTo(allocated());
            deleteAll();
            assertThat(store.freeClusters()).as("free clusters of an empty store").isEqualTo(freeAtFirst);
            store.unload().join();
        }

        void note(BlobId id, String what) {
            history.add(id + ": " + what);
            if (history.size() > NOTES) {
                history.remove();
            }
        }

        private String lastNotes() {
            return history.stream()
                    .skip(Math.max(0, history.size() - 1000))
                    .map(note -> System.lineSeparator() + note)
                    .collect(Collectors.joining());
        }

        /** What was done to a blob. */
        String notesOn(BlobId id) {
            return history.stream()
                    .filter(note -> note.startsWith(id + ":"))
                    .collect(Collectors.joining(System.lineSeparator()));
        }

        private List<BlobId> all() {
            return StoreScript.all(store);
        }

        private long allocated() {
            long sum = 0;
            for (BlobId id : all()) {
                try (Blob blob = store.open(id).join()) {
                    sum += blob.allocatedClusters();
                }
            }
            return sum;
        }

        private void verifyAll() {
            List<BlobId> there = all();
            try (IoChannel channel = main.ioChannel(store)) {
                for (Owned one : owned) {
                    assertThat(there).contains(one.id);
                    try (Blob blob = store.open(one.id).join()) {
                        one.verify(env, blob, channel);
                        one.verifyXattrs(blob);
                    }
                }
                snapshots.forEach((id, expected) -> {
                    if (there.contains(id)) {
                        try (Blob blob = store.open(id).join()) {
                            assertThat(checksums(env, blob, channel))
                                    .as("contents of snapshot %s", notesOn(id))
                                    .isEqualTo(expected);
                        }
                    }
                });
            }
            assertThat(freeAtFirst - store.freeClusters()).as("used clusters").isEqualTo(allocated());
        }

        /** Those without clones first, until there is none. */
        private void deleteAll() {
            for (List<BlobId> left = all(); !left.isEmpty(); left = all()) {
                List<BlobId> leaves = left.stream().filter(id -> store.clonesOf(id).join().isEmpty()).toList();
                assertThat(leaves).as("blobs without clones, of %s", left).isNotEmpty();
                leaves.forEach(id -> store.delete(id).join());
            }
        }
    }

    /** The checksum of each unit. */
    private static List<Long> checksums(SpdkEnv env, Blob blob, IoChannel channel) {
        List<Long> checksums = new ArrayList<>();
        CRC32C crc = new CRC32C();
        try (DmaBuf buffer = env.dma().allocate(CLUSTER)) {
            for (long cluster = 0; cluster < blob.clusters(); cluster++) {
                blob.read(channel, buffer, cluster * CLUSTER, CLUSTER).join();
                byte[] bytes = buffer.get(0, CLUSTER);
                for (int at = 0; at < CLUSTER; at += UNIT) {
                    crc.reset();
                    crc.update(bytes, at, UNIT);
                    checksums.add(crc.getValue());
                }
            }
        }
        return checksums;
    }

    /** A blob that one thread writes, and what is in it: a number for each unit, 0 for zeroes. */
    private static final class Owned {
        private final Round round;
        private final BlobId id;
        private final Map<String, byte[]> xattrs = new HashMap<>();
        private long[] units;

        /** How many units it had at most: behind its end there may be something of a snapshot. */
        private int mostUnits;

        /** Whether an attribute may have been changed or not. */
        private boolean xattrsUnknown;

        Owned(Round round, BlobId id, int clusters, boolean thin) {
            this.round = round;
            this.id = id;
            this.units = new long[clusters * UNITS_A_CLUSTER];
            this.mostUnits = units.length;
            if (!thin) {
                Arrays.fill(units, UNKNOWN);
            }
        }

        void set(int first, int count, long stamp) {
            for (int i = 0; i < count; i++) {
                units[first + i] = stamp == UNKNOWN || stamp == 0 ? stamp : stamp + i;
            }
        }

        void resized(int clusters, boolean zeroes) {
            int before = units.length;
            units = Arrays.copyOf(units, clusters * UNITS_A_CLUSTER);
            for (int i = before; i < units.length; i++) {
                units[i] = zeroes && i >= mostUnits ? 0 : UNKNOWN;
            }
            mostUnits = Math.max(mostUnits, units.length);
        }

        static void fill(DmaBuf buffer, int count, long stamp) {
            for (int i = 0; i < count; i++) {
                for (int at = 0; at < UNIT; at += 512) {
                    buffer.segment().set(ValueLayout.JAVA_LONG, (long) i * UNIT + at, stamp + i);
                }
            }
        }

        void verify(DmaBuf buffer, int first, int count) {
            for (int i = 0; i < count; i++) {
                long expected = units[first + i];
                for (int at = 0; at < UNIT && expected != UNKNOWN; at += 512) {
                    assertThat(buffer.segment().get(ValueLayout.JAVA_LONG, (long) i * UNIT + at))
                            .as("unit %d, byte %d of blob %s", first + i, at, round.notesOn(id))
                            .isEqualTo(expected);
                }
            }
        }

        void verify(SpdkEnv env, Blob blob, IoChannel channel) {
            assertThat(blob.clusters()).as("clusters of %s", id).isEqualTo(units.length / UNITS_A_CLUSTER);
            try (DmaBuf buffer = env.dma().allocate(CLUSTER)) {
                for (int unit = 0; unit < units.length; unit += UNITS_A_CLUSTER) {
                    blob.read(channel, buffer, (long) unit * UNIT, CLUSTER).join();
                    verify(buffer, unit, UNITS_A_CLUSTER);
                }
            }
        }

        void verifyXattrs(Blob blob) {
            if (!xattrsUnknown) {
                assertThat(blob.xattrNames().join()).containsExactlyInAnyOrderElementsOf(xattrs.keySet());
                xattrs.forEach((name, value) -> assertThat(blob.xattr(name).join()).contains(value));
            }
        }
    }

    /** A thread that writes blobs of its own. */
    private static final class Writer {
        private final Round round;
        private final SpdkEnv env;
        private final Blobstore store;
        private final Random random;
        private final List<Owned> mine = new ArrayList<>();
        private final Map<Owned, Blob> open = new HashMap<>();
        private SpdkThread thread;
        private IoChannel channel;
        private long stamp;

        Writer(Round round, long seed) {
            this.round = round;
            this.env = round.env;
            this.store = round.store;
            this.random = new Random(seed);
            this.stamp = 1 + ((seed & 0xffff) << 40);
        }

        Void work(SpdkThread on) {
            thread = on;
            channel = thread.ioChannel(store);
            for (int i = 0; i < BLOBS_A_WRITER; i++) {
                create();
            }
            try {
                while (!round.stop && thread.state() == SpdkThread.State.RUNNING && !ended()) {
                    step();
                }
            } catch (RuntimeException e) {
                // When the rug is pulled everything may fail, else only what says so below.
                if (!isExpected(e) || round.end == End.IN_ORDER) {
                    throw e;
                }
            }
            if (round.end != End.ENVIRONMENT_CLOSED) {
                List.copyOf(open.keySet()).forEach(this::close);
            }
            attempt(channel::close);
            return null;
        }

        /** Whether everything fails from now on. */
        private boolean ended() {
            return store.isClosed() || round.bdev.isRemoved();
        }

        private void create() {
            int clusters = random.nextInt(20);
            boolean thin = random.nextInt(4) != 0;
            BlobOptions options = thin ? BlobOptions.thin(clusters) : BlobOptions.thick(clusters);
            try {
                BlobId id = store.create(options.withExtentTable(random.nextBoolean())).join();
                Owned one = new Owned(round, id, clusters, thin);
                open.put(one, store.open(id).join());
                mine.add(one);
                round.owned.add(one);
            } catch (RuntimeException e) {
                if (!isExpected(e)) {
                    throw e;
                }
            }
        }

        private void step() {
            if (mine.isEmpty()) {
                create();
                return;
            }
            Owned one = mine.get(random.nextInt(mine.size()));
            Blob blob = open.get(one);
            switch (random.nextInt(40)) {
                case 0, 1 -> resize(one, blob);
                case 2 -> xattr(one, blob);
                case 3 -> may(blob::syncMetadata);
                case 4 -> reopen(one);
                case 5 -> one.verify(env, blob, channel);
                case 6 -> one.verifyXattrs(blob);
                case 7 -> queued(one, blob);
                case 8 -> {
                    channel.close();
                    channel = thread.ioChannel(store);
                }
                default -> batch(one, blob);
            }
        }

        /** Whether an operation worked that another thread's, or a full store, may keep from working. */
        private boolean may(Supplier<IoFuture<Void>> operation) {
            try {
                operation.get().join();
                return true;
            } catch (RuntimeException e) {
                if (!isExpected(e)) {
                    throw e;
                }
                return false;
            }
        }

        private void resize(Owned one, Blob blob) {
            int clusters = random.nextInt(MOST_CLUSTERS);
            boolean zeroes = blob.isThin();
            may(() -> blob.resize(clusters));
            one.resized((int) blob.clusters(), zeroes && blob.isThin());
            round.note(one.id, "resize to %d clusters, is %d, thin %s".formatted(clusters, blob.clusters(), zeroes));
        }

        private void xattr(Owned one, Blob blob) {
            String name = "x" + random.nextInt(4);
            if (one.xattrs.containsKey(name) && random.nextBoolean()) {
                if (may(() -> blob.removeXattr(name))) {
                    one.xattrs.remove(name);
                } else {
                    one.xattrsUnknown = true;
                }
                return;
            }
            byte[] value = new byte[random.nextInt(1500)];
            random.nextBytes(value);
            if (may(() -> blob.setXattr(name, value))) {
                one.xattrs.put(name, value);
            } else {
                one.xattrsUnknown = true;
            }
        }

        private void reopen(Owned one) {
            round.note(one.id, "close and open");
            if (close(one)) {
                open.put(one, store.open(one.id).join());
            }
        }

        /** Closing writes what was not synced. When there are no pages for that, nobody knows what the blob is. */
        private boolean close(Owned one) {
            try {
                open.remove(one).closeAsync().join();
                return true;
            } catch (RuntimeException e) {
                Throwable cause = e instanceof CompletionException ? e.getCause() : e;
                boolean full = cause instanceof SpdkException failed && failed.errno() == Errno.ENOSPC;
                if (round.end == End.IN_ORDER && !full) {
                    throw e;
                }
                round.note(one.id, "close failed: " + e.getMessage());
                mine.remove(one);
                round.owned.remove(one);
                return false;
            }
        }

        private int units() {
            return 1 + random.nextInt(MOST_UNITS_AN_IO);
        }

        /** Operations on different units at the same time. */
        private void batch(Owned one, Blob blob) {
            BitSet taken = new BitSet();
            List<Pending> pending = new ArrayList<>();
            for (int i = random.nextInt(1, 12); i > 0; i--) {
                int count = units();
                int first = random.nextInt(Math.max(1, one.units.length - count + 1));
                int next = taken.nextSetBit(first);
                if (first + count <= one.units.length && (next < 0 || next >= first + count)) {
                    taken.set(first, first + count);
                    pending.add(submit(blob, first, count));
                }
            }
            pending.forEach(each -> each.settle(one));
        }

        private Pending submit(Blob blob, int first, int count) {
            long offset = (long) first * UNIT;
            long length = (long) count * UNIT;
            DmaBuf buffer = env.dma().allocate(length);
            round.buffers.add(buffer);
            int what = random.nextInt(12);
            if (what < 6) {
                long begin = stamp;
                stamp += count;
                Owned.fill(buffer, count, begin);
                return new Pending(blob.write(channel, buffer, offset, length), buffer, first, count, begin);
            }
            if (what == 6) {
                return new Pending(blob.writeZeroes(channel, offset, length), buffer, first, count, 0);
            }
            if (what == 7) {
                return new Pending(blob.unmap(channel, offset, length), buffer, first, count, UNKNOWN);
            }
            return new Pending(blob.read(channel, buffer, offset, length), buffer, first, count, Pending.READS);
        }

        /** An operation under way, and what its units hold when it has worked. */
        private record Pending(IoFuture<Void> future, DmaBuf buffer, int first, int count, long stamp) {
            static final long READS = -2;

            void settle(Owned one) {
                boolean worked = true;
                try {
                    future.join();
                } catch (RuntimeException e) {
                    if (!isExpected(e)) {
                        throw e;
                    }
                    worked = false;
                }
                one.round.note(
                        one.id,
                        "%s of units %d to %d, %s"
                                .formatted(
                                        stamp == READS ? "read" : stamp == UNKNOWN ? "unmap" : "write of " + stamp,
                                        first,
                                        first + count - 1,
                                        worked ? "worked" : "failed"));
                if (stamp != READS) {
                    one.set(first, count, worked ? stamp : UNKNOWN);
                } else if (worked) {
                    one.verify(buffer, first, count);
                }
                buffer.close();
            }
        }

        /** Through a queue, whose reads are not looked at. */
        private void queued(Owned one, Blob blob) {
            if (one.units.length < UNITS_A_CLUSTER) {
                return;
            }
            int[] left = {random.nextInt(1, 30)};
            DmaBuf buffer = env.dma().allocate(UNIT);
            round.buffers.add(buffer);
            IoQueue[] queue = new IoQueue[1];
            Runnable next =
                    () -> {
                        if (left[0]-- > 0) {
                            queue[0].read(buffer, (long) random.nextInt(one.units.length) * UNIT, UNIT, left[0]);
                        }
                    };
            queue[0] = blob.openQueue(channel, 4, (_, _) -> next.run());
            try {
                next.run();
                next.run();
                queue[0].abort(random.nextInt(30));
                while (queue[0].outstanding() > 0 && left[0] > 5) {
                    thread.poll();
                }
            } finally {
                queue[0].close();
            }
        }
    }

    /** A thread that does to all blobs what does not change what is in those of others. */
    private static final class Chaos {
        private final Round round;
        private final SpdkEnv env;
        private final Blobstore store;
        private final Random random;
        private final List<BlobId> derived = new ArrayList<>();
        private final List<IoFuture<?>> underWay = new ArrayList<>();
        private SpdkThread thread;

        Chaos(Round round, long seed) {
            this.round = round;
            this.env = round.env;
            this.store = round.store;
            this.random = new Random(seed);
        }

        Void work(SpdkThread on) {
            thread = on;
            while (!round.stop
                    && thread.state() == SpdkThread.State.RUNNING
                    && !store.isClosed()
                    && !round.bdev.isRemoved()) {
                attempt(this::step);
                underWay.removeIf(IoFuture::isDone);
                if (underWay.size() > 4) {
                    attempt(() -> underWay.removeFirst().join());
                }
            }
            underWay.forEach(future -> attempt(future::join));
            return null;
        }

        private <T> T any(List<T> from) {
            return from.get(random.nextInt(from.size()));
        }

        /** A blob of whomever. */
        private BlobId anyBlob() {
            if (!derived.isEmpty() && random.nextBoolean()) {
                return any(derived);
            }
            return round.owned.isEmpty() ? new BlobId(77) : any(round.owned).id;
        }

        private void step() {
            switch (random.nextInt(16)) {
                case 0, 1, 2 -> make("snapshot", anyBlob(), store::snapshot);
                case 3, 4 -> make("clone", anyBlob(), store::clone);
                case 5 -> change("inflate", anyBlob(), store::inflate);
                case 6 -> change("decoupleParent", anyBlob(), store::decoupleParent);
                case 7, 8, 9 -> delete();
                case 10 -> make("", anyBlob(), _ -> store.create(BlobOptions.thick(random.nextInt(200))));
                case 11 -> make("", anyBlob(), _ -> store.create(BlobOptions.thin(random.nextInt(2_000))));
                case 12 -> underWay.add(store.setSuperBlob(Optional.of(anyBlob())));
                case 13 -> relatives();
                default -> {
                    if (!derived.isEmpty()) {
                        read(any(derived));
                    }
                }
            }
        }

        private void make(String what, BlobId of, Function<BlobId, IoFuture<BlobId>> how) {
            if (derived.size() < MOST_BLOBS) {
                round.note(of, what + " begins");
                try {
                    BlobId made = how.apply(of).join();
                    round.note(of, what + " made " + made);
                    round.note(made, what + " of " + of);
                    derived.add(made);
                } catch (RuntimeException e) {
                    round.note(of, what + " failed: " + e.getMessage());
                    throw e;
                }
            }
        }

        private void change(String what, BlobId id, Function<BlobId, IoFuture<Void>> how) {
            round.note(id, what + " begins");
            IoFuture<Void> future = how.apply(id);
            underWay.add(future);
            var _ =
                    future.whenComplete((_, problem) ->
                            round.note(id, what + (problem == null ? " ends" : " failed: " + problem.getMessage())));
        }

        private void delete() {
            if (!derived.isEmpty()) {
                BlobId id = any(derived);
                round.note(id, "delete begins");
                store.delete(id).join();
                round.note(id, "deleted");
                derived.remove(id);
                round.snapshots.remove(id);
            }
        }

        private void relatives() {
            BlobId id = anyBlob();
            underWay.add(store.parentOf(id));
            underWay.add(store.clonesOf(id));
            underWay.add(store.blobs().next());
            underWay.add(store.superBlob());
        }

        /**
         * Whether no ancestor is smaller: behind the end of such a one there are zeroes, until it goes and its own
         * parent shows what it has there.
         */
        private boolean isCovered(Blob blob) {
            for (Optional<BlobId> at = store.parentOf(blob.id()).join();
                    at.isPresent();
                    at = store.parentOf(at.orElseThrow()).join()) {
                try (Blob ancestor = store.open(at.orElseThrow()).join()) {
                    if (ancestor.clusters() < blob.clusters()) {
                        return false;
                    }
                }
            }
            return true;
        }

        /** A snapshot never changes, whatever becomes of its family. */
        private void read(BlobId id) {
            try (IoChannel channel = thread.ioChannel(store);
                    Blob blob = store.open(id).join()) {
                List<Long> now = checksums(env, blob, channel);
                if (blob.isReadOnly() && isCovered(blob)) {
                    List<Long> before = round.snapshots.putIfAbsent(id, now);
                    round.note(id, before == null ? "first read" : "read");
                    assertThat(now)
                            .as("contents of snapshot %s", round.notesOn(id))
                            .isEqualTo(before == null ? now : before);
                }
            }
        }
    }
}
