package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** Range locks whose begin and end are on their way between threads. Each OS thread acts when the test says so. */
final class RangeLockTest extends CoreTest {
    private final List<SteppedThread> workers = new ArrayList<>();

    @AfterEach
    void stop() {
        workers.forEach(SteppedThread::close);
    }

    private SteppedThread worker(String name) {
        SteppedThread worker = new SteppedThread(env, name);
        workers.add(worker);
        return worker;
    }

    /** Polls everybody until the futures are done. */
    private void finish(String what, List<IoFuture<Void>> futures) {
        pollUntil(
                what,
                () -> {
                    workers.forEach(SteppedThread::poll);
                    return futures.stream().allMatch(IoFuture::isDone);
                });
    }

    @Test
    void aResetThatIsAbortedWhileOthersTakeOverTheRangeLeavesNoLock() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        SteppedThread worker = worker("worker");
        IoChannel there = worker.call(() -> worker.thread().ioChannel(desc));
        DmaBuf buffer = env.dma().allocate(512);

        IoFuture<Void> swap = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        worker.poll();
        poll(2);
        assertThat(backend.held).as("the read of the compare").hasSize(1);
        BdevIo compare = backend.held.removeFirst();
        backend.aborting = false;
        IoFuture<Void> read = desc.read(channel, buffer, 0, 512);
        IoFuture<Void> reset = desc.reset(channel);
        IoFuture<Void> aborted = worker.call(() -> desc.reset(there));
        poll(1);
        // The end of the swap lets the first reset go on, and that one may ask the device to abort the read. In there
        // or after it, the second reset is aborted by its own thread.
        AtomicBoolean once = new AtomicBoolean();
        Runnable abort =
                () -> {
                    if (once.compareAndSet(false, true)) {
                        worker.call(() -> desc.abort(there, aborted));
                    }
                };
        backend.onAbort = abort;
        compare.complete(0);
        pollUntil("the end of the swap", swap::isDone);
        abort.run();
        backend.onAbort = () -> {};
        backend.completeAll(IoStatus.ABORTED);
        finish("the resets", List.of(swap, read, reset, aborted));
        assertThat(aborted.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);

