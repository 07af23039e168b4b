package io.spdkio.bench;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * Blobs against the malloc device below them, in turns and by the CPU time of the polling thread, which stands still on
 * a busy machine; and what it costs to create, load, open and delete many blobs.
 */
public final class Blobs {
    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
    private static final int IO_BYTES = 4096;
    private static final long BYTES = 64L << 20;
    private static final int ROUNDS = 24;
    private static final int WARM_UP_ROUNDS = 8;
    private static final long WINDOW_NANOS = 200_000_000;
    private static final int FILLED_BYTES = 1 << 20;

    private final SpdkEnv env;
    private final SpdkThread thread;

    private Blobs(SpdkEnv env, SpdkThread thread) {
        this.env = env;
        this.thread = thread;
    }

    /**
     * Runs it.
     *
     * @param args the engine, embedded by default; the number of blobs, 100,000 by default
     */
    public static void main(String[] args) {
        String engine = args.length > 0 ? args[0] : "embedded";
        int blobs = args.length > 1 ? Integer.parseInt(args[1]) : 100_000;
        try (SpdkEnv env = SpdkEnv.builder().name("bench").engine(engine).build();
                SpdkThread thread = env.attachThread("main")) {
            Blobs bench = new Blobs(env, thread);
            for (int depth : new int[] {1, 32, 128}) {
                bench.compare(depth);
            }
            bench.many(blobs);
        }
    }

    private static long cpuNanos() {
        return CPU.getCurrentThreadCpuTime();
    }

    private Bdev malloc(String name, long bytes) {
        return env.bdevs().create(MallocBdev.of(name, bytes)).join();
    }

    // ---- I/O

    private void compare(int depth) {
        Bdev raw = malloc("raw" + depth, BYTES);
        Bdev below = malloc("below" + depth, BYTES + (4 << 20));
        try (Blobstore store = env.blobstores().init(below, BlobstoreOptions.defaults().withMetadataPages(64)).join();
                BdevDesc desc = raw.open(OpenMode.READ_WRITE);
                IoChannel rawChannel = thread.ioChannel(desc);
                IoChannel channel = thread.ioChannel(store);
                DmaBuf fill = env.dma().allocate(FILLED_BYTES).fill((byte) 5);
                DmaBuf memory = env.dma().allocate((long) depth * IO_BYTES)) {
            BlobId id = store.create(BlobOptions.thick(BYTES >> 20)).join();
            try (Blob blob = store.open(id).join()) {
                for (long at = 0; at < BYTES; at += FILLED_BYTES) {
                    desc.write(rawChannel, fill, at, FILLED_BYTES).join();
                    blob.write(channel, fill, at, FILLED_BYTES).join();
                }
                try (Loop onRaw = new Loop(depth, memory, handler -> desc.openQueue(rawChannel, depth, handler));
                        Loop onBlob = new Loop(depth, memory, handler -> blob.openQueue(channel, depth, handler))) {
                    compare("read", depth, false, onRaw, onBlob);
                    compare("write", depth, true, onRaw, onBlob);
                }
            }
        }
    }

    private static void compare(String what, int depth, boolean writes, Loop raw, Loop blob) {
        double[] ratios = new double[ROUNDS - WARM_UP_ROUNDS];
        double[] speeds = new double[ratios.length];
        for (int round = 0; round < ROUNDS; round++) {
            boolean rawFirst = round % 2 == 0;
            double first = (rawFirst ? raw : blob).run(writes);
            double second = (rawFirst ? blob : raw).run(writes);
            if (round >= WARM_UP_ROUNDS) {
                speeds[round - WARM_UP_ROUNDS] = rawFirst ? second : first;
                ratios[round - WARM_UP_ROUNDS] = rawFirst ? second / first : first / second;
            }
        }
        Arrays.sort(ratios);
        Arrays.sort(speeds);
        System.out.printf(
                "random 4 KiB %s, QD %d: blob %.2f M/s of CPU time, %.3f of the malloc device%n",
                what, depth, speeds[speeds.length / 2], ratios[ratios.length / 2]);
    }

    /** Keeps a queue full. */
    private final class Loop implements AutoCloseable {
        private final DmaBuf[] buffers;
        private final IoQueue queue;
        private final Offsets offsets = new Offsets(BYTES / IO_BYTES);
        private boolean writes;
        private boolean stopping;
        private long completed;

        Loop(int depth, DmaBuf memory, java.util.function.Function<IoQueue.Handler, IoQueue> opener) {
            buffers = new DmaBuf[depth];
            for (int slot = 0; slot < depth; slot++) {
                buffers[slot] = memory.slice((long) slot * IO_BYTES, IO_BYTES);
            }
            queue =
                    opener.apply((slot, status) -> {
                        Jvm.require(status);
                        completed++;
                        if (!stopping) {
                            submit(slot);
                        }
                    });
        }

        private void submit(long slot) {
            DmaBuf buffer = buffers[(int) slot];
            if (writes) {
                queue.write(buffer, offsets.next(), IO_BYTES, slot);
            } else {
                queue.read(buffer, offsets.next(), IO_BYTES, slot);
            }
        }

        /** Millions a second. */
        double run(boolean write) {
            writes = write;
            stopping = false;
            for (int slot = 0; slot < buffers.length; slot++) {
                submit(slot);
            }
            long before = completed;
            long begin = cpuNanos();
            long now;
            do {
                for (int i = 0; i < 2000; i++) {
                    thread.poll();
                }
                now = cpuNanos();
            } while (now - begin < WINDOW_NANOS);
            double speed = (completed - before) * 1e3 / (now - begin);
            stopping = true;
            while (queue.outstanding() > 0) {
                thread.poll();
            }
            return speed;
        }

