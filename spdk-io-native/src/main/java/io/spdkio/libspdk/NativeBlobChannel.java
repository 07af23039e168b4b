package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoRequest;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;

/** A thread's way to a blob: writes I/O into the thread's ring. SPDK's channels are of stores, and shared. */
final class NativeBlobChannel implements EngineChannel {
    private final NativeBlobstore store;
    private final NativeThread thread;
    private final BdevRing ring;
    private final MemorySegment spdkChannel;
    private final long blob;
    private final long address;
    private final BufferRules buffers;

    NativeBlobChannel(NativeBlobstore store, NativeThread thread, MemorySegment blob, MemorySegment spdkChannel) {
        this.store = store;
        this.thread = thread;
        this.ring = thread.ring();
        this.blob = blob.address();
        this.spdkChannel = spdkChannel;
        this.address = spdkChannel.address();
        this.buffers = new BufferRules(store.bdev().geometry(), store.alignmentBytes());
    }

    NativeThread thread() {
        return thread;
    }

    @Override
    public void submit(IoRequest io) {
        if (store.isCutOff()) {
            io.complete(-Errno.ENODEV);
            return;
        }
        if (io.type().modifies() && store.hasFailed()) {
            io.complete(-Errno.EIO);
            return;
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
        ring.submit(operation, slot, blob, address, buffer, io.offsetBlocks(), io.blockCount(), vectors, 0, 0);
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
        if (!io.hasCompleted()) {
            thread.abortBlobIo(io.id());
        }
    }

    @Override
    public void close() {
        thread.as(() -> {
            BlobH.spdk_bs_free_io_channel(spdkChannel);
            return null;
        });
        store.channelClosed(this);
    }
}
