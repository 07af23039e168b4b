package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Direct style: virtual threads that the SPDK thread carries. Needs {@code --add-opens java.base/java.lang}. */
public abstract class DirectStyleTck extends EngineTck {
    /** For the subclasses. */
    protected DirectStyleTck() {}

    @Test
    void aForkRunsInALaterPollOnAVirtualThreadOfThisThread() {
        AtomicReference<Thread> where = new AtomicReference<>();
        IoFuture<String> fork =
                thread.fork(() -> {
                    where.set(Thread.currentThread());
                    assertThat(thread.isCurrent()).isTrue();
                    assertThat(env.currentThread()).containsSame(thread);
                    return "forked";
                });
        assertThat(where.get()).as("not inside fork").isNull();
        assertThat(thread.isIdle()).isFalse();
        assertThat(await(fork)).isEqualTo("forked");
        assertThat(where.get().isVirtual()).isTrue();
    }

    @Test
    void ioInAForkIsAStraightLine() {
        Device device = mallocDevice(64, 512);
        byte[] data = pattern(seed, 512);
        IoFuture<byte[]> fork =
                thread.fork(() -> {
                    try (DmaBuf buffer = buffer(data);
                            DmaBuf back = buffer(512)) {
                        bounded(device.desc.write(device.channel, buffer, 1024, 512)).join();
                        bounded(device.desc.flush(device.channel)).get();
                        bounded(device.desc.read(device.channel, back, 1024, 512)).join();
                        return back.get(0, 512);
                    }
                });
        assertThat(await(fork)).isEqualTo(data);
    }

    @Test
    void aForkThatWaitsDoesNotHoldUpThePoll() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        AtomicInteger others = new AtomicInteger();
        IoFuture<Void> waiting =
                thread.fork(() -> {
                    DmaBuf buffer = buffer(512);
                    bounded(device.desc.read(device.channel, buffer, 0, 512)).join();
                });
        pollUntil("arrival", () -> !backend.held.isEmpty());
        for (int i = 0; i < 10; i++) {
            thread.execute(others::incrementAndGet);
            await(thread.fork(others::incrementAndGet));
        }
        assertThat(others).hasValue(20);
        assertThat(waiting).isNotDone();
        backend.serveHeld();
        await(waiting);
    }

    @Test
    void manyForksAllEnd() {
        Device device = mallocDevice(1024, 512);
        List<IoFuture<Integer>> forks = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            int number = i;
            forks.add(
                    thread.fork(() -> {
                        try (DmaBuf buffer = buffer(512)) {
                            for (int round = 0; round < 5; round++) {
                                byte[] data = filled(number + round, 512);
                                buffer.put(0, data);
                                bounded(device.desc.write(device.channel, buffer, number * 512L, 512)).join();
                                buffer.fill((byte) 0);
                                bounded(device.desc.read(device.channel, buffer, number * 512L, 512)).join();
                                if (!Arrays.equals(data, buffer.get(0, 512))) {
                                    throw new AssertionError("fork " + number + " read something else");
                                }
                            }
                            return number;
                        }
                    }));
        }
        for (int i = 0; i < 1_000; i++) {
            assertThat(await(forks.get(i))).isEqualTo(i);
        }
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void forksShareTheThreadWithoutRaces() {
        int[] counter = new int[1];
        List<IoFuture<Void>> forks = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            forks.add(
                    thread.fork(() -> {
                        for (int k = 0; k < 100; k++) {
                            counter[0]++;
                            Thread.yield();
                        }
                    }));
        }
        awaitAll(forks);
        assertThat(counter[0]).isEqualTo(10_000);
    }

    @Test
    void aForkMayForkAndJoin() {
        IoFuture<Integer> outer =
                thread.fork(() -> {
                    IoFuture<Integer> inner = thread.fork(() -> 20);
                    return bounded(inner).join() + bounded(thread.call(() -> 22)).join();
                });
        assertThat(await(outer)).isEqualTo(42);
    }

    @Test
    void aForkMayWaitForAnything() throws Exception {
        CountDownLatch latch = new CountDownLatch(1);
        Semaphore semaphore = new Semaphore(0);
        CompletableFuture<String> foreign = new CompletableFuture<>();
        IoFuture<String> fork =
                thread.fork(() -> {
                    latch.await();
                    semaphore.acquire();
                    Thread.sleep(1);
                    return thread.await(foreign);
                });
        poll(10);
        assertThat(fork).isNotDone();
        runElsewhere(() -> {
            latch.countDown();
            semaphore.release();
            assertThat(foreign.complete("from elsewhere")).isTrue();
        });
        assertThat(await(fork)).isEqualTo("from elsewhere");
    }

    @Test
    void aForkFailsWithWhatItThrew() {
        SpdkException own = new SpdkException.Closed("on purpose");
        assertThat(
                        failureOf(() ->
                                thread.fork(() -> {
                                    throw own;
                                })))
                .isSameAs(own);
        Exception other = new Exception("on purpose");
        IoFuture<Object> fork =
                thread.fork(() -> {
                    throw other;
                });
        assertThatThrownBy(() -> bounded(fork).join()).isInstanceOf(CompletionException.class).hasCause(other);
        Error error = new AssertionError("on purpose");
        assertThat(
                        failureOf(() ->
                                thread.fork(() -> {
                                    throw error;
                                })))
                .isSameAs(error);
        assertThat(reported).isEmpty();
    }

    @Test
    void aFailedIoThrowsItsExceptionInTheFork() {
        TestBackend backend = TestBackend.of(64, 512).with((_, io) -> io.complete(-Errno.EIO));
        Device device = device(custom(backend));
        IoFuture<String> fork =
                thread.fork(() -> {
                    try {
                        bounded(device.desc.read(device.channel, buffer(512), 0, 512)).join();
                        return "no failure";
                    } catch (SpdkException.IoFailed e) {
                        return "caught";
                    }
                });
        assertThat(await(fork)).isEqualTo("caught");
    }

    @Test
    void aForkMustNotPollItsCarrier() {
        for (Runnable call :
                List.<Runnable>of(
                        thread::poll, () -> thread.run(io.spdkio.IdleStrategy.busySpin()), thread::close, env::close)) {
            IoFuture<Void> fork = thread.fork(call);
            assertThat(failureOf(() -> fork)).isInstanceOf(IllegalStateException.class);
        }
        assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
        assertThat(env.isClosed()).isFalse();
    }

    @Test
    void exitWaitsForItsForks() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoFuture<String> fork =
                thread.fork(() -> {
                    bounded(device.desc.read(device.channel, buffer(512), 0, 512)).join();
                    return "ended";
                });
        pollUntil("arrival", () -> !backend.held.isEmpty());
        thread.exit();
        poll(20);
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITING);
        backend.serveHeld();
        thread.close();
        assertThat(fork).isCompletedWithValue("ended");
    }

    @Test
    void closingTheEnvironmentInterruptsAForkThatWaitsForNothing() {
        IoFuture<String> fork =
                thread.fork(() -> {
                    try {
                        new CountDownLatch(1).await();
                        return "woken";
                    } catch (InterruptedException e) {
                        return "interrupted";
                    }
                });
        poll(10);
        env.close();
        assertThat(fork).isCompletedWithValue("interrupted");
    }

    @Test
    void forkIsConfined() {
        assertThatThrownBy(() -> elsewhere(() -> thread.fork(() -> 1))).isInstanceOf(SpdkException.WrongThread.class);
        assertThatThrownBy(() -> thread.fork((java.util.concurrent.Callable<?>) null))
                .isInstanceOf(NullPointerException.class);
    }
}
