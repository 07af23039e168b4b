package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.ChannelStatistics;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * A thread's channel to a device: decides what becomes of each I/O before the device sees it. Shared by the thread's
 * descriptors and counted.
 *
 * <p>An I/O goes straight to the device unless it is too large (it is split), the device does not know the operation
 * (it is emulated), a range lock keeps it out or the device's resources are used up (it waits here).
 */
public final class EmbeddedChannel implements EngineChannel {
    /** Bounds what is spent on a device whose resources others keep. */
    private static final int RETRIES_AT_ONCE = 32;

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

    /** A copy of the device's range locks, as of the last look. */
    private List<RangeLock> locks = List.of();

    /** The number of the latest range lock that was seen. */
    private long latestLock;

    /** The range locks that have not been told that nothing they keep out is in the device. */
    private final List<RangeLock> waitingForQuiet = new ArrayList<>();

    private final ArrayDeque<IoRequest> keptOut = new ArrayDeque<>();
    private final ArrayDeque<IoRequest> noMemory = new ArrayDeque<>();
    private final List<MultiStepIo> steps = new ArrayList<>();

    /** Those in the device that it was asked to abort; an I/O of which it then has no memory for is not tried again. */
    private final Set<IoRequest> aborting = Collections.newSetFromMap(new IdentityHashMap<>());

    /** What waits for the device's limits; null while it has none. */
    private QosQueue qos;

    /** Whether any of the above has to be looked at. */
    private boolean gated;

    private int references;
    private boolean closed;
    private int inDevice;
    private boolean retryPosted;

    /** The I/O that the device refused when it was tried again. */
    private IoRequest refused;

