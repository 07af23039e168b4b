package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Devices removed, reset and environments closed while several threads do I/O: every I/O ends exactly once. */
public abstract class RemovalTck extends EngineTck {
    private static final int DEPTH = 16;

    private final AtomicInteger submitted = new AtomicInteger();
    private final AtomicInteger completed = new AtomicInteger();
    private final AtomicInteger unexpected = new AtomicInteger();
    private final AtomicInteger loads = new AtomicInteger();

    /** For the subclasses. */
    protected RemovalTck() {}

    /** Keeps {@code DEPTH} reads outstanding until one fails with ENODEV or a submit is refused. */
    private JoinHandle<Integer> loadOn(Bdev bdev, String name) {
        return env.spawnThread(
                name,
                it -> {
                    var desc = bdev.open(OpenMode.READ_WRITE);
                    var channel = it.ioChannel(desc);
                    DmaBuf buffer = buffer(512);
                    boolean[] gone = new boolean[1];
                    IoQueue[] queue = new IoQueue[1];
                    IoQueue.Handler handler =
                            (cookie, status) -> {
                                completed.incrementAndGet();
                                if (status == -Errno.ENODEV) {
                                    gone[0] = true;
                                } else if (status != 0 && status != IoStatus.ABORTED) {
                                    unexpected.incrementAndGet();
                                }
                                if (!gone[0]) {
                                    submit(queue[0], buffer, cookie, gone);
                                }
                            };
                    queue[0] = desc.openQueue(channel, DEPTH, handler);
                    for (int i = 0; i < DEPTH && !gone[0]; i++) {
                        submit(queue[0], buffer, i, gone);
                    }
                    loads.incrementAndGet();
                    long begin = System.nanoTime();
                    while (!gone[0] || queue[0].outstanding() > 0) {
                        if (it.poll() == 0) {
                            Thread.yield();
                        }
                        if (System.nanoTime() - begin > patienceNanos()) {
                            throw new AssertionError(name + " still has " + queue[0].outstanding());
                        }
                    }
                    desc.close();
                    return queue[0].outstanding();
                });
    }

    private void submit(IoQueue queue, DmaBuf buffer, long cookie, boolean[] gone) {
        try {
            if (queue.read(buffer, cookie % 8 * 512, 512, cookie)) {
                submitted.incrementAndGet();
            } else {
                unexpected.incrementAndGet();
            }
        } catch (SpdkException.Closed e) {
            gone[0] = true;
        }
    }

    /** Two loads, which have begun. */
    private List<JoinHandle<Integer>> twoLoadsOn(Bdev bdev) {
        List<JoinHandle<Integer>> both = List.of(loadOn(bdev, "load1"), loadOn(bdev, "load2"));
        pollUntil("the loads", () -> loads.get() == 2);
        return both;
    }

    private Bdev stack(int kind) {
        Bdev base = malloc(64, 512);
        return switch (kind) {
            case 0 -> base;
            case 1 -> create(DelayBdev.of(newName("delay"), base.name(), Duration.ofNanos(50_000)));
            default -> create(DelayBdev.of(newName("delay"), base.name(), Duration.ofHours(5)));
        };
    }

    @RepeatedTest(6)
    void aDeviceRemovedUnderLoadEndsEveryIoOnce(org.junit.jupiter.api.RepetitionInfo repetition) {
        Bdev bdev = stack(repetition.getCurrentRepetition() % 3);
        List<JoinHandle<Integer>> workers = twoLoadsOn(bdev);
        pollFor(Duration.ofMillis(20));
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        for (JoinHandle<Integer> load : workers) {
            pollUntil("the end of the load", load.result()::isDone);
            assertThat(load.join()).isZero();
        }
        await(destroyed);
        assertThat(completed).hasValue(submitted.get());
        assertThat(unexpected).hasValue(0);
        assertThat(env.bdevs().find(bdev.name())).isEmpty();
    }

