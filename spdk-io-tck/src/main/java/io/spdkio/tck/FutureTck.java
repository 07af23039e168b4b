package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The futures of I/O: where they complete, what waits, what cancelling and deadlines do. */
public abstract class FutureTck extends EngineTck {
    private TestBackend backend;
    private Device device;
    private DmaBuf buffer;

    /** For the subclasses. */
    protected FutureTck() {}

    @Override
    SpdkEnv.Builder settings(SpdkEnv.Builder builder) {
        return builder.ioPoolSize(16).clock(clock);
    }

    /** A device that keeps every I/O until the test serves it. */
    private void holdingDevice(boolean abortable) {
        backend = TestBackend.of(64, 512).with(TestBackend::hold);
        backend.abortable = abortable;
        device = device(custom(backend));
        buffer = buffer(512);
    }

    private IoFuture<Void> heldRead() {
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        return read;
    }

    // ---- completion

    @Test
    void nothingCompletesInsideSubmit() {
        // Also on a device that completes at once.
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        List<IoFuture<Void>> futures =
                List.of(
                        device.desc.read(device.channel, buffer, 0, 512),
                        device.desc.write(device.channel, buffer, 0, 512),
                        device.desc.writeZeroes(device.channel, 0, 512),
                        device.desc.flush(device.channel),
                        device.desc.reset(device.channel));
        assertThat(futures).allSatisfy(future -> assertThat(future).isNotDone());
        AtomicBoolean inside = new AtomicBoolean(true);
        List<Boolean> seen = new ArrayList<>();
        List<CompletableFuture<Void>> handled = new ArrayList<>();
        for (IoFuture<Void> future : futures) {
            handled.add(
                    future.handle((_, _) -> {
                        seen.add(inside.get());
                        return null;
                    }));
        }
        inside.set(false);
        awaitAll(handled);
        assertThat(seen).hasSize(futures.size()).containsOnly(false);
    }

    @Test
    void aSubmitInsideACompletionDoesNotCompleteInsideIt() {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        List<Boolean> nested = new ArrayList<>();
        AtomicInteger chain = new AtomicInteger();
        CompletableFuture<Void> end = new CompletableFuture<>();
        Runnable[] step = new Runnable[1];
        step[0] =
                () -> {
                    IoFuture<Void> next = device.desc.read(device.channel, buffer, 0, 512);
                    nested.add(next.isDone());
                    CompletableFuture<Void> then =
                            next.thenRun(() -> {
                                if (chain.incrementAndGet() < 5_000) {
                                    step[0].run();
                                } else {
                                    end.complete(null);
                                }
                            });
                    nested.add(then.isDone());
                };
        step[0].run();
        await(end);
        assertThat(nested).containsOnly(false);
    }

    @Test
    void continuationsRunOnTheSpdkThread() throws Exception {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        CompletableFuture<Thread> where = read.thenApply(_ -> Thread.currentThread());
        CompletableFuture<Object> current = read.thenApply(_ -> env.currentThread().orElseThrow());
        backend.serveHeld();
        assertThat(await(where)).isSameAs(Thread.currentThread());
        assertThat(await(current)).isSameAs(thread);
    }

    @Test
    void aContinuationThatThrowsFailsItsStageOnly() {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        RuntimeException problem = new RuntimeException("on purpose");
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        CompletableFuture<Void> then =
                read.thenRun(() -> {
                    throw problem;
                });
        assertThat(failureOf(() -> then)).isSameAs(problem);
        assertThat(read).isCompleted();
        await(device.desc.read(device.channel, buffer, 0, 512));
    }

    // ---- waiting

    @Test
    void joinOnTheSpdkThreadPollsIt() {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        assertThat(bounded(device.desc.read(device.channel, buffer, 0, 512)).join()).isNull();
        CompletableFuture<String> derived =
                device.desc
                        .read(device.channel, buffer, 0, 512)
                        .thenCompose(_ -> device.desc.write(device.channel, buffer, 0, 512))
                        .thenApply(_ -> "derived");
        assertThat(bounded(derived).join()).isEqualTo("derived");
        CompletableFuture<Integer> handled = device.desc.read(device.channel, buffer, 0, 512).handle((_, _) -> 1);
        assertThat(bounded(handled).join()).isEqualTo(1);
    }