        @Override
        public void close() {
            queue.close();
        }
    }

    // ---- many blobs

    private void many(int blobs) {
        Bdev bdev = malloc("many", 2L * blobs * IO_BYTES + BYTES);
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(16_384).withMetadataPages(blobs + 100);
        Blobstore store = env.blobstores().init(bdev, options).join();
        List<BlobId> ids = new ArrayList<>();
        Blobstore made = store;
        int some = Math.min(10_000, blobs);
        timed("create the first " + some, some, () -> all(some, _ -> made.create(BlobOptions.thin(1)), ids));
        int rest = blobs - some;
        timed("create the other " + rest, rest, () -> all(rest, _ -> made.create(BlobOptions.thin(1)), ids));
        store.unload().join();
        Blobstore[] loaded = {null};
        timed("load clean", blobs, () -> loaded[0] = env.blobstores().load(bdev).join());
        // Once more, for the code has been compiled by now.
        loaded[0].unload().join();
        timed("load clean, again", blobs, () -> loaded[0] = env.blobstores().load(bdev).join());
        loaded[0].unload().join();
        timed(
                "load and recover",
                blobs,
                () ->
                        loaded[0] =
                                env.blobstores()
                                        .load(bdev, BlobstoreOptions.defaults().withForceRecovery(true))
                                        .join());
        Blobstore again = loaded[0];
        List<Blob> open = new ArrayList<>();
        timed("open", some, () -> all(some, i -> again.open(ids.get(i)), open));
        timed("close", some, () -> open.forEach(Blob::close));
        timed("delete", blobs, () -> all(blobs, i -> again.delete(ids.get(i)), new ArrayList<>()));
        again.unload().join();
        firstWrites(bdev);
        memory(bdev, blobs);
    }

    private void firstWrites(Bdev bdev) {
        Blobstore store =
                env.blobstores()
                        .init(bdev, BlobstoreOptions.defaults().withClusterSize(65_536).withMetadataPages(500))
                        .join();
        long clusters = store.freeClusters();
        try (Blob blob = store.open(store.create(BlobOptions.thin(clusters)).join()).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(IO_BYTES);
                IoQueue queue = blob.openQueue(channel, 32, (_, status) -> Jvm.require(status))) {
            timed(
                    "first write of a thin cluster",
                    (int) clusters,
                    () -> {
                        for (long i = 0; i < clusters; ) {
                            if (queue.write(buffer, i * 65_536, IO_BYTES, 0)) {
                                i++;
                            } else {
                                thread.poll();
                            }
                        }
                        while (queue.outstanding() > 0) {
                            thread.poll();
                        }
                    });
        }
        store.unload().join();
    }

    private interface Operation<T> {
        IoFuture<T> start(int index);
    }

    /** Keeps 32 operations under way. */
    private static <T> void all(int count, Operation<T> operation, List<T> results) {
        ArrayDeque<IoFuture<T>> underWay = new ArrayDeque<>();
        Supplier<T> next = () -> underWay.remove().join();
        for (int i = 0; i < count; i++) {
            underWay.add(operation.start(i));
            if (underWay.size() == 32) {
                results.add(next.get());
            }
        }
        while (!underWay.isEmpty()) {
            results.add(next.get());
        }
    }

    private static void timed(String what, int count, Runnable work) {
        long cpu = cpuNanos();
        long wall = System.nanoTime();
        work.run();
        System.out.printf(
                "%s: %.2f us of CPU time each, %.0f ms in all, %.0f ms by the clock%n",
                what,
                (cpuNanos() - cpu) / 1e3 / Math.max(1, count),
                (cpuNanos() - cpu) / 1e6,
                (System.nanoTime() - wall) / 1e6);
    }

    // ---- memory

    /** What blobs take of the Java heap: the same store with and without them, loaded and not, open and closed. */
    private void memory(Bdev bdev, int blobs) {
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(16_384).withMetadataPages(blobs + 100);
        Blobstore made = env.blobstores().init(bdev, options).join();
        List<BlobId> ids = new ArrayList<>(blobs);
        all(blobs, _ -> made.create(BlobOptions.thin(1)), ids);
        made.unload().join();
        List<Blob> open = new ArrayList<>(blobs);
        long before = liveBytes();
        Blobstore store = env.blobstores().load(bdev).join();
        long loaded = liveBytes();
        all(blobs, i -> store.open(ids.get(i)), open);
        long opened = liveBytes();
        System.out.printf(
                "memory of a closed blob: %.1f bytes; of an open one: %.1f more%n",
                (loaded - before) / (double) blobs, (opened - loaded) / (double) blobs);
        open.forEach(Blob::close);
        open.clear();
        System.out.printf(
                "memory left of each when all are closed: %.1f bytes%n", (liveBytes() - loaded) / (double) blobs);
        store.unload().join();
    }

    /** The Java heap that is in use: after collections until three in a row have freed nothing any more. */
    private static long liveBytes() {
        long least = Long.MAX_VALUE;
        for (int same = 0; same < 3; ) {
            System.gc();
            long used = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
            same = used < least ? 0 : same + 1;
            least = Math.min(least, used);
        }
        return least;
    }
}
