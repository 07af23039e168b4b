package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** A thread's way to a blob: writes I/O into the thread's ring. SPDK's channels are of stores, and shared. */
final class NativeBlobChannel implements EngineChannel {
    private final NativeBlobstore store;
    private final NativeThread thread;
    private final BdevRing ring;
    private final MemorySegment spdkChannel;
    private final NativeBlob blob;
    private final long struct;
    private final long address;
    private final BufferRules buffers;
    private final BlobGate gate;

    /** Null but on the metadata thread. */
    private final BlobGate copies;

    /** How many operations hold it back. */
    private int holds;

    private final ArrayDeque<IoRequest> held = new ArrayDeque<>();

    /** How many I/Os are with blobstore, or have completed and are not handed out yet. */
    private int outstanding;

    /** Who waits for there being none. */
    private final List<Runnable> whenQuiet = new ArrayList<>();

    NativeBlobChannel(
            NativeBlobstore store, NativeThread thread, NativeBlob blob, MemorySegment spdkChannel, BlobGate gate) {
        this.store = store;
        this.thread = thread;
        this.ring = thread.ring();
        this.blob = blob;
        this.struct = blob.struct().address();
        this.spdkChannel = spdkChannel;
        this.address = spdkChannel.address();
        this.buffers = new BufferRules(store.bdev().geometry(), store.alignmentBytes());
        this.gate = gate;
        this.copies = thread == store.thread() ? store.exclusion().copies() : null;
        this.holds = gate.join(this) + (copies == null ? 0 : copies.join(this));
    }

    NativeThread thread() {
        return thread;
    }

    // ---- being held back

    /** Runs something on its thread, or something else when that has exited. Any thread. */
    void run(Runnable action, Runnable otherwise) {
        if (thread.context().isCurrent()) {
            action.run();
        } else if (!thread.context().post(action)) {
            otherwise.run();
        }
    }

    /** Keeps what is submitted from now on; tells when nothing is under way. On its thread, as all below. */
    void hold(Runnable quiet) {
        holds++;
        if (outstanding == 0) {
            quiet.run();
        } else {
            whenQuiet.add(quiet);
        }
    }

    void release() {
        if (--holds == 0) {
            List<IoRequest> kept = List.copyOf(held);
            held.clear();
            kept.forEach(this::hand);
        }
    }

    @Override
    public boolean completed(IoRequest io, int status) {
        if (--outstanding == 0 && !whenQuiet.isEmpty()) {
            List<Runnable> waiting = List.copyOf(whenQuiet);
            whenQuiet.clear();
            waiting.forEach(Runnable::run);
        }
        return true;
    }

    // ---- I/O

    @Override
    public void submit(IoRequest io) {
        if (holds != 0) {
            held.addLast(io);
        } else {
            hand(io);
        }
    }

    private void hand(IoRequest io) {
        outstanding++;
        if (store.isCutOff()) {
            io.complete(-Errno.ENODEV);
            return;
        }
        if (io.type().modifies() && store.mayRefuseWrites()) {
            if (store.hasFailed()) {
                io.complete(-Errno.EIO);
                return;
            }
            if (store.lacksPagesFor(blob, io)) {
                io.complete(-Errno.ENOSPC);
                return;
            }
        }
        int slot = thread.slotOf(io);
        switch (io.type()) {
            case READ -> data(io, slot, BdevRing.BLOB_READ, BdevRing.BLOB_READV);
            case WRITE -> data(io, slot, BdevRing.BLOB_WRITE, BdevRing.BLOB_WRITEV);
            case WRITE_ZEROES -> ring(BdevRing.BLOB_WRITE_ZEROES, slot, 0, io, 0);
            case UNMAP -> ring(BdevRing.BLOB_UNMAP, slot, 0, io, 0);
            case FLUSH, RESET, COMPARE, COMPARE_AND_WRITE, COPY, ABORT -> io.complete(-Errno.EOPNOTSUPP);
        }
    }

    private void data(IoRequest io, int slot, int single, int vectored) {
        if (buffers.areAwkward(io)) {
            MemorySegment copy = thread.copyFor(io, slot, buffers.alignmentBytes());
            if (copy == null) {
                io.complete(-Errno.ENOMEM);
                return;
            }
            if (io.type() == IoType.WRITE) {
                io.copyTo(copy, 0);
            }
            ring(single, slot, copy.address(), io, 0);
        } else if (io.segmentCount() == 1) {
            ring(single, slot, io.data().address() + io.dataOffset(), io, 0);
        } else {
            ring(vectored, slot, thread.vectorsOf(io), io, io.segmentCount());
        }
    }

    private void ring(int operation, int slot, long buffer, IoRequest io, int vectors) {
        ring.submit(operation, slot, struct, address, buffer, io.offsetBlocks(), io.blockCount(), vectors, 0, 0);
    }

    /**
     * What the user hears. What was written while the device was taken away may have gone nowhere, and what was written
     * when metadata could not be may have gone to clusters that are not the blob's.
     */
    int result(IoRequest io, int status) {
        if (status != 0 || !io.type().modifies()) {
            return status;
        }
        return store.isCutOff() ? -Errno.ENODEV : store.hasFailed() ? -Errno.EIO : 0;
    }

    @Override
    public void abort(IoRequest io) {
        if (held.remove(io)) {
            outstanding++;
            io.complete(IoStatus.ABORTED);
        } else if (!io.hasCompleted()) {
            thread.abortBlobIo(io.id());
        }
    }

    @Override
    public void close() {
        gate.leave(this);
        if (copies != null) {
            copies.leave(this);
        }
        thread.as(() -> {
            BlobH.spdk_bs_free_io_channel(spdkChannel);
            return null;
        });
        store.channels().closed(this);
    }
}
