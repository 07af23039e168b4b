package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.Poller;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/** No wait lasts for ever: joins, exits, closes, with threads that wait for each other or that nobody polls. */
final class WaitTest extends CoreTest {
    @Test
    void joinPollsTheOtherThreadsOfItsOsThreadToo() {
        SpdkThread other = env.attachThread("other");
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoChannel here = thread.ioChannel(desc);
        IoFuture<Void> read = desc.read(other.ioChannel(desc), env.dma().allocate(512), 0, 512);
        other.poll();
        desc.reset(here).join();
        assertThat(read).isCompletedExceptionally();
    }

    @Test
    void closingAThreadPollsTheOtherThreadsOfItsOsThreadToo() {
        SpdkThread other = env.attachThread("other");
        BdevDesc desc = open(new HeldBackend());
        IoFuture<Void> read = desc.read(other.ioChannel(desc), env.dma().allocate(512), 0, 512);
        IoFuture<Void> reset = desc.reset(thread.ioChannel(desc));
        long begin = System.nanoTime();
        thread.close();
        assertThat(System.nanoTime() - begin).isLessThan(4_000_000_000L);
        assertThat(reset).isCompletedWithValue(null);
        assertThat(read).isCompletedExceptionally();
        thread = other;
    }

    @Test
    void joiningASpawnedThreadPollsTheCallersMeanwhile() {
        BdevDesc desc = open(MallocBdev.of("m", 1 << 20, 512));
        IoChannel here = thread.ioChannel(desc);
        assertThat(here.outstanding()).isZero();
        JoinHandle<String> handle =
                env.spawnThread(
                        "worker",
                        worker -> {
                            desc.reset(worker.ioChannel(desc)).join();
                            return "done";
                        });
        assertThat(handle.join()).isEqualTo("done");
    }

    @Test
    void joiningTheFutureOfAnotherThreadPollsTheCallersMeanwhile() throws Exception {
        BdevDesc desc = open(MallocBdev.of("m", 1 << 20, 512));
        IoChannel here = thread.ioChannel(desc);
        assertThat(here.outstanding()).isZero();
        CompletableFuture<Void> stop = new CompletableFuture<>();
        JoinHandle<Void> handle = env.spawnThread("worker", worker -> worker.await(stop));
        SpdkThread worker = handle.thread();
        worker.call(() -> desc.reset(worker.ioChannel(desc)).join()).join();
        worker.call(() -> desc.reset(worker.ioChannel(desc)).join()).get();
        worker.call(() -> desc.reset(worker.ioChannel(desc)).join()).get(20, TimeUnit.SECONDS);
        stop.complete(null);
        handle.join();
    }

