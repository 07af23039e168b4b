package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.ChannelStatistics;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.raw.ThreadH;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A thread's struct spdk_io_channel: writes I/O into the thread's ring. */
final class NativeChannel implements EngineChannel {
    /** SPDK's own buffers, which it compares in, hold this much and a little more. */
    static final int SMALL_COMPARE_BYTES = 64 << 10;

    private final NativeDesc opener;
    private final NativeBdev bdev;
    private final NativeThread thread;
    private final IoContext context;
    private final BdevRing ring;
    private final MemorySegment spdkChannel;
    private final long desc;
    private final long address;
    private final ChannelStatistics statistics;
    private final BufferRules buffers;

    /** How many aborts and resets of the engine's own are outstanding. */
    private int own;

    /** The aborts among them. */
    private final List<NativeThread.OwnIo> aborts = new ArrayList<>();

    /** The reset by which the engine ends them, while it is outstanding. */
    private NativeThread.OwnIo endingReset;

    /** How many ranges SPDK has locked, or soon will, for operations of this channel. */
    private final AtomicInteger lockedRanges = new AtomicInteger();

    /** Whether it has been told that the device goes away. Written on its thread. */
    private volatile boolean ending;

    private boolean closing;

    NativeChannel(
            NativeDesc opener, NativeBdev bdev, NativeThread thread, MemorySegment desc, MemorySegment spdkChannel) {
        this.opener = opener;
        this.bdev = bdev;
        this.thread = thread;
        this.context = thread.context();
        this.ring = thread.ring();
        this.desc = desc.address();
        this.spdkChannel = spdkChannel;
        this.address = spdkChannel.address();
        this.buffers = new BufferRules(bdev.geometry(), 1);
        this.statistics = bdev.statistics().channelOpened();
    }

    IoContext context() {
        return context;
    }

    @Override
    public void submit(IoRequest io) {
        int slot = thread.slotOf(io);
        switch (io.type()) {
            case READ -> data(io, slot, BdevRing.READ, BdevRing.READV);
            case WRITE -> data(io, slot, BdevRing.WRITE, BdevRing.WRITEV);
            case COMPARE -> {
                if (bdev.emulatesCompare() && io.lengthBytes() > SMALL_COMPARE_BYTES) {
                    copied(io, slot, BdevRing.READ);
                } else {
                    data(io, slot, BdevRing.COMPARE, BdevRing.COMPAREV);
                }
            }
            case COMPARE_AND_WRITE -> {
                lockedRanges.incrementAndGet();
                ring.submit(
                        BdevRing.COMPARE_AND_WRITE,
                        slot,
                        desc,
                        address,
                        io.data().address() + io.dataOffset(),
                        io.offsetBlocks(),
                        io.blockCount(),
                        0,
                        0,
                        io.writeSegment().address());
            }
            case COPY ->
                    ring.submit(
                            BdevRing.COPY,
                            slot,
                            desc,
                            address,
                            0,
                            io.offsetBlocks(),
                            io.blockCount(),
                            0,
                            0,
                            io.sourceOffsetBlocks());
            case WRITE_ZEROES -> plain(io, slot, BdevRing.WRITE_ZEROES);
            case UNMAP -> plain(io, slot, BdevRing.UNMAP);
            case FLUSH -> plain(io, slot, BdevRing.FLUSH);
            case RESET -> plain(io, slot, BdevRing.RESET);
            case ABORT -> throw new IllegalStateException("an abort is a call, not an I/O");
        }
    }

    private void data(IoRequest io, int slot, int single, int vectored) {
        if (buffers.areAwkward(io)) {
            copied(io, slot, io.type() == IoType.COMPARE ? BdevRing.READ : single);
        } else if (io.segmentCount() == 1) {
            ring.submit(
                    single,
                    slot,
                    desc,
                    address,
                    io.data().address() + io.dataOffset(),
                    io.offsetBlocks(),
                    io.blockCount());
        } else {
            ring.submit(
                    vectored,
                    slot,
                    desc,
                    address,
                    thread.vectorsOf(io),
                    io.offsetBlocks(),
                    io.blockCount(),
                    io.segmentCount(),
                    0,
                    0);
        }
    }