    @RepeatedTest(6)
    void anEnvironmentClosedUnderLoadEndsEveryIoOnce(org.junit.jupiter.api.RepetitionInfo repetition) {
        Bdev bdev = stack(repetition.getCurrentRepetition() % 3);
        List<JoinHandle<Integer>> workers = twoLoadsOn(bdev);
        pollFor(Duration.ofMillis(20));
        env.close();
        for (JoinHandle<Integer> load : workers) {
            pollUntil("the end of the load", load.result()::isDone);
            assertThat(load.join()).isZero();
        }
        assertThat(completed).hasValue(submitted.get());
        assertThat(unexpected).hasValue(0);
    }

    @Test
    void aDeviceResetUnderLoadGoesOn() {
        Bdev bdev = stack(1);
        List<JoinHandle<Integer>> workers = twoLoadsOn(bdev);
        Device device = device(bdev);
        for (int i = 0; i < 100; i++) {
            await(device.desc.reset(device.channel));
        }
        int before = completed.get();
        pollUntil("more completions", () -> completed.get() > before + 100);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        device.close();
        for (JoinHandle<Integer> load : workers) {
            pollUntil("the end of the load", load.result()::isDone);
            assertThat(load.join()).isZero();
        }
        await(destroyed);
        assertThat(completed).hasValue(submitted.get());
        assertThat(unexpected).hasValue(0);
    }

    @Test
    void aResetAbortsTheIoOfEveryThread() {
        Bdev bdev = stack(2);
        Device device = device(bdev);
        DmaBuf buffer = buffer(512);
        List<IoFuture<Void>> here = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            here.add(device.desc.read(device.channel, buffer, 0, 512));
        }
        AtomicInteger ready = new AtomicInteger();
        JoinHandle<Integer> other =
                env.spawnThread(
                        "other",
                        it -> {
                            var channel = it.ioChannel(device.desc);
                            DmaBuf own = buffer(512);
                            List<IoFuture<Void>> there = new ArrayList<>();
                            for (int i = 0; i < 4; i++) {
                                there.add(device.desc.read(channel, own, 0, 512));
                            }
                            for (int i = 0; i < 20; i++) {
                                it.poll();
                            }
                            ready.set(1);
                            int aborted = 0;
                            for (IoFuture<Void> read : there) {
                                try {
                                    bounded(read).join();
                                } catch (SpdkException.Cancelled e) {
                                    aborted++;
                                }
                            }
                            channel.close();
                            return aborted;
                        });
        pollUntil("the other thread", () -> ready.get() == 1);
        await(device.desc.reset(device.channel));
        assertThat(here)
                .allSatisfy(read -> assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class));
        pollUntil("the other thread's end", other.result()::isDone);
        assertThat(other.join()).isEqualTo(4);
    }

    @Test
    void ioSubmittedDuringAResetIsAborted() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> stuck = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> backend.held.size() == 1);
        IoFuture<Void> reset = device.desc.reset(device.channel);
        pollUntil("the abort", () -> backend.aborts.size() == 1);
        IoFuture<Void> during = device.desc.read(device.channel, buffer, 512, 512);
        completesWith(SpdkException.Cancelled.class, during);
        assertThat(reset).as("the device still has an I/O").isNotDone();
        assertThat(backend.held).as("nothing new before the reset is done").hasSize(1);
        backend.script = TestBackend::serve;
        backend.serveHeld();
        await(reset);
        assertThat(stuck).isDone();
        await(device.desc.read(device.channel, buffer, 512, 512));
    }

    @Test
    void twoResetsAtOnceBothComplete() {
        Device device = device(stack(2));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        poll(10);
        List<IoFuture<Void>> resets = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            resets.add(device.desc.reset(device.channel));
        }
        awaitAll(resets);
        assertThat(read).isDone();
        await(device.desc.reset(device.channel));
    }
}