    @Test
    void aSpawnedThreadTakesWhatWasAttachedToItsOsThreadAlong() {
        BdevDesc desc = open(new HeldBackend());
        IoChannel here = thread.ioChannel(desc);
        AtomicReference<IoFuture<Void>> reset = new AtomicReference<>();
        AtomicReference<SpdkThread> second = new AtomicReference<>();
        JoinHandle<Void> handle =
                env.spawnThread(
                        "worker",
                        _ -> {
                            second.set(env.attachThread("second"));
                            reset.set(desc.reset(second.get().ioChannel(desc)));
                            return null;
                        });
        handle.join();
        assertThat(second.get().state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(reset.get()).isCompletedWithValue(null);
        IoFuture<Void> another = desc.reset(here);
        pollUntil("a reset that nobody else has to hear of", another::isDone);
    }

    @Test
    void exitWakesAThreadThatSleepsUntilItIsWoken() {
        for (int i = 0; i < 500; i++) {
            JoinHandle<Void> handle =
                    env.spawnThread(
                            "sleeper",
                            sleeper -> {
                                sleeper.run(work -> {
                                    if (work == 0) {
                                        LockSupport.park();
                                    }
                                });
                                return null;
                            });
            handle.thread().exit();
            assertThat(handle.result()).succeedsWithin(Duration.ofSeconds(10));
        }
    }

    @Test
    void getOnThePollingThreadCanBeInterrupted() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoFuture<Void> read = desc.read(thread.ioChannel(desc), env.dma().allocate(512), 0, 512);
        Thread.currentThread().interrupt();
        assertThatThrownBy(read::get).isInstanceOf(InterruptedException.class);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> read.get(1, TimeUnit.DAYS)).isInstanceOf(InterruptedException.class);
    }

    @Test
    void joinInsideACompletionEndsWhenTheThreadExits() {
        HeldBackend backend = new HeldBackend();
        backend.aborting = false;
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        thread.execute(() -> {
            try {
                desc.read(channel, buffer, 0, 512).join();
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        thread.exit();
        while (thread.state() != SpdkThread.State.EXITED) {
            thread.poll();
        }
        assertThat(failure.get()).isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void aFutureWhoseThreadExitsWithoutItFails() {
        HeldBackend backend = new HeldBackend();
        backend.aborting = false;
        AtomicReference<IoFuture<Void>> read = new AtomicReference<>();
        AtomicReference<IoFuture<String>> fork = new AtomicReference<>();
        BdevDesc desc = open(backend);
        DmaBuf buffer = env.dma().allocate(512);
        JoinHandle<Void> handle =
                env.spawnThread(
                        "worker",
                        worker -> {
                            read.set(desc.read(worker.ioChannel(desc), buffer, 0, 512));
                            fork.set(
                                    worker.fork(() -> {
                                        try {
                                            read.get().join();
                                            return "read";
                                        } catch (SpdkException.Closed e) {
                                            return "told";
                                        }
                                    }));
                            return null;
                        });
        handle.result().join();
        assertThatThrownBy(() -> read.get().join()).isInstanceOf(SpdkException.Closed.class);
        assertThat(fork.get()).isCompletedWithValue("told");
        assertThat(buffer.isLeased()).isTrue();
    }

    @Test
    void aForkThatNeverEndsFailsItsFutureWhenTheThreadExits() {
        AtomicReference<IoFuture<String>> fork = new AtomicReference<>();
        env.spawnThread(
                        "worker",
                        worker -> {
                            fork.set(
                                    worker.fork(() -> {
                                        while (true) {
                                            LockSupport.park();
                                            Thread.yield();
                                        }
                                    }));
                            return null;
                        })
                .result()
                .join();
        assertThatThrownBy(() -> fork.get().join()).isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void aDelayedIoOutlivesTheExitOfItsThread() {
        create(MallocBdev.of("m", 1 << 20, 512));
        BdevDesc desc = open(DelayBdev.of("d", "m", Duration.ofMillis(20)));
        IoFuture<Void> first = desc.read(thread.ioChannel(desc), env.dma().allocate(512), 0, 512);
        IoFuture<Void> second = desc.read(thread.ioChannel(desc), env.dma().allocate(512), 0, 512);
        thread.exit();
        thread.close();
        assertThat(first).isCompletedWithValue(null);
        assertThat(second).isCompletedWithValue(null);
    }

    @Test
    void everyPollerRunsOnceAPollWhateverTheOthersDo() {
        AtomicReference<Poller> restless = new AtomicReference<>();
        AtomicReference<Poller> closing = new AtomicReference<>();
        closing.set(
                thread.registerPoller(
                        "closing",
                        Duration.ZERO,
                        () -> {
                            closing.get().close();
                            return 1;
                        }));
        restless.set(
                thread.registerPoller(
                        "restless",
                        Duration.ZERO,
                        () -> {
                            restless.get().pause();
                            restless.get().resume();
                            return 1;
                        }));
        Poller steady = thread.registerPoller("steady", Duration.ZERO, () -> 0);
        for (int polls = 1; polls < 4; polls++) {
            thread.poll();
            assertThat(closing.get().runs()).isEqualTo(1);
            assertThat(restless.get().runs()).isEqualTo(polls);
            assertThat(steady.runs()).isEqualTo(polls);
        }
        restless.get().close();
        steady.close();
    }

    @Test
    void aPollerThatRegistersAnotherDoesNotKeepThePollFromEnding() {
        register();
        poll(3);
        assertThat(registered).isEqualTo(8);
    }

    private int registered;

    private void register() {
        registered++;
        assertThat(registered).isLessThan(1000);
        Poller _ =
                thread.registerPoller(
                        "fertile",
                        Duration.ZERO,
                        () -> {
                            if (thread.state() == SpdkThread.State.RUNNING) {
                                register();
                            }
                            return 1;
                        });
    }

    @Test
    void anEnvironmentClosesUnderAJoinOfAnotherThread() {
        HeldBackend backend = new HeldBackend();
        backend.aborting = false;
        BdevDesc desc = open(backend);
        AtomicReference<IoFuture<Void>> read = new AtomicReference<>();
        JoinHandle<Void> handle =
                env.spawnThread(
                        "worker",
                        worker -> {
                            IoFuture<Void> mine = desc.read(worker.ioChannel(desc), env.dma().allocate(512), 0, 512);
                            read.set(mine);
                            return mine.join();
                        });
        pollUntil("the read", () -> read.get() != null);
        env.close();
        assertThatThrownBy(handle::join).isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> read.get().join()).isInstanceOfAny(SpdkException.class, CompletionException.class);
    }
}