    private final ChannelStatistics statistics;

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
        statistics = bdev.statistics().channelOpened();
    }

    /**
     * The thread it belongs to.
     *
     * @return the thread
     */
    public EmbeddedThread thread() {
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

    /**
     * Runs something on this channel's thread: now if that is the caller's, else as a message. False if the thread has
     * exited.
     */
    boolean run(Runnable action) {
        return thread.run(action);
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
            case FLUSH -> toDevice(io);
            case RESET -> start(new Reset(this, io));
            case ABORT -> throw new IllegalStateException("an abort is a call, not an I/O");
        }
    }

    private void data(IoRequest io) {
        if (io.lengthBytes() <= maxIoBytes
                && io.segmentCount() <= maxSegments
                && (boundaryBlocks == 0 || !crossesBoundary(io))) {
            toDevice(io);
        } else {
            start(new Split(this, io));
        }
    }

    /** An operation without data, for which only the boundary counts. */
    private void plain(IoRequest io) {
        if (boundaryBlocks == 0 || !crossesBoundary(io)) {
            toDevice(io);
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

    /** Hands an I/O to the device, when its limits allow. */
    private void toDevice(IoRequest io) {
        if (gated && qos != null && qos.holds(io)) {
            return;
        }
        pastLimits(io);
    }

    /** Hands an I/O to the device, behind those that wait for its memory. */
    private void pastLimits(IoRequest io) {
        if (gated && !noMemory.isEmpty()) {
            noMemory.addLast(io);
        } else {
            dispatch(io);
        }
    }

    /** Begins or ends to limit what goes to the device; with null, what waited passes. */
    void limit(Qos limits) {
        if (closed) {
            return;
        }
        QosQueue old = qos;
        try {
            qos = limits == null ? null : new QosQueue(limits, context, this::pastLimits);
        } catch (SpdkException.Closed exiting) {
            return; // what its thread still does is little
        }
        updateGate();
        if (old != null) {
            old.end();
        }
    }

    private void dispatch(IoRequest io) {
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

    // ---- on the way up

    @Override
    public boolean completed(IoRequest io, int status) {
        if (!left(io, status)) {
            return false;
        }
        statistics.count(io.type(), io.lengthBytes(), status, context.nanoTime() - io.submitNanos());
        return true;
    }

    /** An I/O or a step leaves the device, or what it waited in here. False if it stays, for want of memory. */
    private boolean left(IoRequest io, int status) {
        if (io.inDevice()) {
            io.inDevice(false);
            inDevice--;
            if (status == -Errno.ENOMEM) {
                refused(io);
                return false;
            }
        }
        if (gated) {
            aborting.remove(io);
            moveOn();
        }
        return true;
    }

    private void moveOn() {
        retry();
        checkQuiet();
        updateGate();
    }

    private void updateGate() {
        gated =
                !locks.isEmpty()
                        || !noMemory.isEmpty()
                        || !waitingForQuiet.isEmpty()
                        || !aborting.isEmpty()
                        || qos != null;
    }

    // ---- waiting for the device's resources

    private void refused(IoRequest io) {
        boolean retried = refused == io;
        if (retried) {
            refused = null;
        }
        if (aborting.remove(io)) {
            io.complete(IoStatus.ABORTED);
            moveOn();
            return;
        }
        if (retried) {
            noMemory.addFirst(io);
        } else {
            noMemory.addLast(io);
        }
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
                        moveOn();
                    });
        }
    }

    /**
     * In order, and up to the first that the device refuses again: to try all that wait was quadratic. A device that
     * refuses later and not at once is spared as well: no more than so many are tried at a time.
     */
    private void retry() {
        for (int left = RETRIES_AT_ONCE; left > 0 && refused == null && !noMemory.isEmpty(); left--) {
            IoRequest io = noMemory.pollFirst();
            dispatch(io);
            if (io.hasCompleted(-Errno.ENOMEM)) {
                refused = io;
            }
        }
    }

    // ---- range locks

    /** Whether an I/O has to wait; it is then kept here. During a reset it is aborted, as in SPDK. */
    private boolean mustWait(IoRequest io) {
        for (RangeLock lock : locks) {
            if (lock.keepsOut(io)) {
                // A reset that has ended is only here until this channel looks again.
                if (lock.everything() && bdev.rangeLocks().list().contains(lock)) {
                    io.complete(IoStatus.ABORTED);
                } else {
                    keptOut.addLast(io);
                }
                return true;
            }
        }
        return false;
    }

    /** Takes part in the device's range locks. Nothing is in the device yet that they could keep out. */
    void join() {
        thread.opened(this);
        locks = bdev.rangeLocks().join(this);
        latestLock = locks.isEmpty() ? 0 : locks.getLast().number;
        updateGate();
    }

    /**
     * Takes over the range locks as they are now: keeps out what the new ones keep out, and lets in what the ended ones
     * did. May come back here from inside: the fields are right before anything is called.
     */
    void look() {
        List<RangeLock> now = bdev.rangeLocks().list();
        int known = 0;
        boolean aborts = false;
        for (RangeLock lock : now) {
            if (lock.number <= latestLock) {
                known++;
            } else {
                latestLock = lock.number;
                waitingForQuiet.add(lock);
                aborts |= lock.everything();
            }
        }
        boolean someEnded = known < locks.size();
        locks = now;
        if (someEnded) {
            waitingForQuiet.retainAll(now);
        }
        gated = true;
        if (aborts) {
            abortAll();
        }
        checkQuiet();
        if (someEnded) {
            letIn();
        }
        updateGate();
    }

    private void letIn() {
        for (int due = keptOut.size(); due > 0 && !keptOut.isEmpty(); due--) {
            IoRequest io = keptOut.pollFirst();
            if (io.channel() == lane) {
                lane.submit(io);
            } else {
                submit(io);
            }
        }
    }

    private void checkQuiet() {
        // What is told may come back here and change the list.
        for (RangeLock lock : List.copyOf(waitingForQuiet)) {
            if (!isBusy(lock) && waitingForQuiet.remove(lock)) {
                bdev.rangeLocks().quiet(lock, this);
            }
        }
    }

    private boolean isBusy(RangeLock lock) {
        boolean limited = qos != null && !qos.isEmpty();
        if (lock.everything() || (inDevice == 0 && noMemory.isEmpty() && !limited)) {
            return inDevice > 0 || !noMemory.isEmpty() || limited;
        }
        if (limited && qos.anyMatch(lock::keepsOut)) {
            return true;
        }
        boolean[] busy = {noMemory.stream().anyMatch(lock::keepsOut)};
        if (!busy[0]) {
            context.forEachOutstanding(io -> busy[0] |= isHere(io) && io.inDevice() && lock.keepsOut(io));
        }
        return busy[0];
    }

    private boolean isHere(IoRequest io) {
        EngineChannel at = io.channel();
        return at == this || at == lane || (io.isRedirected() && at instanceof Above above && above.below() == this);
    }

    /** A channel that hands its I/Os on to another one as they are, redirected. */
    public interface Above extends EngineChannel {
        /**
         * Where it hands them on to.
         *
         * @return the channel below
         */
        EmbeddedChannel below();
    }

    // ---- abort

    @Override
    public void abort(IoRequest io) {
        if (noMemory.remove(io) || keptOut.remove(io) || (qos != null && qos.remove(io))) {
            io.complete(IoStatus.ABORTED);
        } else if (io.inDevice()) {
            aborting.add(io);
            gated = true;
            // Else it is on its way up, perhaps for want of memory.
            if (!io.hasCompleted()) {
                abortInDevice(io);
            }
        } else if (!io.hasCompleted()) {
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
        } catch (Throwable e) {
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
            closed = true;
            if (qos != null) {
                qos.close();
            }
            end();
            try {
                device.close();
            } catch (Throwable e) {
                // The descriptor still has to be let go of.
                context.report(e);
            }
        }
    }

    /** Its thread exits with I/O outstanding that the device keeps. */
    void giveUp() {
        end();
    }

    private void end() {
        if (thread.closed(this)) {
            bdev.channelClosed(this);
            bdev.statistics().channelClosed(statistics);
            bdev.rangeLocks().leave(this);
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
            toDevice(io);
        }

        @Override
        public void abort(IoRequest io) {
            EmbeddedChannel.this.abort(io);
        }

        @Override
        public boolean completed(IoRequest io, int status) {
            return left(io, status);
        }

        @Override
        public void close() {}
    }
}
