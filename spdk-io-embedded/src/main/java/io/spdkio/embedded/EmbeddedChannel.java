package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LatencyHistogram;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * A thread's channel to a device: decides what becomes of each I/O before the device sees it. Shared by the thread's
 * descriptors and counted.
 *
 * <p>An I/O goes straight to the device unless it is too large (it is split), the device does not know the operation
 * (it is emulated), a range lock keeps it out or the device's resources are used up (it waits here).
 */
public final class EmbeddedChannel implements EngineChannel {
    /** Bounds what a poll spends on a device whose resources others keep. */
    private static final int RETRIES_A_POLL = 32;

    private final EmbeddedBdev bdev;
    private final EmbeddedThread thread;
    private final IoContext context;
    private final BdevBackend.Channel device;
    private final long maxIoBytes;
    private final int maxSegments;
    private final long boundaryBlocks;
    private final boolean directWriteZeroes;
    private final boolean directCompare;
    private final boolean directCopy;

    private final List<RangeLock> locks = new ArrayList<>();
    private final List<Quiet> waitingForQuiet = new ArrayList<>();
    private final ArrayDeque<IoRequest> keptOut = new ArrayDeque<>();
    private final ArrayDeque<IoRequest> noMemory = new ArrayDeque<>();
    private final List<MultiStepIo> steps = new ArrayList<>();

    /** Whether any of the lists above has to be looked at. */
    private boolean gated;

    private int references;
    private int inDevice;
    private boolean retryPosted;

    final ChannelStatistics statistics = new ChannelStatistics();
    private LatencyHistogram histogram;

    private record Quiet(RangeLock lock, Runnable reached) {}

    EmbeddedChannel(EmbeddedBdev bdev, EmbeddedThread thread) {
        this.bdev = bdev;
        this.thread = thread;
        this.context = thread.context();
        BdevGeometry geometry = bdev.geometry();
        maxIoBytes = geometry.maxIoBytes() == 0 ? Long.MAX_VALUE : geometry.maxIoBytes();
        maxSegments = geometry.maxSegments() == 0 ? Integer.MAX_VALUE : geometry.maxSegments();
        boundaryBlocks = geometry.splitOnOptimalIoBoundary() ? geometry.optimalIoBoundaryBlocks() : 0;
        directWriteZeroes = bdev.backend().supports(IoType.WRITE_ZEROES);
        directCompare = bdev.backend().supports(IoType.COMPARE);
        directCopy = bdev.backend().supports(IoType.COPY);
        device = bdev.backend().openChannel(context.thread());
    }

    EmbeddedThread thread() {
        return thread;
    }

    IoContext context() {
        return context;
    }

    EmbeddedBdev bdev() {
        return bdev;
    }

    void retain() {
        references++;
    }

    // ---- on the way down

    @Override
    public void submit(IoRequest io) {
        if (gated && mustWait(io)) {
            return;
        }
        switch (io.type()) {
            case READ, WRITE -> data(io);
            case WRITE_ZEROES -> {
                if (directWriteZeroes) {
                    plain(io);
                } else {
                    start(new Emulation.WriteZeroes(this, io));
                }
            }
            case UNMAP -> plain(io);
            case COMPARE -> {
                if (directCompare) {
                    data(io);
                } else {
                    start(new Emulation.Compare(this, io));
                }
            }
            case COPY -> {
                if (directCopy) {
                    plain(io);
                } else {
                    start(new Emulation.Copy(this, io));
                }
            }
            case COMPARE_AND_WRITE -> start(new Emulation.CompareAndWrite(this, io));
            case FLUSH -> dispatch(io);
            case RESET -> reset(io);
            case ABORT -> throw new IllegalStateException("an abort is a call, not an I/O");
        }
    }

    private void data(IoRequest io) {
        if (io.lengthBytes() <= maxIoBytes
                && io.segmentCount() <= maxSegments
                && (boundaryBlocks == 0 || !crossesBoundary(io))) {
            dispatch(io);
        } else {
            start(new Split(this, io));
        }
    }

    /** An operation without data, for which only the boundary counts. */
    private void plain(IoRequest io) {
        if (boundaryBlocks == 0 || !crossesBoundary(io)) {
            dispatch(io);
        } else {
            start(new Split(this, io));
        }
    }

    private boolean crossesBoundary(IoRequest io) {
        return io.offsetBlocks() / boundaryBlocks != (io.offsetBlocks() + io.blockCount() - 1) / boundaryBlocks;
    }

    long maxIoBytes() {
        return maxIoBytes;
    }

    int maxSegments() {
        return maxSegments;
    }

    long boundaryBlocks() {
        return boundaryBlocks;
    }

    /** Hands an I/O to the device. */
    void dispatch(IoRequest io) {
        io.inDevice(true);
        inDevice++;
        try {
            device.submit(io);
        } catch (Throwable e) {
            context.report(e);
            try {
                io.complete(-Errno.EIO);
            } catch (IllegalStateException alreadyCompleted) {
                // It threw after it had completed the I/O: that completion counts.
                return;
            }
        }
    }

    /** Submits a step of an I/O that has several; a range lock of the I/O's own does not keep it out. */
    void submitStep(ChildIo child, boolean passesLocks) {
        child.submitOn(lane, passesLocks);
    }

    private void start(MultiStepIo io) {
        steps.add(io);
        io.advance();
    }

    void ended(MultiStepIo io) {
        steps.remove(io);
    }

    private void reset(IoRequest io) {
        RangeLock lock = RangeLock.wholeDevice();
        bdev.lock(
                lock,
                this,
                () -> {
                    bdev.unlock(lock);
                    io.complete(IoStatus.SUCCESS);
                });
    }

