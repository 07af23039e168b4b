package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoFuture;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.spi.SpinLock;

import org.junit.jupiter.api.Test;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What forked threads, their SPDK thread and other OS threads share stops none of them. */
final class SpinLockTest extends CoreTest {
    @Test
    void aForkedThreadThatWaitsForItDoesNotTakeItFromItsOwnOsThread() throws Exception {
        SpinLock lock = new SpinLock();
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch wanted = new CountDownLatch(1);
        CompletableFuture<Void> holder =
                elsewhere(() -> {
                    try (SpinLock _ = lock.acquire()) {
                        held.countDown();
                        await(wanted);
                        sleep(50);
                    }
                });
        held.await();
        int[] count = {0};
        IoFuture<Void> fork =
                thread.fork(() -> {
                    wanted.countDown();
                    try (SpinLock _ = lock.acquire()) {
                        count[0]++;
                    }
                });
        poll(1);
        try (SpinLock _ = lock.acquire()) {
            count[0]++;
        }
        fork.join();
        holder.join();
        assertThat(count[0]).isEqualTo(2);
    }

    @Test
    void onlyOneThreadHoldsIt() {
        SpinLock lock = new SpinLock();
        CountDownLatch all = new CountDownLatch(3);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger together = new AtomicInteger();
        Runnable enter =
                () -> {
                    all.countDown();
                    while (all.getCount() > 0) {
                        Thread.onSpinWait();
                    }
                    for (int i = 0; i < 100_000; i++) {
                        try (SpinLock _ = lock.acquire()) {
                            if (inside.incrementAndGet() > 1) {
                                together.incrementAndGet();
                            }
                            inside.decrementAndGet();
                        }
                    }
                };
        CompletableFuture<Void> first = elsewhere(enter);
        CompletableFuture<Void> second = elsewhere(enter);
        thread.fork(enter).join();
        first.join();
        second.join();
        assertThat(together).hasValue(0);
    }

    @Test
    void aBackendThatTakesLongToOpenAChannelKeepsNobodyElseFromTheDevice() throws Exception {
        CountDownLatch opening = new CountDownLatch(1);
        CountDownLatch open = new CountDownLatch(1);
        Thread test = Thread.currentThread();
        HeldBackend slow =
                new HeldBackend() {
                    @Override
                    public Channel openChannel(io.spdkio.SpdkThread of) {
                        if (of.osThread() != test) {
                            opening.countDown();
                            SpinLockTest.await(open);
                        }
                        return super.openChannel(of);
                    }
                };
        Bdev bdev = create(CustomBdev.of("slow", slow));
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
        SteppedThread worker = new SteppedThread(env, "worker");
        CompletableFuture<Void> there = elsewhere(() -> worker.run(() -> worker.thread().ioChannel(desc)));
        opening.await();
        // It used to hold a monitor meanwhile: the forked thread queued for that, and this thread behind it.
        IoFuture<Integer> fork = thread.fork(() -> thread.ioChannel(desc).outstanding());
        poll(1);
        CompletableFuture<Void> later =
                elsewhere(() -> {
                    sleep(50);
                    open.countDown();
                });
        assertThat(bdev.statistics().readOps()).isZero();
        assertThat(fork.join()).isZero();
        later.join();
        there.join();
        worker.close();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
