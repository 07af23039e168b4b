package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Range locks in random schedules: threads whose every step the test decides, a message at a time, with a device that
 * completes, refuses, fails and keeps I/O in any order. At every step nothing is in the device that a lock should keep
 * out; in the end everything ends.
 *
 * <p>{@code -Dspdkio.schedules=100000} runs more of them, {@code -Dspdkio.schedules.seed=…} one again.
 */
final class LockSchedulesTest extends CoreTest {
    private static final int SCHEDULES = Integer.getInteger("spdkio.schedules", 200);
    private static final int STEPS = 150;
    private static final int WORKERS = 3;
    private static final int BLOCK = 512;
    private static final int BLOCKS = 8;

    private final List<SteppedThread> threads = new ArrayList<>();
    private DmaBuf zeroes;
    private DmaBuf swapped;

    @AfterEach
    void stop() {
        threads.forEach(SteppedThread::close);
    }

    @Test
    void whatALockKeepsOutIsNeverInTheDeviceAndEverythingEnds() {
        for (int i = 0; i < WORKERS; i++) {
            threads.add(new SteppedThread(env, "worker" + i));
        }
        zeroes = env.dma().allocate(BLOCKS * BLOCK);
        swapped = env.dma().allocate(BLOCKS * BLOCK).put(0, new byte[] {1});
        Long only = Long.getLong("spdkio.schedules.seed");
        for (int i = 0; i < (only == null ? SCHEDULES : 1); i++) {
            long seed = only == null ? System.nanoTime() : only;
            try {
                new Schedule("schedule" + i, seed).run();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    /** An I/O in the device; the number tells it from an earlier one that was the same object. */
    private record Kept(BdevIo io, int number, IoType type, long first, long count, boolean ofSwap, int worker) {
        Kept(BdevIo io, int number, int worker) {
            this(io, number, io.type(), io.offsetBlocks(), io.blockCount(), isOfSwap(io), worker);
        }

        /** Reads are those of compareAndWrite alone, and what it writes begins with a 1. */
        private static boolean isOfSwap(BdevIo io) {
            return io.type() == IoType.READ || io.segment(0).get(ValueLayout.JAVA_BYTE, 0) == 1;
        }

        private boolean overlaps(Kept other) {
            return first < other.first + other.count && other.first < first + count;
        }

        boolean mayMeet(Kept other) {
            return !overlaps(other) || (!ofSwap && !other.ofSwap);
        }
    }

    /** A reset, and what was in the device when it was asked for. */
    private record AskedReset(IoFuture<Void> future, List<Kept> before) {}

    private final class Schedule implements BdevBackend {
        private final String name;
        private final Random random;
        private final List<Kept> device = new ArrayList<>();
        private final List<AskedReset> resets = new ArrayList<>();
        private final List<IoFuture<Void>> futures = new ArrayList<>();
        private final List<Integer> submitters = new ArrayList<>();
        private final List<AssertionError> problems = new ArrayList<>();
        private final IoChannel[] channels = new IoChannel[WORKERS];
        private boolean healthy;
        private int submits;
        private BdevDesc desc;

        Schedule(String name, long seed) {
            this.name = name;
            this.random = new Random(seed);
        }

        void run() {
            desc = create(CustomBdev.of(name, this)).open(OpenMode.READ_WRITE);
            for (int step = 0; step < STEPS; step++) {
                step();
                check();
            }
            healthy = true;
            finish();
            futures.clear();
            resets.clear();
            for (int worker = 0; worker < WORKERS; worker++) {
                submit(worker, 0);
            }
            finish();
            assertThat(futures).allSatisfy(write -> assertThat(write).isCompletedWithValue(null));
            desc.close();
            threads.forEach(SteppedThread::poll);
            env.bdevs().destroy(name).join();
        }

        private void step() {
            int worker = random.nextInt(WORKERS);
            switch (random.nextInt(16)) {
                case 0, 1 -> submit(worker, 0);
                case 2, 3 -> submit(worker, 1);
                case 4 -> submit(worker, 2);
                case 5, 6, 7 -> completeOne();
                case 8 -> abortOne();
                case 9 -> closeChannel(worker);
                default -> threads.get(worker).run(() -> threads.get(worker).thread().poll(1));
            }
        }

        private void finish() {
            pollUntil(
                    "the end of all",
                    () -> {
                        while (!device.isEmpty()) {
                            complete(device.removeFirst(), 0);
                        }
                        threads.forEach(SteppedThread::poll);
                        check();
                        return futures.stream().allMatch(IoFuture::isDone);
                    });
        }

        private void check() {
            problems.forEach(problem -> {
                throw problem;
            });
            resets.removeIf(reset -> {
                if (!reset.future().isDone()) {
                    return false;
                }
                if (!reset.future().isCompletedExceptionally()) {
                    assertThat(device).as("after a reset").noneMatch(reset.before()::contains);
                }
                return true;
            });
        }

        private void submit(int worker, int what) {
            long length = (1L + random.nextInt(2)) * BLOCK;
            long offset = random.nextLong(BLOCKS - 1) * BLOCK;
            List<Kept> before = List.copyOf(device);
            IoFuture<Void> future =
                    threads.get(worker)
                            .call(() -> {
                                if (channels[worker] == null) {
                                    channels[worker] = threads.get(worker).thread().ioChannel(desc);
                                }
                                IoChannel channel = channels[worker];
                                return switch (what) {
                                    case 0 -> desc.write(channel, zeroes, offset, length);
                                    case 1 -> desc.compareAndWrite(channel, zeroes, swapped, offset, length);
                                    default -> desc.reset(channel);
                                };
                            });
            futures.add(future);
            submitters.add(worker);
            if (what == 2) {
                resets.add(new AskedReset(future, before));
            }
        }

        private void completeOne() {
            if (!device.isEmpty()) {
                int status =
                        switch (random.nextInt(8)) {
                            case 0, 1 -> -Errno.ENOMEM;
                            case 2 -> -Errno.EIO;
                            default -> 0;
                        };
                complete(device.remove(random.nextInt(device.size())), status);
            }
        }

        private void complete(Kept kept, int status) {
            threads.get(kept.worker()).run(() -> kept.io().complete(status));
        }

        private void abortOne() {
            if (!futures.isEmpty()) {
                int index = random.nextInt(futures.size());
                int worker = submitters.get(index);
                threads.get(worker)
                        .run(() -> {
                            if (channels[worker] != null && !futures.get(index).isDone()) {
                                try {
                                    var _ = desc.abort(channels[worker], futures.get(index));
                                } catch (SpdkException | IllegalArgumentException e) {
                                    // Submitted to a channel that was closed since.
                                }
                            }
                        });
            }
        }

        private void closeChannel(int worker) {
            if (channels[worker] != null) {
                threads.get(worker).run(channels[worker]::close);
                channels[worker] = null;
            }
        }

        // ---- the device

        @Override
        public String productName() {
            return "Scheduled disk";
        }

        @Override
        public BdevGeometry geometry() {
            return new BdevGeometry(BLOCK, BLOCKS, 0, false, 0, 0, 1, 1, 2);
        }

        @Override
        public boolean supports(IoType type) {
            return type == IoType.READ || type == IoType.WRITE;
        }

        @Override
        public Channel openChannel(SpdkThread of) {
            int worker = 0;
            while (threads.get(worker).thread() != of) {
                worker++;
            }
            int mine = worker;
            return new Channel() {
                @Override
                public void submit(BdevIo io) {
                    if (!healthy && random.nextInt(8) == 0) {
                        io.complete(-Errno.ENOMEM);
                        return;
                    }
                    Kept kept = new Kept(io, ++submits, mine);
                    device.stream()
                            .filter(other -> !kept.mayMeet(other))
                            .forEach(other -> problems.add(new AssertionError(kept + " meets " + other)));
                    device.add(kept);
                }

                @Override
                public void abort(BdevIo io) {
                    if (random.nextBoolean() && device.removeIf(kept -> kept.io() == io)) {
                        io.complete(IoStatus.ABORTED);
                    }
                }
            };
        }
    }
}