    /** Does it with a buffer of SPDK's liking, to or from which the data are copied. */
    private void copied(IoRequest io, int slot, int operation) {
        MemorySegment copy = thread.copyFor(io, slot, buffers.alignmentBytes());
        if (copy == null) {
            io.complete(-Errno.ENOMEM);
            return;
        }
        if (operation == BdevRing.WRITE) {
            io.copyTo(copy, 0);
        }
        ring.submit(operation, slot, desc, address, copy.address(), io.offsetBlocks(), io.blockCount());
    }

    private void plain(IoRequest io, int slot, int operation) {
        ring.submit(operation, slot, desc, address, 0, io.offsetBlocks(), io.blockCount());
    }

    @Override
    public String toString() {
        return "bdev '" + bdev.name() + "'";
    }

    @Override
    public void abort(IoRequest io) {
        if (!io.hasCompleted() && aborts.stream().noneMatch(abort -> abort.target() == io)) {
            aborts.add(thread.abort(io, this));
            if (!bdev.abortsReach()) {
                abortDoesNotReach();
            }
        }
    }

    /** Whether SPDK may be asked to abort I/O on it. */
    boolean abortsReach() {
        return bdev.abortsReach();
    }

    /** Ends everything of this channel, because the device is going away. On its thread. */
    void endAll() {
        ending = true;
        abortAll();
    }

    /** Whether no operation of this channel locks a range, or will. Any thread. */
    boolean locksNothing() {
        return (ending || context.thread().state() == SpdkThread.State.EXITED) && lockedRanges.get() == 0;
    }

    private void abortAll() {
        context.forEachOutstanding(io -> {
            if (io.channel() == this && io.type() != IoType.RESET) {
                abort(io);
            }
        });
    }

    /**
     * An I/O that no abort finds, such as one that an error device keeps, is ended by a reset when it must end: the
     * device was removed, or the thread exits. What the device keeps after that takes another.
     */
    void abortDoesNotReach() {
        boolean mustEnd = bdev.isRemoved() || context.thread().state() != SpdkThread.State.RUNNING;
        if (mustEnd && !aborts.isEmpty() && endingReset == null) {
            endingReset = thread.reset(this);
        }
    }

    @Override
    public boolean completed(IoRequest io, int status) {
        if (own != 0) {
            forgetAborts(io);
        }
        if (io.type() == IoType.COMPARE_AND_WRITE) {
            lockedRanges.decrementAndGet();
        }
        statistics.count(io.type(), io.lengthBytes(), status, context.nanoTime() - io.submitNanos());
        return true;
    }

    /** The engine has submitted an abort or a reset, which also needs the channel and the descriptor. */
    void ownBegan() {
        own++;
    }

    private void forgetAborts(IoRequest io) {
        for (int i = aborts.size() - 1; i >= 0; i--) {
            NativeThread.OwnIo abort = aborts.get(i);
            if (abort.target() == io) {
                abort.targetEnded();
                return;
            }
        }
    }

    long descAddress() {
        return desc;
    }

    long channelAddress() {
        return address;
    }

    void ownEnded(NativeThread.OwnIo ended) {
        aborts.remove(ended);
        if (ended == endingReset) {
            endingReset = null;
        }
        if (--own == 0 && closing) {
            letGo();
        }
    }

    @Override
    public void close() {
        bdev.channelClosed(this);
        bdev.statistics().channelClosed(statistics);
        closing = true;
        if (own == 0) {
            letGo();
        }
    }

    private void letGo() {
        thread.as(() -> {
            ThreadH.spdk_put_io_channel(spdkChannel);
            return null;
        });
        opener.channelClosed();
    }
}
