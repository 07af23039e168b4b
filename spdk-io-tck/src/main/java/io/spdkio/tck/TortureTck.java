package io.spdkio.tck;

import static io.spdkio.tck.Torture.attempt;
import static io.spdkio.tck.Torture.isExpected;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * Threads that do everything at once, in a random order: I/O of every kind with cancels and deadlines, resets, devices
 * that fail and are destroyed, descriptors, channels, queues and threads that are closed with I/O outstanding. In the
 * end no buffer is leased, what was written is there, and the environment closes.
 *
 * <p>{@link Torture} says how to run it for longer, or one seed again.
 */
public abstract class TortureTck {
    private static final int WORKERS = 3;
    private static final int BLOCK = 512;
    private static final int BLOCKS = 2048;
    private static final int COOKIES = 20;
    private static final int REGION = 64 * BLOCK;
    private static final Duration ROUND = Duration.ofMillis(250);

    @TempDir Path folder;

    /** For the subclasses. */
    protected TortureTck() {}

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

    /** One environment, from open to close. */
    private final class Round {
        private final Random random;
        private final Queue<Throwable> problems = new ConcurrentLinkedQueue<>();
        private final Queue<DmaBuf> buffers = new ConcurrentLinkedQueue<>();
        private final List<BdevSpec> specs = new ArrayList<>();
        private SpdkEnv env;
        private volatile boolean stop;

        Round(long seed) {
            random = new Random(seed);
        }

        void run() {
            env = Torture.open(fixture(), problems);
            try {
                specs();
                specs.forEach(spec -> env.bdevs().create(spec).join());
                List<JoinHandle<Void>> handles = new ArrayList<>();
                for (int i = 0; i < WORKERS; i++) {
                    handles.add(spawn(i));
                }
                play(handles);
            } finally {
                env.close();
            }
            assertThat(problems).isEmpty();
            assertThat(env.threads()).isEmpty();
            assertThat(buffers).noneMatch(DmaBuf::isLeased);
        }

        private JoinHandle<Void> spawn(int index) {
            Worker worker = new Worker(this, index, random.nextLong());
            return env.spawnThread("w" + index, worker::work);
        }

        private void play(List<JoinHandle<Void>> handles) {
            boolean pullTheRug = random.nextInt(3) == 0;
            boolean polls = random.nextBoolean();
            SpdkThread mine = polls ? env.attachThread("main") : null;
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < ROUND.toNanos()) {
                int index = random.nextInt(WORKERS);
                if (handles.get(index).result().isDone()) {
                    attempt(handles.get(index)::join);
                    handles.set(index, spawn(index));
                }
                if (random.nextInt(200) == 0) {
                    handles.get(index).thread().exit();
                }
                if (mine != null) {
                    mine.poll();
                }
                pause();
            }
            if (pullTheRug) {
                return;
            }
            stop = true;
            handles.forEach(handle -> attempt(handle::join));
        }

        private static void pause() {
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** The first is never destroyed and never fails, so that what it holds can be checked. */
        private void specs() {
            specs.add(MallocBdev.of("steady0", BLOCKS * BLOCK, BLOCK));
            specs.add(new PassthruBdev("steady1", "steady0"));
            specs.add(DelayBdev.of("steady", "steady1", Duration.ofNanos(20_000)));
            specs.add(MallocBdev.of("m", BLOCKS * BLOCK, BLOCK));
            specs.add(new ErrorBdev("e", "m", shortOfMemory()));
            specs.add(new ErrorBdev("fe", "e", failing()));
            specs.add(DelayBdev.of("de", "fe", Duration.ofNanos(50_000)));
            specs.add(AioBdev.of("f", folder.resolve("f" + System.nanoTime())).withCreateSize(BLOCKS * BLOCK));
            specs.add(new PassthruBdev("pf", "f"));
        }

        private List<ErrorBdev.Injection> shortOfMemory() {
            return List.of(rate(IoType.READ, ErrorBdev.Mode.NOMEM, 0.2), rate(IoType.WRITE, ErrorBdev.Mode.NOMEM, 0.2));
        }

        private List<ErrorBdev.Injection> failing() {
            return List.of(
                    rate(IoType.READ, ErrorBdev.Mode.FAILURE, 0.01),
                    new ErrorBdev.Injection(Set.of(IoType.WRITE), ErrorBdev.Mode.PENDING, 20, 1, 0, 2));
        }

        private ErrorBdev.Injection rate(IoType type, ErrorBdev.Mode mode, double rate) {
            return ErrorBdev.Injection.rate(type, mode, rate, random.nextLong());
        }
    }

    /** A descriptor with what hangs off it. */
    private static final class Opened {
        private final BdevDesc desc;
        private final SpdkThread thread;
        private final long sizeBytes;
        private final int blockSize;
        private IoChannel channel;
        private IoQueue queue;

        Opened(BdevDesc desc, SpdkThread thread) {
            this.desc = desc;
            this.thread = thread;
            this.sizeBytes = desc.bdev().sizeBytes();
            this.blockSize = desc.bdev().blockSize();
        }
    }

