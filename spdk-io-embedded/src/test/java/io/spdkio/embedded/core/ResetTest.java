package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;

/** Resets, aborts, range locks and the wait for a device's memory, where they meet. */
final class ResetTest extends CoreTest {
    @Test
    void aResetEndsACompareAndWriteThatTheDeviceKeeps() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        IoFuture<Void> swap = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        pollUntil("the read of the compare", () -> !backend.held.isEmpty());
        IoFuture<Void> reset = desc.reset(channel);
        pollUntil("the reset", reset::isDone);
        assertThat(reset).isCompletedWithValue(null);
        pollUntil("the end of compareAndWrite", swap::isDone);
        assertThat(swap.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aCompareAndWriteThatHasNotBegunToWriteCanBeAborted() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        IoFuture<Void> first = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        IoFuture<Void> second = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        poll(3);
        assertThat(desc.abort(channel, second).join()).as("while it waits for the range").isTrue();
        assertThat(desc.abort(channel, first).join()).as("while it compares").isTrue();
        assertThat(first).isCompletedExceptionally();
        assertThat(second).isCompletedExceptionally();
        IoFuture<Void> write = desc.write(channel, buffer, 0, 512);
        pollUntil("the write", () -> !backend.held.isEmpty());
        backend.completeAll(0);
        write.join();
    }

    @Test
    void aResetThatWaitsForAThreadNobodyPollsCanBeAborted() {
        BdevDesc desc = open(MallocBdev.of("m", 1 << 20, 512));
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        CountDownLatch ready = new CountDownLatch(1);
        CompletableFuture<Void> stop = new CompletableFuture<>();
        JoinHandle<Void> handle =
                env.spawnThread(
                        "deaf",
                        deaf -> {
                            IoChannel there = deaf.ioChannel(desc);
                            assertThat(there.outstanding()).isZero();
                            ready.countDown();
                            return stop.join();
                        });
        awaitQuietly(ready);
        IoFuture<Void> reset = desc.reset(channel);
        IoFuture<Void> write = desc.write(channel, buffer, 0, 512);
        poll(10);
        assertThat(reset).isNotDone();
        assertThat(write.exceptionNow()).as("kept out by the reset").isInstanceOf(SpdkException.Cancelled.class);
        assertThat(desc.abort(channel, reset).join()).isTrue();
        desc.write(channel, buffer, 0, 512).join();
        IoFuture<Void> another = desc.reset(channel).withDeadline(Duration.ofMillis(50));
        pollUntil("the deadline", another::isDone);
        assertThat(another.exceptionNow()).isInstanceOf(SpdkException.TimedOut.class);
        desc.write(channel, buffer, 0, 512).join();
        stop.complete(null);
        handle.join();
        desc.reset(channel).join();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aResetEndsIoThatADeviceWithoutMemoryNeverTakes() {
        create(MallocBdev.of("m", 1 << 20, 512));
        BdevDesc desc =
                open(
                        new ErrorBdev(
                                "e", "m", List.of(ErrorBdev.Injection.rate(IoType.READ, ErrorBdev.Mode.NOMEM, 1, 0))));
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        for (int polls = 0; polls < 4; polls++) {
            List<IoFuture<Void>> reads = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                reads.add(desc.read(channel, buffer, 0, 512));
            }
            poll(polls);
            // As a message, so that it comes just after the messages that try again.
            CompletableFuture<IoFuture<Void>> reset = new CompletableFuture<>();
            thread.execute(() -> reset.complete(desc.reset(channel)));
            thread.await(reset).join();
            reads.forEach(read -> assertThat(read).isCompletedExceptionally());
        }
    }

    @Test
    void anIoThatWaitsForMemoryAndIsAbortedLeavesTheRangeToACompareAndWrite() {
        HeldBackend backend = new HeldBackend();
        backend.script = (_, io) -> io.complete(io.type() == IoType.WRITE ? -Errno.ENOMEM : 0);
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf zeroes = env.dma().allocate(512);
        IoFuture<Void> write = desc.write(channel, zeroes, 0, 512);
        poll(1);
        IoFuture<Void> swap = desc.compareAndWrite(channel, zeroes, zeroes, 0, 512);
        desc.abort(channel, write).join();
        backend.script = (_, io) -> io.complete(0);
        pollUntil("compareAndWrite", swap::isDone);
    }

    @Test
    void ioThatWaitsForMemoryKeepsItsOrderAndIsNotTriedAllAtOnce() {
        HeldBackend backend = new HeldBackend();
        int room = 4;
        List<Long> order = new ArrayList<>();
        backend.script =
                (self, io) -> {
                    if (self.held.size() == room) {
                        io.complete(-Errno.ENOMEM);
                    } else {
                        order.add(io.offsetBlocks());
                        self.held.add(io);
                    }
                };
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        int count = 1000;
        List<IoFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(desc.read(channel, buffer, i * 512L, 512));
        }
        pollUntil(
                "all",
                () -> {
                    if (!backend.held.isEmpty()) {
                        backend.held.removeFirst().complete(0);
                    }
                    return all.stream().allMatch(IoFuture::isDone);
                });
        assertThat(order).hasSize(count).isSorted();
        assertThat(backend.submits).isLessThan(5 * count);
    }

    @Test
    void nothingIsAbortedThatHasCompleted() {
        HeldBackend backend = new HeldBackend(new BdevGeometry(512, 1024, 0, false, 512, 0, 1, 1));
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        IoFuture<Void> read = desc.read(channel, env.dma().allocate(4096), 0, 4096);
        pollUntil("the pieces", () -> backend.held.size() == 8);
        IoFuture<Void> reset = desc.reset(channel);
        reset.join();
        assertThat(read).isCompletedExceptionally();
        assertThat(backend.aborts).isEqualTo(8);
        IoFuture<Void> done = desc.read(channel, env.dma().allocate(512), 0, 512);
        pollUntil("the read", () -> !backend.held.isEmpty());
        backend.completeAll(0);
        assertThat(desc.abort(channel, done).join()).isFalse();
        assertThat(done).isCompletedWithValue(null);
        assertThat(backend.aborts).isEqualTo(8);
    }

    @Test
    void manyResetsOfManyThreadsAllEnd() {
        BdevDesc desc = open(MallocBdev.of("m", 1 << 20, 512));
        List<JoinHandle<Integer>> handles = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            handles.add(
                    env.spawnThread(
                            "t" + t,
                            worker -> {
                                IoChannel channel = worker.ioChannel(desc);
                                DmaBuf buffer = env.dma().allocate(512);
                                int done = 0;
                                for (int i = 0; i < 200; i++) {
                                    List<IoFuture<Void>> all =
                                            List.of(
                                                    desc.write(channel, buffer, 0, 512),
                                                    desc.reset(channel),
                                                    desc.compareAndWrite(channel, buffer, buffer, 0, 512),
                                                    desc.reset(channel));
                                    for (IoFuture<Void> future : all) {
                                        try {
                                            future.join();
                                        } catch (SpdkException e) {
                                            assertThat(e.status()).isEqualTo(IoStatus.ABORTED);
                                        }
                                        done++;
                                    }
                                }
                                buffer.close();
                                return done;
                            }));
        }
        handles.forEach(handle -> assertThat(handle.join()).isEqualTo(800));
    }
}