    @Test
    void getOnTheSpdkThreadPollsItToo() throws Exception {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        assertThat(bounded(device.desc.read(device.channel, buffer, 0, 512)).get()).isNull();
        assertThat(device.desc.read(device.channel, buffer, 0, 512).get(20, TimeUnit.SECONDS)).isNull();
    }

    @Test
    void getWithATimeoutGivesUpAndTheIoGoesOn() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        assertThatThrownBy(() -> read.get(20, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        assertThatThrownBy(() -> read.get(0, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        assertThat(read).isNotDone();
        assertThat(buffer.isLeased()).isTrue();
        backend.serveHeld();
        await(read);
    }

    @Test
    void aCompletionMayJoinAnother() {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        CompletableFuture<String> outer =
                device.desc
                        .read(device.channel, buffer, 0, 512)
                        .thenApply(_ -> {
                            bounded(device.desc.write(device.channel, buffer, 0, 512)).join();
                            return "both";
                        });
        assertThat(await(outer)).isEqualTo("both");
    }

    @Test
    void anotherThreadMayJoin() throws Exception {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        CompletableFuture<Object> joiner =
                onNewThread(() -> {
                    bounded(read).join();
                    return "joined";
                });
        thread.execute(backend::serveHeld);
        assertThat(await(joiner)).isEqualTo("joined");
    }

    @Test
    void awaitTakesAllOfMany() {
        device = mallocDevice(64, 512);
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            reads.add(device.desc.read(device.channel, buffer(512), i * 512L, 512));
        }
        CompletableFuture<Void> all = bounded(CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new)));
        assertThat(thread.await(all)).isNull();
        assertThat(reads).allSatisfy(read -> assertThat(read).isCompleted());
    }

    // ---- failure

    @Test
    void joinThrowsTheSpdkExceptionItself() {
        TestBackend failing = TestBackend.of(64, 512).with((_, io) -> io.complete(-Errno.ENOSPC));
        device = device(custom(failing));
        buffer = buffer(512);
        IoFuture<Void> write = device.desc.write(device.channel, buffer, 512, 512);
        assertThatThrownBy(() -> bounded(write).join())
                .isInstanceOf(SpdkException.IoFailed.class)
                .hasMessageContaining("write")
                .hasMessageContaining("512")
                .hasMessageContaining(device.bdev.name())
                .hasMessageContaining("ENOSPC")
                .satisfies(e -> {
                    assertThat(((SpdkException) e).errno()).isEqualTo(Errno.ENOSPC);
                    assertThat(((SpdkException) e).status()).isEqualTo(-Errno.ENOSPC);
                });
        assertThatThrownBy(write::get).isInstanceOf(ExecutionException.class).hasCauseInstanceOf(SpdkException.class);
        assertThatThrownBy(() -> bounded(write.thenApply(_ -> 1)).join())
                .as("a derived stage")
                .isInstanceOf(SpdkException.IoFailed.class);
        assertThat(write.exceptionNow()).isInstanceOf(SpdkException.IoFailed.class);
        RuntimeException other = new RuntimeException("on purpose");
        CompletableFuture<Object> stage =
                write.handle((_, _) -> {
                    throw other;
                });
        assertThatThrownBy(() -> bounded(stage).join()).isInstanceOf(CompletionException.class).hasCause(other);
    }