    // ---- on the way up

    @Override
    public boolean completed(IoRequest io, int status) {
        if (io.inDevice()) {
            io.inDevice(false);
            inDevice--;
            if (status == -Errno.ENOMEM) {
                waitForMemory(io);
                return false;
            }
            if (gated) {
                afterCompletion();
            }
        }
        statistics.count(io.type(), io.lengthBytes(), status, context.nanoTime() - io.submitNanos());
        if (bdev.recordsLatency()) {
            recordLatency(context.nanoTime() - io.submitNanos());
        }
        return true;
    }

    private void recordLatency(long nanos) {
        if (histogram == null) {
            histogram = new LatencyHistogram();
            bdev.addHistogram(histogram);
        }
        histogram.record(nanos);
    }

    private boolean stepCompleted(IoRequest io, int status) {
        io.inDevice(false);
        inDevice--;
        if (status == -Errno.ENOMEM) {
            waitForMemory(io);
            return false;
        }
        if (gated) {
            afterCompletion();
        }
        return true;
    }

    private void afterCompletion() {
        // What one I/O has given back serves one other.
        retry(1);
        checkQuiet();
        updateGate();
    }

    private void updateGate() {
        gated = !locks.isEmpty() || !noMemory.isEmpty() || !waitingForQuiet.isEmpty();
    }

    // ---- waiting for the device's resources

    private void waitForMemory(IoRequest io) {
        noMemory.addLast(io);
        gated = true;
        if (inDevice == 0) {
            retryLater();
        }
    }

    /** Tries again in the next poll: nothing is outstanding whose completion would do it. */
    private void retryLater() {
        if (!retryPosted) {
            retryPosted =
                    context.post(() -> {
                        retryPosted = false;
                        retry(RETRIES_A_POLL);
                        updateGate();
                    });
        }
    }

    private void retry(int atMost) {
        for (int due = Math.min(atMost, noMemory.size()); due > 0; due--) {
            IoRequest io = noMemory.pollFirst();
            if (io == null) {
                return;
            }
            dispatch(io);
        }
    }

    // ---- range locks

    /** Whether an I/O has to wait; it is then kept here. */
    private boolean mustWait(IoRequest io) {
        for (RangeLock lock : locks) {
            if (lock.keepsOut(io)) {
                keptOut.addLast(io);
                return true;
            }
        }
        return false;
    }

    /** Keeps I/O out from now on, and tells when none is in the device any more. */
    void lock(RangeLock lock, Runnable reached) {
        locks.add(lock);
        gated = true;
        if (lock.abortOutstanding()) {
            abortAll();
        }
        waitingForQuiet.add(new Quiet(lock, reached));
        checkQuiet();
    }

    void unlock(RangeLock lock) {
        locks.removeIf(held -> held == lock);
        for (int due = keptOut.size(); due > 0; due--) {
            IoRequest io = keptOut.pollFirst();
            if (io.channel() == lane) {
                lane.submit(io);
            } else {
                submit(io);
            }
        }
        updateGate();
    }

    private void checkQuiet() {
        for (int i = 0; i < waitingForQuiet.size(); i++) {
            Quiet quiet = waitingForQuiet.get(i);
            boolean[] busy = {false};
            if (inDevice > 0 || !noMemory.isEmpty()) {
                context.forEachOutstanding(io ->
                        busy[0] |= isHere(io) && (io.inDevice() || noMemory.contains(io)) && quiet.lock().keepsOut(io));
            }
            if (!busy[0]) {
                waitingForQuiet.remove(i--);
                quiet.reached().run();
            }
        }
    }

    private boolean isHere(IoRequest io) {
        return io.channel() == this || io.channel() == lane;
    }

    // ---- abort

    @Override
    public void abort(IoRequest io) {
        if (noMemory.remove(io) || keptOut.remove(io)) {
            io.complete(IoStatus.ABORTED);
        } else if (io.inDevice()) {
            abortInDevice(io);
        } else {
            for (MultiStepIo step : List.copyOf(steps)) {
                if (step.io() == io) {
                    step.abort();
                }
            }
        }
    }

    void abortSteps(IoRequest parent) {
        context.forEachOutstanding(io -> {
            if (io.channel() == lane && ((ChildIo) io).parent() == parent) {
                abort(io);
            }
        });
    }

    private void abortInDevice(IoRequest io) {
        try {
            device.abort(io);
        } catch (RuntimeException e) {
            context.report(e);
        }
    }

    /** Aborts everything of this channel. */
    void abortAll() {
        context.forEachOutstanding(io -> {
            if (isHere(io) && io.type() != IoType.RESET) {
                abort(io);
            }
        });
    }

    // ---- the end

    @Override
    public void close() {
        if (--references == 0) {
            for (Quiet quiet : List.copyOf(waitingForQuiet)) {
                quiet.reached().run();
            }
            waitingForQuiet.clear();
            bdev.channelClosed(this, histogram);
            device.close();
        }
    }

    /** Where the steps of multi-step I/Os go: past splitting, emulation and statistics. */
    private final Lane lane = new Lane();

    private final class Lane implements EngineChannel {
        @Override
        public void submit(IoRequest io) {
            if (gated && !((ChildIo) io).passesLocks() && mustWait(io)) {
                return;
            }
            dispatch(io);
        }

        @Override
        public void abort(IoRequest io) {
            EmbeddedChannel.this.abort(io);
        }

        @Override
        public boolean completed(IoRequest io, int status) {
            return io.inDevice() ? stepCompleted(io, status) : true;
        }

        @Override
        public void close() {}
    }
}
