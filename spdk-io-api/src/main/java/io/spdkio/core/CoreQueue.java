package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import java.time.Duration;

/** The queue: as many requests as slots, and a stack of the free ones. */
final class CoreQueue implements IoQueue {
    private static final Duration DEADLINE_CHECK = Duration.ofMillis(1);
    private static final int MAX_DEPTH = 65_536;

    private final IoPort channel;
    private final CoreThread thread;
    private final Handler handler;
    private final Slot[] slots;
    private final int[] free;
    private final CorePoller deadlineCheck;
    private int freeCount;
    private boolean closed;

    CoreQueue(IoPort channel, int depth, Duration deadline, Handler handler) {
        if (depth < 1 || depth > MAX_DEPTH) {
            throw new IllegalArgumentException("a queue has 1 to " + MAX_DEPTH + " slots, not " + depth);
        }
        if (deadline.isNegative()) {
            throw new IllegalArgumentException("a deadline is not negative: " + deadline);
        }
        this.channel = channel;
        this.thread = channel.thread();
        this.handler = handler;
        this.slots = new Slot[depth];
        this.free = new int[depth];
        for (int i = 0; i < depth; i++) {
            slots[i] = new Slot(i);
            free[i] = depth - 1 - i;
        }
        freeCount = depth;
        long limitNanos = deadline.toNanos();
        deadlineCheck =
                limitNanos == 0 ? null : thread.every("queue deadlines", DEADLINE_CHECK, () -> abortLate(limitNanos));
    }

    private int abortLate(long limitNanos) {
        int aborted = 0;
        long now = thread.nanoTime();
        for (Slot slot : slots) {
            if (slot.isOutstanding() && !slot.late && now - slot.submitNanos() > limitNanos) {
                slot.late = true;
                slot.abort();
                aborted++;
            }
        }
        return aborted;
    }

    @Override
    public int depth() {
        return slots.length;
    }

    @Override
    public int outstanding() {
        return slots.length - freeCount;
    }

    /** The next free slot, still on the stack; null when there is none. */
    private Slot next() {
        if (closed || freeCount == 0) {
            channel.checkUsable(IoType.READ);
            if (closed) {
                throw new SpdkException.Closed("the queue is closed; open another");
            }
            return null;
        }
        return slots[free[freeCount - 1]];
    }

    private boolean submit(Slot slot, long cookie) {
        freeCount--;
        slot.cookie = cookie;
        slot.late = false;
        slot.submit();
        return true;
    }

    private boolean submit(IoType type, DmaBuf buffer, long offset, long length, long cookie) {
        Slot slot = next();
        if (slot == null) {
            return false;
        }
        slot.describe(channel, type, buffer, offset, length);
        return submit(slot, cookie);
    }

    private static DmaBuf required(DmaBuf buffer) {
        if (buffer == null) {
            throw new NullPointerException("buffer");
        }
        return buffer;
    }

    @Override
    public boolean read(DmaBuf buffer, long offset, long length, long cookie) {
        return submit(IoType.READ, required(buffer), offset, length, cookie);
    }

    @Override
    public boolean write(DmaBuf buffer, long offset, long length, long cookie) {
        return submit(IoType.WRITE, required(buffer), offset, length, cookie);
    }

    @Override
    public boolean readv(DmaBuf[] buffers, long offset, long cookie) {
        return vectored(IoType.READ, buffers, offset, cookie);
    }

    @Override
    public boolean writev(DmaBuf[] buffers, long offset, long cookie) {
        return vectored(IoType.WRITE, buffers, offset, cookie);
    }

    private boolean vectored(IoType type, DmaBuf[] buffers, long offset, long cookie) {
        Slot slot = next();
        if (slot == null) {
            return false;
        }
        slot.describe(channel, type, buffers, buffers.length, offset);
        return submit(slot, cookie);
    }

    @Override
    public boolean writeZeroes(long offset, long length, long cookie) {
        return submit(IoType.WRITE_ZEROES, null, offset, length, cookie);
    }

    @Override
    public boolean unmap(long offset, long length, long cookie) {
        return submit(IoType.UNMAP, null, offset, length, cookie);
    }

    @Override
    public boolean flush(long offset, long length, long cookie) {
        return submit(IoType.FLUSH, null, offset, length, cookie);
    }

    @Override
    public boolean reset(long cookie) {
        return submit(IoType.RESET, null, 0, 0, cookie);
    }

    @Override
    public boolean compare(DmaBuf buffer, long offset, long length, long cookie) {
        return submit(IoType.COMPARE, required(buffer), offset, length, cookie);
    }

    @Override
    public boolean compareAndWrite(DmaBuf compareBuffer, DmaBuf writeBuffer, long offset, long length, long cookie) {
        Slot slot = next();
        if (slot == null) {
            return false;
        }
        slot.describe(channel, IoType.COMPARE_AND_WRITE, required(compareBuffer), offset, length);
        slot.describeSecond(writeBuffer, length);
        return submit(slot, cookie);
    }

    @Override
    public boolean copy(long sourceOffset, long targetOffset, long length, long cookie) {
        Slot slot = next();
        if (slot == null) {
            return false;
        }
        slot.describe(channel, IoType.COPY, null, targetOffset, length);
        slot.describeSource(channel, sourceOffset);
        return submit(slot, cookie);
    }

    @Override
    public int abort(long cookie) {
        channel.checkUsable(IoType.ABORT);
        int found = 0;
        for (Slot slot : slots) {
            if (slot.isOutstanding() && slot.cookie == cookie) {
                found++;
                slot.abort();
            }
        }
        return found;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (thread.state() != io.spdkio.SpdkThread.State.EXITED) {
            thread.checkCurrent("the queue on " + channel.target());
        }
        closed = true;
        if (deadlineCheck != null) {
            deadlineCheck.cancel();
        }
        for (Slot slot : slots) {
            if (!slot.isOutstanding()) {
                slot.unregister();
            }
        }
    }

    /** One slot. */
    private final class Slot extends CoreRequest {
        private final int index;
        private long cookie;
        private boolean late;

        Slot(int index) {
            super(CoreQueue.this.thread);
            this.index = index;
        }

        @Override
        void finished(int status) {
            int result = late && status != 0 ? -Errno.ETIMEDOUT : status;
            long brought = cookie;
            free[freeCount++] = index;
            if (closed) {
                unregister();
            }
            try {
                handler.onComplete(brought, result);
            } catch (Throwable e) {
                thread.report(e);
            }
        }
    }
}
