package io.spdkio.core;

import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** An I/O of a caller: holds the leases on its buffers from submit to completion, and its place in its port. */
abstract class CoreRequest extends IoRequest {
    protected final CoreThread thread;
    private IoPort port;
    private int leases;
    private Lease lease;
    private Lease secondLease;
    private CoreDmaBuf[] manyBuffers = {};

    CoreRequest(CoreThread thread) {
        super(thread.io());
        this.thread = thread;
    }

    /**
     * Describes what to do with at most one buffer. Throws if it can't be done; then nothing has changed that matters.
     */
    @SuppressWarnings("MemorySegmentReferenceEquality") // saves the store of the same reference
    final void describe(IoPort to, IoType op, DmaBuf buffer, long offset, long length) {
        describeRange(to, op, offset, length);
        leases = 0;
        if (buffer == null) {
            segmentCount = 0;
            return;
        }
        CoreDmaBuf memory = CoreDmaBuf.of(buffer);
        if (memory.sizeBytes < length) {
            throw new IllegalArgumentException(
                    "%s of %,d bytes with a buffer of %,d; pass one that is large enough"
                            .formatted(op.label(), length, memory.sizeBytes));
        }
        segmentCount = 1;
        if (data != memory.segment) {
            data = memory.segment;
        }
        dataOffset = 0;
        take(memory.lease);
    }

    final void describe(IoPort to, IoType op, DmaBuf[] buffers, int count, long offset) {
        if (count == 0) {
            throw new IllegalArgumentException(op.label() + "v needs at least one buffer");
        }
        long length = 0;
        for (int i = 0; i < count; i++) {
            length = Math.addExact(length, Objects.requireNonNull(buffers[i], "buffer").sizeBytes());
        }
        if (count == 1) {
            describe(to, op, buffers[0], offset, length);
            return;
        }
        describeRange(to, op, offset, length);
        leases = 0;
        if (manyBuffers.length < count) {
            manyBuffers = new CoreDmaBuf[count];
            segments = new MemorySegment[count];
        }
        segmentCount = count;
        for (int i = 0; i < count; i++) {
            CoreDmaBuf memory = CoreDmaBuf.of(buffers[i]);
            manyBuffers[i] = memory;
            segments[i] = memory.segment;
        }
        try {
            for (; leases < count; leases++) {
                manyBuffers[leases].lease.take(thread, this);
            }
        } catch (RuntimeException e) {
            giveLeasesBack();
            throw e;
        }
    }

    final void describeSecond(DmaBuf buffer, long length) {
        try {
            port.checkCompareAndWriteUnit(blockCount);
            CoreDmaBuf memory = CoreDmaBuf.of(buffer);
            if (memory.sizeBytes < length) {
                throw new IllegalArgumentException(
                        "%s of %,d bytes with a write buffer of %,d; pass one that is large enough"
                                .formatted(type.label(), length, memory.sizeBytes));
            }
            memory.lease.take(thread, this);
            secondLease = memory.lease;
            leases = 2;
            writeData = memory.segment;
        } catch (RuntimeException e) {
            giveLeasesBack();
            throw e;
        }
    }

    final void describeSource(IoPort to, long sourceOffset) {
        to.checkRange(IoType.COPY, sourceOffset, lengthBytes);
        sourceOffsetBlocks = sourceOffset / to.blockSize();
    }

    private void describeRange(IoPort to, IoType op, long offset, long length) {
        to.checkUsable(op);
        if (op != IoType.RESET) {
            to.checkRange(op, offset, length);
        }
        if (type != op) {
            type = op;
        }
        if (port != to) {
            port = to;
        }
        offsetBytes = offset;
        lengthBytes = length;
        int shift = to.blockShift();
        if (shift >= 0) {
            offsetBlocks = offset >> shift;
            blockCount = length >> shift;
        } else {
            offsetBlocks = offset / to.blockSize();
            blockCount = length / to.blockSize();
        }
    }

    private void take(Lease of) {
        of.take(thread, this);
        if (lease != of) {
            lease = of;
        }
        leases = 1;
    }

    final void giveLeasesBack() {
        int held = leases;
        leases = 0;
        if (held == 0) {
            return;
        }
        if (segmentCount > 1) {
            for (int i = 0; i < held; i++) {
                manyBuffers[i].lease.giveBack(thread);
            }
            return;
        }
        lease.giveBack(thread);
        if (held == 2) {
            secondLease.giveBack(thread);
        }
    }

    /** Hands it to the device; or ends it, in a later poll, with what is wrong with the device. */
    final void submit() {
        IoPort to = port;
        int refused = to.refusal(type);
        to.began();
        if (refused != 0) {
            channel = null;
            begin();
            complete(refused);
            return;
        }
        EngineChannel engine = to.engineChannel();
        if (channel != engine) {
            channel = engine;
        }
        begin();
        engine.submit(this);
    }

    @Override
    protected final void onComplete(int result) {
        giveLeasesBack();
        port.ended();
        finished(result);
    }

    /** Told that it has completed; its leases are given back. */
    abstract void finished(int result);

    /** Asks the device to abort it. */
    final void abort() {
        if (isOutstanding() && channel != null) {
            channel.abort(this);
        }
    }

    final IoPort port() {
        return port;
    }

    /** What it does, for a message. */
    final String described() {
        IoPort on = port;
        return (type == IoType.RESET ? "reset" : this.toString()) + (on == null ? "" : " on " + on.target());
    }
}