    /** What one thread does. */
    private static final class Worker {
        private final Round round;
        private final SpdkEnv env;
        private final int index;
        private final Random random;
        private final List<Opened> opened = new ArrayList<>();
        private final List<DmaBuf> buffers = new ArrayList<>();
        private final List<IoFuture<Void>> futures = new ArrayList<>();
        private SpdkThread thread;
        private int depth;

        Worker(Round round, int index, long seed) {
            this.round = round;
            this.env = round.env;
            this.index = index;
            this.random = new Random(seed);
        }

        Void work(SpdkThread on) {
            thread = on;
            for (int i = 0; i < 8; i++) {
                DmaBuf buffer = env.dma().allocate(REGION);
                buffers.add(buffer);
                round.buffers.add(buffer);
            }
            SpdkThread second = random.nextInt(3) == 0 ? env.attachThread("second" + index) : null;
            while (!round.stop && thread.state() == SpdkThread.State.RUNNING) {
                if (second != null && random.nextInt(20) == 0) {
                    SpdkThread other = second;
                    attempt(() -> open(other));
                }
                for (int i = random.nextInt(16); i > 0 && thread.state() == SpdkThread.State.RUNNING; i--) {
                    attempt(this::step);
                }
                thread.poll();
                if (second != null) {
                    second.poll();
                }
                if (random.nextInt(2_000) == 0) {
                    break;
                }
            }
            if (random.nextBoolean()) {
                List.copyOf(opened).forEach(this::close);
            }
            // Else the thread waits five seconds for what the error device keeps.
            futures.forEach(future -> future.cancel(true));
            opened.forEach(one -> attempt(() -> abortAll(one)));
            return null;
        }

        private void step() {
            switch (random.nextInt(64)) {
                case 0 -> open(thread);
                case 1 -> verify();
                case 2 -> forkVerify();
                case 3 -> {
                    if (random.nextInt(20) == 0) {
                        destroyAndCreate();
                    }
                }
                case 4 -> waitForOne();
                case 5 -> {
                    if (!opened.isEmpty() && random.nextInt(5) == 0) {
                        close(any(opened));
                    }
                }
                case 6 -> reset();
                case 7 -> closeChannelOrQueue();
                case 8, 9, 10, 11, 12, 13, 14, 15 -> queued();
                default -> {
                    if (random.nextInt(4) == 0) {
                        open(thread);
                    }
                    submit();
                }
            }
        }

        private <T> T any(List<T> from) {
            return from.get(random.nextInt(from.size()));
        }

        private void open(SpdkThread on) {
            if (opened.size() > 6) {
                return;
            }
            List<Bdev> all = env.bdevs().list();
            if (all.isEmpty()) {
                return;
            }
            Bdev bdev = any(all);
            if (bdev.name().startsWith("steady") || bdev.claimedBy().isPresent()) {
                return;
            }
            // Opened on the thread that the caller counts as: the one being polled or attached last.
            opened.add(new Opened(bdev.open(OpenMode.READ_WRITE, _ -> {}), on));
        }

        private void close(Opened one) {
            opened.remove(one);
            attempt(() -> {
                if (one.queue != null && random.nextBoolean()) {
                    one.queue.close();
                }
                if (one.channel != null && random.nextBoolean()) {
                    one.channel.close();
                }
                one.desc.close();
            });
        }

        private static void abortAll(Opened one) {
            for (int cookie = 0; cookie < COOKIES && one.queue != null; cookie++) {
                one.queue.abort(cookie);
            }
        }

        private IoChannel channel(Opened one) {
            if (one.channel == null) {
                one.channel = one.thread.ioChannel(one.desc);
            }
            return one.channel;
        }

        private void closeChannelOrQueue() {
            if (opened.isEmpty()) {
                return;
            }
            Opened one = any(opened);
            if (one.queue != null) {
                one.queue.close();
                one.queue = null;
            } else if (one.channel != null) {
                one.channel.close();
                one.channel = null;
            }
        }

        private long length(Opened one) {
            return (long) one.blockSize * (1 + random.nextInt(REGION / one.blockSize));
        }

        private long offset(Opened one, long length) {
            return random.nextLong((one.sizeBytes - length) / one.blockSize + 1) * one.blockSize;
        }

        private void submit() {
            if (opened.isEmpty() || futures.size() > 64) {
                futures.removeIf(IoFuture::isDone);
                return;
            }
            Opened one = any(opened);
            IoChannel channel = channel(one);
            long length = length(one);
            long at = offset(one, length);
            DmaBuf buffer = any(buffers);
            BdevDesc desc = one.desc;
            IoFuture<Void> future =
                    switch (random.nextInt(9)) {
                        case 0, 1 -> desc.read(channel, buffer, at, length);
                        case 2, 3 -> desc.write(channel, buffer, at, length);
                        case 4 -> desc.writeZeroes(channel, at, length);
                        case 5 -> desc.compare(channel, buffer, at, length);
                        case 6 -> desc.compareAndWrite(channel, buffer, any(buffers), at, one.blockSize);
                        case 7 -> desc.copy(channel, offset(one, length), at, length);
                        default ->
                                desc.writev(
                                        channel,
                                        List.of(buffer.slice(0, one.blockSize), any(buffers).slice(0, one.blockSize)),
                                        offset(one, 2L * one.blockSize));
                    };
            trouble(one, channel, future);
            futures.add(future);
        }

