package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IdleStrategy;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Calls from several threads that meet: whoever comes first, the outcome is one of those that are allowed. */
public abstract class RaceTck extends EngineTck {
    /** For the subclasses. */
    protected RaceTck() {}

    @Test
    void aBufferClosedWhileAnotherThreadSubmitsIsClosedOrLeasedNeverBoth() throws Exception {
        Device device = mallocDevice(64, 512);
        int closedFirst = 0;
        for (int round = 0; round < 500; round++) {
            DmaBuf buffer = buffer(512);
            AtomicBoolean go = new AtomicBoolean();
            CompletableFuture<Boolean> closer =
                    onNewThreadWhen(
                            go,
                            () -> {
                                try {
                                    buffer.close();
                                    return true;
                                } catch (SpdkException.Busy e) {
                                    return false;
                                }
                            });
            go.set(true);
            IoFuture<Void> write = null;
            try {
                write = device.desc.write(device.channel, buffer, 0, 512);
            } catch (SpdkException.Closed e) {
                closedFirst++;
            }
            boolean closed = closer.get();
            if (write != null) {
                await(write);
            }
            // It may have been closed before the submit or after the completion, which only happens in await.
            assertThat(closed).isEqualTo(write == null);
            buffer.close();
            assertThat(buffer.isClosed()).isTrue();
        }
        assertThat(closedFirst).isBetween(0, 500);
        assertThat(env.dma().allocatedBytes()).isZero();
    }

    private <T> CompletableFuture<T> onNewThreadWhen(AtomicBoolean go, java.util.concurrent.Callable<T> task) {
        return onNewThread(() -> {
            while (!go.get()) {
                Thread.onSpinWait();
            }
            return task.call();
        });
    }

    @Test
    void aDescriptorClosedWhileOthersDoIoThroughItLetsThemEnd() {
        for (int round = 0; round < 30; round++) {
            TestBackend backend =
                    new TestBackend(io.spdkio.bdev.BdevGeometry.of(512, 64)) {
                        @Override
                        void serve(io.spdkio.bdev.BdevIo io) {
                            synchronized (this) {
                                super.serve(io);
                            }
                        }
                    };
            Device device = device(custom(backend));
            AtomicInteger running = new AtomicInteger();
            List<JoinHandle<Integer>> workers = new ArrayList<>();
            for (int w = 0; w < 2; w++) {
                workers.add(
                        env.spawnThread(
                                "worker" + w,
                                it -> {
                                    var channel = it.ioChannel(device.desc);
                                    DmaBuf buffer = buffer(512);
                                    int done = 0;
                                    running.incrementAndGet();
                                    try {
                                        while (true) {
                                            bounded(device.desc.write(channel, buffer, 0, 512)).join();
                                            done++;
                                        }
                                    } catch (SpdkException.Closed e) {
                                        buffer.close();
                                        return done;
                                    }
                                }));
            }
            pollUntil("both workers", () -> running.get() == 2);
            device.desc.close();
            for (JoinHandle<Integer> worker : workers) {
                pollUntil("the worker's end", worker.result()::isDone);
                assertThat(worker.join()).isNotNegative();
            }
            await(env.bdevs().destroy(device.bdev.name()));
            assertThat(backend.channelsClosed).hasValue(backend.channels.get());
            assertThat(backend.closes).hasValue(1);
        }
    }

    @Test
    void whatIsBegunWhileTheEnvironmentClosesIsRefusedOrEnds() throws Exception {
        for (int round = 0; round < 60; round++) {
            List<CompletableFuture<Integer>> racers = new ArrayList<>();
            AtomicBoolean go = new AtomicBoolean();
            for (int r = 0; r < 3; r++) {
                int kind = r;
                racers.add(
                        onNewThreadWhen(
                                go,
                                () -> {
                                    int done = 0;
                                    try {
                                        while (true) {
                                            begin(kind, done);
                                            done++;
                                        }
                                    } catch (SpdkException.Closed e) {
                                        return done;
                                    }
                                }));
            }
            go.set(true);
            for (int i = 0; i < round * 20; i++) {
                thread.poll();
            }
            env.close();
            assertThat(env.threads()).isEmpty();
            for (CompletableFuture<Integer> racer : racers) {
                pollUntil("the racer's end", racer::isDone);
                assertThat(racer.get()).isNotNegative();
            }
            env = open(builder());
            thread = env.attachThread("main");
        }
    }

    private void begin(int kind, int number) {
        switch (kind) {
            case 0 -> {
                Integer result = bounded(env.spawnThread("spawned", it -> it.isCurrent() ? 1 : 0).result()).join();
                assertThat(result).isEqualTo(1);
            }
            case 1 -> {
                String name = "bdev" + number;
                bounded(env.bdevs().create(NullBdev.of(name, 1 << 20))).join();
                bounded(env.bdevs().destroy(name)).join();
            }
            default -> {
                DmaBuf buffer = env.dma().allocate(8192);
                try {
                    buffer.fill((byte) number);
                } catch (IllegalStateException e) {
                    // The environment freed it.
                }
                buffer.close();
            }
        }
    }

    @Test
    void aDeviceOpenedWhileItIsDestroyedIsOpenOrGone() throws Exception {
        int opened = 0;
        for (int round = 0; round < 100; round++) {
            Bdev bdev = malloc(8, 512);
            CompletableFuture<Object> destroyer =
                    onNewThread(() -> {
                        bounded(env.bdevs().destroy(bdev.name())).join();
                        return null;
                    });
            try {
                BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                opened++;
                DmaBuf buffer = buffer(512);
                try {
                    await(desc.write(thread.ioChannel(desc), buffer, 0, 512));
                } catch (SpdkException.NotFound | SpdkException.Cancelled e) {
                    // It was removed in between.
                }
                buffer.close();
                desc.close();
            } catch (SpdkException.NotFound e) {
                // It was gone already.
            }
            pollUntil("the destruction", destroyer::isDone);
            assertThat(destroyer.isCompletedExceptionally()).isFalse();
            assertThat(env.bdevs().find(bdev.name())).isEmpty();
        }
        assertThat(opened).isBetween(0, 100);
    }

    @Test
    void cancelAndCompletionMeetWithoutLosingTheBuffer() throws Exception {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        for (int round = 0; round < 500; round++) {
            IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
            CompletableFuture<Boolean> canceller = onNewThread(() -> read.cancel(true));
            pollUntil("both", () -> canceller.isDone() && !buffer.isLeased());
            assertThat(read.isCancelled()).isEqualTo(canceller.get());
        }
        pollUntil("quiet", () -> device.channel.outstanding() == 0);
        buffer.close();
        assertThat(device.read(0, 512)).containsOnly(0);
    }

    @Test
    void exitAskedForByManyIsOne() throws Exception {
        for (int round = 0; round < 100; round++) {
            JoinHandle<String> handle =
                    env.spawnThread(
                            "target",
                            it -> {
                                it.run(IdleStrategy.backoff());
                                return "ended";
                            });
            List<CompletableFuture<Object>> askers = new ArrayList<>();
            for (int a = 0; a < 3; a++) {
                askers.add(
                        onNewThread(() -> {
                            handle.thread().exit();
                            return null;
                        }));
            }
            assertThat(bounded(handle.result()).join()).isEqualTo("ended");
            assertThat(handle.thread().state()).isEqualTo(SpdkThread.State.EXITED);
            for (CompletableFuture<Object> asker : askers) {
                assertThat(asker.get()).isNull();
            }
        }
    }
}