    @Test
    void everyStatusBecomesTheFittingException() {
        int[] status = new int[1];
        TestBackend failing = TestBackend.of(64, 512).with((_, io) -> io.complete(status[0]));
        device = device(custom(failing));
        buffer = buffer(512);
        record Case(int status, Class<? extends SpdkException> type) {}
        for (Case it :
                List.of(
                        new Case(-Errno.EIO, SpdkException.IoFailed.class),
                        new Case(-Errno.ENOSPC, SpdkException.IoFailed.class),
                        new Case(io.spdkio.IoStatus.INTERNAL_ERROR, SpdkException.IoFailed.class),
                        new Case(io.spdkio.IoStatus.ABORTED, SpdkException.Cancelled.class),
                        new Case(io.spdkio.IoStatus.MISCOMPARE, SpdkException.IoFailed.class),
                        new Case(io.spdkio.IoStatus.nvme(2, 0x81), SpdkException.IoFailed.class),
                        new Case(-Errno.ETIMEDOUT, SpdkException.TimedOut.class))) {
            status[0] = it.status();
            SpdkException failure = completesWith(it.type(), device.desc.read(device.channel, buffer, 0, 512));
            // SPDK knows one "failed", be it said as EIO or as NVMe's internal error.
            if (failure.errno() != Errno.EIO || it.status() != -Errno.EIO) {
                assertThat(failure.status()).isEqualTo(it.status());
            }
        }
    }