        /** Cancels it, sets it a deadline, or lets it be. */
        private void trouble(Opened one, IoChannel channel, IoFuture<Void> future) {
            switch (random.nextInt(8)) {
                case 0 -> future.cancel(true);
                case 1 -> {
                    var _ = one.desc.abort(channel, future);
                }
                case 2 -> {
                    var _ = future.withDeadline(Duration.ofNanos(1 + random.nextInt(200_000)));
                }
                case 3 -> {
                    var _ = CompletableFuture.runAsync(() -> future.cancel(false));
                }
                case 4 -> {
                    var _ = future.orTimeout(1 + random.nextInt(100), TimeUnit.MICROSECONDS);
                }
                default -> {}
            }
        }

        private void waitForOne() {
            if (!futures.isEmpty()) {
                IoFuture<Void> future = futures.removeFirst().withDeadline(Duration.ofMillis(2));
                future.join();
            }
        }

        private void reset() {
            if (!opened.isEmpty()) {
                Opened one = any(opened);
                IoFuture<Void> reset = one.desc.reset(channel(one));
                if (random.nextBoolean()) {
                    trouble(one, channel(one), reset);
                }
                futures.add(reset);
            }
        }

        private void queued() {
            if (opened.isEmpty()) {
                return;
            }
            Opened one = any(opened);
            if (one.queue == null) {
                Duration deadline = random.nextBoolean() ? Duration.ZERO : Duration.ofNanos(500_000);
                one.queue =
                        one.desc.openQueue(
                                channel(one), 1 + random.nextInt(16), deadline, (cookie, _) -> completed(one, cookie));
            }
            submit(one, random.nextInt(COOKIES));
            if (random.nextInt(10) == 0) {
                one.queue.abort(random.nextInt(COOKIES));
            }
        }

        private void submit(Opened one, long cookie) {
            long length = length(one);
            long at = offset(one, length);
            switch (random.nextInt(5)) {
                case 0 -> one.queue.read(any(buffers), at, length, cookie);
                case 1 -> one.queue.write(any(buffers), at, length, cookie);
                case 2 -> one.queue.compareAndWrite(any(buffers), any(buffers), at, one.blockSize, cookie);
                case 3 -> one.queue.writeZeroes(at, length, cookie);
                default -> one.queue.reset(cookie);
            }
        }

        /** In a completion everything is allowed that is elsewhere. */
        private void completed(Opened one, long cookie) {
            if (depth > 3 || one.queue == null) {
                return;
            }
            depth++;
            try {
                switch (random.nextInt(12)) {
                    case 0 -> one.thread.poll();
                    case 1 -> close(one);
                    case 2 -> one.queue.close();
                    case 3 -> waitForOne();
                    case 4, 5, 6 -> submit(one, cookie);
                    default -> {}
                }
            } finally {
                depth--;
            }
        }

        private void destroyAndCreate() {
            BdevSpec spec = any(round.specs);
            if (spec.name().startsWith("steady")) {
                return;
            }
            var _ = env.bdevs().destroy(spec.name());
            round.specs.forEach(missing -> {
                if (env.bdevs().find(missing.name()).isEmpty()) {
                    var _ = env.bdevs().create(missing);
                }
            });
        }

        // ---- the part of the steady device that is this worker's own

        private void verify() {
            try (BdevDesc desc = env.bdevs().get("steady").open(OpenMode.READ_WRITE)) {
                verify(desc, env.currentThread().orElseThrow().ioChannel(desc));
            }
        }

        private void forkVerify() {
            BdevDesc desc = env.bdevs().get("steady").open(OpenMode.READ_WRITE);
            thread.fork(
                            () -> {
                                verify(desc, thread.ioChannel(desc));
                            })
                    .whenComplete((_, problem) -> {
                        if (problem != null && !isExpected(problem)) {
                            round.problems.add(problem);
                        }
                        attempt(desc::close);
                    })
                    .join();
        }

        private void verify(BdevDesc desc, IoChannel channel) {
            byte[] wanted = new byte[REGION];
            random.nextBytes(wanted);
            DmaBuf from = env.dma().allocate(REGION).put(0, wanted);
            DmaBuf to = env.dma().allocate(REGION);
            round.buffers.add(from);
            round.buffers.add(to);
            long at = (long) index * REGION;
            IoFuture<Void> write = desc.write(channel, from, at, REGION);
            if (random.nextInt(8) == 0) {
                var _ = desc.reset(channel);
            }
            write.join();
            desc.read(channel, to, at, REGION).join();
            assertThat(to.get(0, REGION)).isEqualTo(wanted);
            from.close();
            to.close();
        }
    }
}