        backend.script = (_, io) -> io.complete(0);
        finish(
                "a write of each thread",
                List.of(
                        desc.write(channel, buffer, 0, 512),
                        worker.call(() -> desc.write(there, env.dma().allocate(512), 0, 512))));
    }

    @Test
    void aLockWhoseEndComesBeforeItsBeginLeavesNothing() {
        HeldBackend backend = new HeldBackend();
        backend.aborting = false;
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        SpdkThread neighbour = env.attachThread("neighbour");
        IoChannel beside = neighbour.ioChannel(desc);
        SteppedThread worker = worker("worker");
        DmaBuf buffer = env.dma().allocate(512);

        IoFuture<Void> swap =
                worker.call(() -> {
                    DmaBuf mine = env.dma().allocate(512);
                    return desc.compareAndWrite(worker.thread().ioChannel(desc), mine, mine, 0, 512);
                });
        poll(1);
        neighbour.poll();
        worker.poll();
        assertThat(backend.held).as("the read of the compare").hasSize(1);
        IoFuture<Void> reset = desc.reset(channel);
        // The worker's end of its lock is the reset's begin: word of that is on its way to both threads of this OS
        // thread when this one gives the reset up.
        worker.run(() -> backend.completeAll(0));
        worker.poll();
        worker.poll();
        assertThat(swap.isDone()).isTrue();
        IoFuture<Boolean> gone = desc.abort(channel, reset);
        finish("the abort", List.of(reset));
        assertThat(gone).isCompletedWithValue(true);
        neighbour.poll();

        backend.script = (_, io) -> io.complete(0);
        IoFuture<Void> write = desc.write(channel, buffer, 0, 512);
        IoFuture<Void> another = desc.write(beside, buffer, 0, 512);
        pollUntil(
                "a write of each thread",
                () -> {
                    neighbour.poll();
                    return write.isDone() && another.isDone();
                });
    }

    @Test
    void aResetIsNotOvertakenByACompareAndWriteThatComesLater() {
        HeldBackend backend = new HeldBackend();
        backend.aborting = false;
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        IoFuture<Void> first = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        IoFuture<Void> reset = desc.reset(channel);
        IoFuture<Void> later = desc.compareAndWrite(channel, buffer, buffer, 4096, 512);
        poll(3);
        assertThat(backend.held).as("the read of the first compare").hasSize(1);
        backend.completeAll(0);
        backend.script = (_, io) -> io.complete(0);
        finish("all", List.of(first, reset, later));
        assertThat(first.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(reset).isCompletedWithValue(null);
    }

    @Test
    void aChannelThatIsOpenedUnderALockKeepsItToo() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        IoFuture<Void> swap = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        SteppedThread worker = worker("worker");
        IoFuture<Void> write =
                worker.call(() -> desc.write(worker.thread().ioChannel(desc), env.dma().allocate(512), 0, 512));
        worker.poll();
        assertThat(backend.held).extracting(BdevIo::type).containsExactly(IoType.READ);
        backend.completeAll(0);
        backend.script = (_, io) -> io.complete(0);
        finish("both", List.of(swap, write));
    }

    @Test
    void aLockThatWaitsForAChannelGoesOnWhenThatIsClosed() {
        BdevDesc desc = open(new HeldBackend());
        IoChannel channel = thread.ioChannel(desc);
        SteppedThread worker = worker("worker");
        IoChannel there = worker.call(() -> worker.thread().ioChannel(desc));
        IoFuture<Void> reset = desc.reset(channel);
        poll(3);
        assertThat(reset).isNotDone();
        worker.run(there::close);
        pollUntil("the reset", reset::isDone);
        assertThat(reset).isCompletedWithValue(null);
    }

    @Test
    void aLockDoesNotWaitForWhatIsAbortedBeforeTheDeviceTookIt() {
        HeldBackend backend = new HeldBackend();
        backend.script =
                (self, io) -> {
                    if (io.type() == IoType.WRITE) {
                        io.complete(-Errno.ENOMEM);
                    } else {
                        self.held.add(io);
                    }
                };
        BdevDesc desc = open(backend);
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = env.dma().allocate(512);
        IoFuture<Void> kept = desc.read(channel, buffer, 8192, 512);
        IoFuture<Void> write = desc.write(channel, buffer, 0, 512);
        poll(2);
        IoFuture<Void> swap = desc.compareAndWrite(channel, buffer, buffer, 0, 512);
        poll(2);
        assertThat(desc.abort(channel, write).join()).isTrue();
        pollUntil("the read of the compare", () -> backend.held.size() == 2);
        assertThat(kept).isNotDone();
        backend.script = (_, io) -> io.complete(0);
        backend.completeAll(0);
        finish("all", List.of(kept, write, swap));
    }

    @Test
    void aThreadThatGivesUpItsIoLetsTheOthersGoOn() {
        HeldBackend read = new HeldBackend();
        HeldBackend swap = new HeldBackend();
        read.aborting = false;
        swap.aborting = false;
        BdevDesc first = open(read);
        BdevDesc second = open(swap);
        IoChannel firstHere = thread.ioChannel(first);
        IoChannel secondHere = thread.ioChannel(second);
        SpdkThread lost = env.attachThread("lost");
        DmaBuf buffer = env.dma().allocate(512);
        DmaBuf theirs = env.dma().allocate(512);
        IoFuture<Void> gaveUp = first.read(lost.ioChannel(first), theirs, 0, 512);
        IoFuture<Void> gaveUpToo = second.compareAndWrite(lost.ioChannel(second), theirs, theirs, 0, 512);
        poll(1);
        lost.poll();
        assertThat(swap.held).as("the read of the compare").hasSize(1);
        IoFuture<Void> reset = first.reset(firstHere);
        IoFuture<Void> write = second.write(secondHere, buffer, 0, 512);
        poll(1);
        lost.poll();
        lost.exit();
        while (lost.state() != SpdkThread.State.EXITED) {
            lost.poll();
            poll(1);
        }
        assertThat(gaveUp.exceptionNow()).isInstanceOf(SpdkException.Closed.class);
        assertThat(gaveUpToo.exceptionNow()).isInstanceOf(SpdkException.Closed.class);
        swap.script = (_, io) -> io.complete(0);
        finish("the reset", List.of(reset));
        pollUntil(
                "the write",
                () -> {
                    swap.held.stream()
                            .filter(io -> io.type() == IoType.WRITE)
                            .toList()
                            .forEach(io -> {
                                swap.held.remove(io);
                                io.complete(0);
                            });
                    return write.isDone();
                });
        assertThat(write).isCompletedWithValue(null);
        assertThat(first.reset(firstHere).join()).isNull();
        assertThat(second.reset(secondHere).join()).isNull();
    }
}
