package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.ChildIo;
import io.spdkio.embedded.EmbeddedChannel;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.spi.IoRequest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * A thread's channel to a blob. An I/O within an allocated cluster goes to the device below as it is, with its range
 * changed: nothing is allocated for it.
 */
final class EmbeddedBlobChannel implements EmbeddedChannel.Above {
    private final EmbeddedBlob blob;
    private final EmbeddedBlobstore store;
    private final EmbeddedThread thread;
    private final EmbeddedChannel below;
    private final long clusterBytes;
    private final int clusterShift;
    private final int blockSize;
    private final int blockShift;
    private final boolean unmaps;

    /** How often I/O is to wait. */
    private int frozen;

    private int outstanding;
    private final ArrayDeque<IoRequest> held = new ArrayDeque<>();
    private final List<Runnable> waitingForQuiet = new ArrayList<>();

    /** I/Os that wait for a cluster. */
    private final Set<IoRequest> waitingForCluster = new HashSet<>();

    private EmbeddedChannel backing;
    private BackingDevice backingDevice;

    EmbeddedBlobChannel(EmbeddedBlob blob, EmbeddedThread thread) {
        this.blob = blob;
        this.store = blob.store;
        this.thread = thread;
        this.below = store.openChannel(thread);
        this.clusterBytes = store.clusterSizeBytes();
        this.clusterShift = Long.bitCount(clusterBytes) == 1 ? Long.numberOfTrailingZeros(clusterBytes) : -1;
        this.blockSize = store.blockSize();
        this.blockShift = Integer.bitCount(blockSize) == 1 ? Integer.numberOfTrailingZeros(blockSize) : -1;
        this.unmaps = store.unmaps();
    }

    EmbeddedThread thread() {
        return thread;
    }

    @Override
    public EmbeddedChannel below() {
        return below;
    }

    // ---- on the way down

    @Override
    public void submit(IoRequest io) {
        if (frozen != 0) {
            held.addLast(io);
            return;
        }
        outstanding++;
        dispatch(io);
    }

    private void dispatch(IoRequest io) {
        long offset = io.offsetBytes();
        long index = clusterShift >= 0 ? offset >>> clusterShift : offset / clusterBytes;
        long within = offset - index * clusterBytes;
        ClusterMap map = blob.clusters;
        if (store.isRemoved() || offset + io.lengthBytes() > map.count() * clusterBytes) {
            io.complete(store.isRemoved() ? -Errno.ENODEV : -Errno.EINVAL);
            return;
        }
        if (within + io.lengthBytes() > clusterBytes) {
            new Pieces(io).start(clusterBytes - within);
            return;
        }
        int cluster = map.get(index);
        if (cluster != 0 && io.type() != IoType.UNMAP) {
            goBelow(io, cluster, within);
        } else {
            slow(io, index, within, cluster);
        }
    }

    private void goBelow(IoRequest io, int cluster, long within) {
        long at = (cluster & 0xffff_ffffL) * clusterBytes + within;
        if (blockShift >= 0) {
            io.redirect(at, at >>> blockShift, io.lengthBytes() >>> blockShift);
        } else {
            io.redirect(at, at / blockSize, io.lengthBytes() / blockSize);
        }
        below.submit(io);
    }

    private void slow(IoRequest io, long index, long within, int cluster) {
        switch (io.type()) {
            case READ -> readFromParent(io, index, within);
            case WRITE, WRITE_ZEROES -> allocate(io, index);
            case UNMAP -> unmap(io, index, within, cluster);
            case FLUSH, RESET, COMPARE, COMPARE_AND_WRITE, COPY, ABORT -> io.complete(-Errno.EOPNOTSUPP);
        }
    }

    private void readFromParent(IoRequest io, long index, long within) {
        EmbeddedBlob last = blob;
        for (EmbeddedBlob at = blob.parent; at != null; at = at.parent) {
            int cluster = at.clusters.get(index);
            if (cluster != 0) {
                goBelow(io, cluster, within);
                return;
            }
            if (index >= at.clusters.count()) {
                // The clone has become larger than its snapshot was.
                zero(io, 0);
                return;
            }
            last = at;
        }
        if (last.backing != null) {
            readFromBacking(io, last.backing);
        } else if (last.meta.isExternalClone()) {
            io.complete(-Errno.ENODEV);
        } else {
            zero(io, 0);
        }
    }

    /** Fills the I/O's memory with zeroes from a byte of it on, and completes it. */
    private static void zero(IoRequest io, long from) {
        long at = 0;
        for (int i = 0; i < io.segmentCount(); i++) {
            java.lang.foreign.MemorySegment piece = io.segment(i);
            long skip = Math.clamp(from - at, 0, piece.byteSize());
            piece.asSlice(skip).fill((byte) 0);
            at += piece.byteSize();
        }
        io.complete();
    }

    private void readFromBacking(IoRequest io, BackingDevice device) {
        long there = Math.clamp(device.sizeBytes() - io.offsetBytes(), 0, io.lengthBytes());
        if (there == 0) {
            zero(io, 0);
            return;
        }
        if (backing == null || backingDevice != device) {
            if (backing != null) {
                backing.close();
            }
            backing = device.device().openChannel(thread);
            backingDevice = device;
        }
        int size = device.blockSize();
        ChildIo read =
                thread.child(
                        io,
                        (_, status) -> {
                            if (status == 0 && there < io.lengthBytes()) {
                                zero(io, there);
                            } else {
                                io.complete(status);
                            }
                        });
        read.range(IoType.READ, io.offsetBytes() / size, there / size, size);
        read.slice(0, there);
        read.submit(backing);
    }

    private void allocate(IoRequest io, long index) {
        waitingForCluster.add(io);
        if (!store.onMdThread(new Allocation(io, index))) {
            waitingForCluster.remove(io);
            io.complete(-Errno.ECANCELED);
        }
    }