    @Test
    void oneIoMoreThanThePoolHasIsNoMemory() {
        holdingDevice(false);
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            reads.add(device.desc.read(device.channel, buffer, 0, 512));
        }
        assertThat(failureOf(() -> device.desc.read(device.channel, buffer, 0, 512)))
                .isInstanceOf(SpdkException.NoMemory.class)
                .hasMessageContaining("ioPoolSize");
        assertThat(device.channel.outstanding()).isEqualTo(16);
        pollUntil("arrival", () -> backend.held.size() == 16);
        backend.serveHeld();
        awaitAll(reads);
        IoFuture<Void> again = heldRead();
        backend.serveHeld();
        await(again);
        buffer.close();
    }

    // ---- cancel

    @Test
    void cancelSettlesAtOnceAndTheBufferStaysLeasedUntilTheDeviceIsDone() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        assertThat(read.cancel(true)).isTrue();
        assertThat(read).isCancelled();
        assertThatThrownBy(read::join).isInstanceOf(CancellationException.class);
        poll(20);
        assertThat(backend.aborts).as("the device was asked to abort it").hasSize(1);
        assertThat(buffer.isLeased()).isTrue();
        assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class).hasMessageContaining("read");
        assertThat(device.channel.outstanding()).isEqualTo(1);
        backend.serveHeld();
        pollUntil("the end of the lease", () -> !buffer.isLeased());
        assertThat(device.channel.outstanding()).isZero();
        buffer.close();
        assertThat(read.cancel(true)).as("again").isTrue();
    }

    @Test
    void cancelAbortsWhereTheDeviceCan() {
        holdingDevice(true);
        IoFuture<Void> read = heldRead();
        assertThat(read.cancel(false)).isTrue();
        pollUntil("the abort", () -> !buffer.isLeased());
        assertThat(backend.held).isEmpty();
        buffer.close();
    }

    @Test
    void cancelAfterCompletionIsTooLate() {
        device = mallocDevice(64, 512);
        buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        await(read);
        assertThat(read.cancel(true)).isFalse();
        assertThat(read).isCompleted();
        IoFuture<Void> other = device.desc.read(device.channel, buffer, 0, 512);
        assertThat(read.cancel(true)).isFalse();
        await(other);
    }

    @Test
    void cancelFromAnotherThreadAbortsOnTheRightOne() throws Exception {
        holdingDevice(true);
        IoFuture<Void> read = heldRead();
        assertThat(elsewhereUnpolled(() -> read.cancel(true)).booleanValue()).isTrue();
        pollUntil("the abort", () -> !buffer.isLeased());
        buffer.close();
    }

    @Test
    void anOldFutureDoesNotAbortALaterIo() {
        holdingDevice(true);
        IoFuture<Void> first = heldRead();
        backend.serveHeld();
        await(first);
        IoFuture<Void> second = heldRead();
        assertThat(first.cancel(true)).isFalse();
        assertThat(await(device.desc.abort(device.channel, first))).isFalse();
        poll(20);
        assertThat(second).isNotDone();
        backend.serveHeld();
        await(second);
    }

    @Test
    void cancellingADerivedStageLeavesTheIo() {
        holdingDevice(true);
        IoFuture<Void> read = heldRead();
        CompletableFuture<Void> derived = read.thenRun(() -> {});
        assertThat(derived.cancel(true)).isTrue();
        poll(20);
        assertThat(read).isNotDone();
        assertThat(backend.held).hasSize(1);
        backend.serveHeld();
        await(read);
    }

    // ---- deadline

    @Test
    void aDeadlineFailsTheFutureAndTheBufferStaysLeased() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        assertThat(read.withDeadline(Duration.ofMillis(20))).isSameAs(read);
        clock.advance(Duration.ofMillis(20).minusNanos(1));
        poll(20);
        assertThat(read).isNotDone();
        clock.advance(Duration.ofNanos(1));
        SpdkException.TimedOut failure = completesWith(SpdkException.TimedOut.class, read);
        assertThat(failure).hasMessageContaining("read").hasMessageContaining(device.bdev.name());
        assertThat(failure.errno()).isEqualTo(Errno.ETIMEDOUT);
        poll(20);
        assertThat(backend.aborts).hasSize(1);
        assertThat(buffer.isLeased()).isTrue();
        assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class);
        backend.serveHeld();
        pollUntil("the end of the lease", () -> !buffer.isLeased());
        buffer.close();
    }

    @Test
    void aDeadlineThatIsMetDoesNothing() {
        holdingDevice(true);
        IoFuture<Void> read = heldRead().withDeadline(Duration.ofMillis(50));
        backend.serveHeld();
        await(read);
        IoFuture<Void> next = heldRead();
        clock.advance(Duration.ofHours(1));
        poll(20);
        assertThat(next).as("the next I/O, long after the first one's deadline").isNotDone();
        assertThat(backend.aborts).isEmpty();
        backend.serveHeld();
        await(next);
    }

    @Test
    void aDeadlineLiesAhead() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        assertThatThrownBy(() -> read.withDeadline(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> read.withDeadline(Duration.ofMillis(-1))).isInstanceOf(IllegalArgumentException.class);
        assertThat(read.withDeadline(Duration.ofSeconds(Long.MAX_VALUE))).isSameAs(read);
        poll(20);
        assertThat(read).isNotDone();
        backend.serveHeld();
        await(read);
    }

    @Test
    void aDeadlineMayBeSetFromAnotherThread() throws Exception {
        holdingDevice(true);
        IoFuture<Void> read = heldRead();
        runElsewhere(() -> assertThat(read.withDeadline(Duration.ofMillis(20))).isSameAs(read));
        poll(20);
        clock.advance(Duration.ofMillis(20));
        completesWith(SpdkException.TimedOut.class, read);
        pollUntil("the abort", () -> !buffer.isLeased());
    }

    @Test
    void orTimeoutKeepsTheLeaseToo() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        assertThat(failureOf(() -> read.orTimeout(20, TimeUnit.MILLISECONDS))).isInstanceOf(TimeoutException.class);
        assertThat(buffer.isLeased()).isTrue();
        backend.serveHeld();
        pollUntil("the end of the lease", () -> !buffer.isLeased());
    }

    // ---- abort

    @Test
    void abortSaysWhetherItWorked() {
        holdingDevice(true);
        IoFuture<Void> read = heldRead();
        assertThat(await(device.desc.abort(device.channel, read))).isTrue();
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(await(device.desc.abort(device.channel, read))).as("again").isFalse();
        buffer.close();
    }

    @Test
    void abortOfWhatCantBeAbortedIsFalse() {
        holdingDevice(false);
        IoFuture<Void> read = heldRead();
        IoFuture<Boolean> abort = device.desc.abort(device.channel, read);
        poll(20);
        assertThat(backend.aborts).hasSize(1);
        backend.serveHeld();
        await(read);
        assertThat(await(abort)).isFalse();
    }

    @Test
    void abortTakesAFutureOfOurs() {
        holdingDevice(false);
        assertThatThrownBy(() -> device.desc.abort(device.channel, null))
                .isInstanceOfAny(IllegalArgumentException.class, NullPointerException.class);
        IoFuture<String> call = thread.call(() -> "no I/O");
        assertThat(await(device.desc.abort(device.channel, call))).isFalse();
        assertThat(await(call)).isEqualTo("no I/O");
    }
}