    /** An I/O's way to the metadata thread and back. */
    private final class Allocation implements Runnable, BiConsumer<Void, Throwable> {
        private final IoRequest io;
        private final long index;

        Allocation(IoRequest io, long index) {
            this.io = io;
            this.index = index;
        }

        @Override
        public void run() {
            Async.whenDone(store.allocate(blob, index), this);
        }

        @Override
        public void accept(Void nothing, Throwable problem) {
            if (thread.context().isCurrent()) {
                allocated(io, problem);
            } else {
                thread.context().post(() -> allocated(io, problem));
            }
        }
    }

    private void onOwnThread(Runnable task) {
        if (thread.context().isCurrent()) {
            task.run();
        } else {
            thread.context().post(task);
        }
    }

    private void allocated(IoRequest io, Throwable problem) {
        if (!waitingForCluster.remove(io)) {
            return; // it was aborted
        }
        if (problem == null) {
            dispatch(io);
        } else {
            io.complete(statusOf(problem));
        }
    }

    private static int statusOf(Throwable problem) {
        Throwable cause = Async.cause(problem);
        return cause instanceof SpdkException failure && failure.status() != 0 ? failure.status() : -Errno.EIO;
    }

    private void unmap(IoRequest io, long index, long within, int cluster) {
        if (cluster == 0) {
            io.complete();
            return;
        }
        if (io.lengthBytes() == clusterBytes && blob.isThin() && !blob.hasParent() && !blob.locked) {
            giveBack(io, index);
        } else if (unmaps) {
            goBelow(io, cluster, within);
        } else {
            io.complete();
        }
    }

    /** The metadata thread clears the cluster while no I/O is under way, this one does not count as such. */
    private void giveBack(IoRequest io, long index) {
        outstanding--;
        boolean asked =
                store.onMdThread(() ->
                        Async.whenDone(
                                store.release(blob, index),
                                (_, problem) ->
                                        onOwnThread(() -> {
                                            outstanding++;
                                            io.complete(problem == null ? 0 : statusOf(problem));
                                        })));
        if (asked) {
            tellIfQuiet();
        } else {
            outstanding++;
            io.complete(-Errno.ECANCELED);
        }
    }

    /** An I/O that touches several clusters. */
    private final class Pieces implements EmbeddedThread.ChildHandler {
        /** So many are outstanding at most. */
        private static final int MAX = 32;

        private final IoRequest whole;
        private final long unitBytes;
        private long done;
        private long next;
        private int under;
        private int status;
        private boolean starting;

        Pieces(IoRequest whole) {
            this.whole = whole;
            this.unitBytes = whole.lengthBytes() / whole.blockCount();
        }

        void start(long firstBytes) {
            // Its pieces count, and wait, by themselves.
            outstanding--;
            next = firstBytes;
            submit();
        }

        private void submit() {
            if (starting) {
                return;
            }
            starting = true;
            while (status == 0 && under < MAX && done < whole.lengthBytes()) {
                long length = Math.min(next, whole.lengthBytes() - done);
                ChildIo piece = thread.child(whole, this).piece(done / unitBytes, length / unitBytes);
                done += length;
                next = clusterBytes;
                under++;
                piece.submit(EmbeddedBlobChannel.this);
            }
            starting = false;
            if (under == 0) {
                outstanding++;
                whole.complete(status);
            }
        }

        @Override
        public void childDone(IoRequest parent, int result) {
            under--;
            if (status == 0) {
                status = result;
            }
            submit();
        }
    }

    // ---- on the way up

    @Override
    public boolean completed(IoRequest io, int status) {
        if (io.isRedirected()) {
            if (!below.completed(io, status)) {
                return false;
            }
            io.restore();
        }
        outstanding--;
        if (frozen != 0) {
            tellIfQuiet();
        }
        return true;
    }

    @Override
    public void abort(IoRequest io) {
        if (held.remove(io)) {
            outstanding++;
            io.complete(IoStatus.ABORTED);
        } else if (waitingForCluster.remove(io)) {
            io.complete(IoStatus.ABORTED);
        } else if (io.isRedirected()) {
            below.abort(io);
        } else if (!io.hasCompleted()) {
            thread.context()
                    .forEachOutstanding(other -> {
                        if (other instanceof ChildIo child && child.parent() == io) {
                            child.channel().abort(child);
                        }
                    });
        }
    }

    // ---- waiting

    /** It is made while I/O on the blob waits, so many times over. */
    void startFrozen(int times) {
        frozen = times;
    }

    /** I/O that comes from now on waits; {@code quiet} runs when none is under way. */
    void freeze(Runnable quiet) {
        frozen++;
        waitingForQuiet.add(quiet);
        tellIfQuiet();
    }

    private void tellIfQuiet() {
        if (outstanding == 0 && !waitingForQuiet.isEmpty()) {
            List<Runnable> due = List.copyOf(waitingForQuiet);
            waitingForQuiet.clear();
            due.forEach(Runnable::run);
        }
    }

    /** Nobody will let go of what waits. */
    void abandon() {
        frozen = 0;
        waitingForQuiet.clear();
        while (!held.isEmpty()) {
            outstanding++;
            held.pollFirst().complete(-Errno.ECANCELED);
        }
    }

    void unfreeze() {
        frozen--;
        while (frozen == 0 && !held.isEmpty()) {
            submit(held.pollFirst());
        }
    }

    @Override
    public void close() {
        blob.channelClosed(this);
        // Its thread may exit with somebody waiting for quiet, which it is now.
        frozen++;
        tellIfQuiet();
        if (backing != null) {
            backing.close();
        }
        store.channelClosed(below);
    }
}
