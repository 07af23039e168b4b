package io.spdkio.sys;

import static io.spdkio.sys.Memory.getInt;
import static io.spdkio.sys.Memory.getLong;
import static io.spdkio.sys.Memory.setInt;
import static io.spdkio.sys.Memory.setLong;

import java.util.Arrays;

/**
 * Block I/O in batches: {@code submit…} notes entries, {@link #poll} copies them into memory that C reads and is the
 * one call into C, and {@link #drain} reads what has completed. Nothing is allocated, and no call is made for a single
 * I/O.
 *
 * <p>An I/O is named by its slot, from 0. A slot is free until it is submitted, and again when its completion is handed
 * out; who uses the ring keeps track of that. Each submission leads to exactly one completion, never before the next
 * {@link #poll}. When SPDK has no memory for an I/O, it waits inside the ring until there is.
 *
 * <p>Raw: addresses are taken as they are, and memory must stay until completion. All methods belong on the OS thread
 * that carries the SPDK thread.
 */
public final class BdevRing implements AutoCloseable {
    /** Does nothing, successfully. */
    public static final int NOP = 0;

    /** {@code spdk_bdev_read_blocks}. */
    public static final int READ = 1;

    /** {@code spdk_bdev_write_blocks}. */
    public static final int WRITE = 2;

    /** {@code spdk_bdev_readv_blocks}: the buffer is an array of struct iovec. */
    public static final int READV = 3;

    /** {@code spdk_bdev_writev_blocks}: the buffer is an array of struct iovec. */
    public static final int WRITEV = 4;

    /** {@code spdk_bdev_write_zeroes_blocks}. */
    public static final int WRITE_ZEROES = 5;

    /** {@code spdk_bdev_unmap_blocks}. */
    public static final int UNMAP = 6;

    /** {@code spdk_bdev_flush_blocks}. */
    public static final int FLUSH = 7;

    /** {@code spdk_bdev_reset}. */
    public static final int RESET = 8;

    /** {@code spdk_bdev_compare_blocks}. */
    public static final int COMPARE = 9;

    /** {@code spdk_bdev_comparev_blocks}: the buffer is an array of struct iovec. */
    public static final int COMPAREV = 10;

    /** {@code spdk_bdev_comparev_and_writev_blocks} with one buffer each; the one to write is {@code extra}. */
    public static final int COMPARE_AND_WRITE = 11;

    /** {@code spdk_bdev_comparev_and_writev_blocks}; {@code extra} and {@code target} are the vectors to write. */
    public static final int COMPAREV_AND_WRITEV = 12;

    /** {@code spdk_bdev_copy_blocks}; {@code extra} is the first block of the source. */
    public static final int COPY = 13;

    /**
     * {@code spdk_bdev_abort} of the I/O in the slot {@code target}, which is not used again before the abort has
     * completed. What waits for memory is aborted at once.
     */
    public static final int ABORT = 14;

    /**
     * {@code spdk_blob_io_read}. Of a blob: {@code desc} is the struct spdk_blob, {@code channel} one of
     * spdk_bs_alloc_io_channel, the range is in io units, and a failure is {@code -errno}. An operation that finds the
     * channel's requests used up waits while others of this ring are under way, and fails with {@code -ENOMEM}
     * otherwise.
     */
    public static final int BLOB_READ = 16;

    /** {@code spdk_blob_io_write}; see {@link #BLOB_READ}. */
    public static final int BLOB_WRITE = 17;

    /** {@code spdk_blob_io_readv}; see {@link #BLOB_READ}. The buffer is an array of struct iovec. */
    public static final int BLOB_READV = 18;

    /** {@code spdk_blob_io_writev}; see {@link #BLOB_READ}. The buffer is an array of struct iovec. */
    public static final int BLOB_WRITEV = 19;

    /** {@code spdk_blob_io_write_zeroes}; see {@link #BLOB_READ}. */
    public static final int BLOB_WRITE_ZEROES = 20;

    /** {@code spdk_blob_io_unmap}; see {@link #BLOB_READ}. */
    public static final int BLOB_UNMAP = 21;

    /**
     * Aborts the operation on a blob in the slot {@code target}, as {@link #ABORT} does; {@code desc} and {@code
     * channel} are not looked at. Reaches what a {@link StoreDevice} does for it on this thread, as far as the bdev
     * aborts; what waits for blobstore ends when its turn comes.
     */
    public static final int BLOB_ABORT = 22;

    /** Takes completions. */
    @FunctionalInterface
    public interface Completions {
        /**
         * Told of one; the slot is free already.
         *
         * @param slot the slot
         * @param status 0, {@code -errno}, or an NVMe status as {@code statusCodeType << 8 | statusCode}
         */
        void complete(int slot, int status);
    }

    private static final int SQE_SHIFT = 6;
    private static final int SQE_LONGS = 8;
    private static final int CQE_SHIFT = 3;
    private static final long MASK = 0;
    private static final long SQ_HEAD = 4;
    private static final long SQ_TAIL = 8;
    private static final long CQ_HEAD = 12;
    private static final long CQ_TAIL = 16;
    private static final long WAITING = 20;
    private static final long BUSY = 24;
    private static final long SQ = 32;
    private static final long CQ = 40;
    private static final long REQUESTS = 48;
    private static final long ANSWERS = 56;
    private static final long REQUEST_ENTRIES = 64;
    private static final long REQUEST_HEAD = 68;
    private static final long REQUEST_TAIL = 72;
    private static final long ANSWER_HEAD = 76;
    private static final long ANSWER_TAIL = 80;
    private static final long UNANSWERED = 84;
    private static final long TICKS = 88;
    private static final int REQUEST_SHIFT = 6;
    private static final int ANSWER_SHIFT = 4;
    private static final int CHANNEL_CREATED = 32;
    private static final int CHANNEL_DESTROYED = 33;
    private static final int DESTRUCT = 34;
    private static final int GONE = 35;

    private final long address;
    private long sq;
    private long cq;
    private int mask;

    /**
     * The submissions since the last poll, as they will be copied into the ring. Stores into an array are all that the
     * JIT has to inline where a handler submits, which is so deep that access to other memory no longer is: a null read
     * took 77 ns in one run and 105 in the next.
     */
    private long[] submitted;

    private int submittedCount;
    private int cqHead;
    private int requestHead;
    private int answerTail;
    private boolean closed;

    /**
     * Makes a ring; loads the library if need be.
     *
     * @param slots how many I/O may be outstanding
     * @throws NativeException when there is no memory for it
     */
    public BdevRing(int slots) {
        if (slots <= 0 || slots > 1 << 20) {
            throw new IllegalArgumentException("a ring has 1 to 1048576 slots, not " + slots);
        }
        address = Bridge.ringCreate(slots);
        if (address == 0) {
            throw new NativeException("no memory for a ring of " + slots + " slots");
        }
        map();
    }

    private void map() {
        mask = getInt(address + MASK);
        sq = getLong(address + SQ);
        cq = getLong(address + CQ);
        int longs = (mask + 1) * SQE_LONGS;
        submitted = submitted == null ? new long[longs] : Arrays.copyOf(submitted, longs);
    }

    /**
     * How many slots there are.
     *
     * @return at least what was asked for
     */
    public int slots() {
        return mask + 1;
    }

    /**
     * Makes room for more. What is outstanding stays so.
     *
     * @param slots how many I/O may be outstanding
     * @throws NativeException when there is no memory for it; the ring is as it was
     */
    public void grow(int slots) {
        ensureOpen();
        setInt(address + CQ_HEAD, cqHead);
        if (slots > 1 << 20 || Bridge.ringGrow(address, slots) != 0) {
            throw new NativeException("no memory for a ring of " + slots + " slots");
        }
        map();
    }

    /**
     * Makes this the ring of an SPDK thread, which C then finds from that thread. Needed where SPDK calls for Java to
     * do I/O, and harmless elsewhere. Ends with {@link #detach} or {@link #close}, before the thread is destroyed.
     *
     * @param thread address of the struct spdk_thread
     * @throws NativeException when the thread has another ring, this ring another thread, or {@link SpdkThreads#init}
     *     was not called
     */
    public void attach(long thread) {
        ensureOpen();
        int rc = Bridge.ringAttach(address, thread);
        if (rc != 0) {
            throw new NativeException(
                    rc == SpdkThreads.ENOTSUP
                            ? "a ring cannot be attached to a thread before SpdkThreads.init"
                            : "the thread has a ring, or the ring a thread; detach first");
        }
    }

    /** Ends what {@link #attach} began. Without a thread it does nothing. */
    public void detach() {
        ensureOpen();
        Bridge.ringDetach(address);
    }

    /**
     * Submits a read, write or other operation on one buffer.
     *
     * @param operation one of the constants
     * @param slot a free slot
     * @param desc address of the struct spdk_bdev_desc
     * @param channel address of the struct spdk_io_channel, of this thread
     * @param buffer address of the data; 0 where the operation has none
     * @param offsetBlocks first block
     * @param blockCount number of blocks
     */
    public void submit(
            int operation, int slot, long desc, long channel, long buffer, long offsetBlocks, long blockCount) {
        submit(operation, slot, desc, channel, buffer, offsetBlocks, blockCount, 0, 0, 0);
    }

    /**
     * Submits any operation.
     *
     * @param operation one of the constants
     * @param slot a free slot
     * @param desc address of the struct spdk_bdev_desc
     * @param channel address of the struct spdk_io_channel, of this thread
     * @param buffer address of the data or of the vectors
     * @param offsetBlocks first block
     * @param blockCount number of blocks
     * @param vectors how many vectors {@code buffer} points to
     * @param target see {@link #ABORT} and {@link #COMPAREV_AND_WRITEV}
     * @param extra see {@link #COPY}, {@link #COMPARE_AND_WRITE} and {@link #COMPAREV_AND_WRITEV}
     */
    public void submit(
            int operation,
            int slot,
            long desc,
            long channel,
            long buffer,
            long offsetBlocks,
            long blockCount,
            int vectors,
            int target,
            long extra) {
        int count = submittedCount;
        if (count > mask) {
            throw new IllegalStateException("more submissions than slots: poll first");
        }
        submittedCount = count + 1;
        int at = count * SQE_LONGS;
        long[] entry = submitted;
        entry[at] = (long) operation << 32 | slot;
        entry[at + 1] = (long) target << 32 | vectors;
        entry[at + 2] = desc;
        entry[at + 3] = channel;
        entry[at + 4] = buffer;
        entry[at + 5] = offsetBlocks;
        entry[at + 6] = blockCount;
        entry[at + 7] = extra;
    }

    private void handOver() {
        // Not 0 when this poll is inside another: C has not come to the end of what that one handed over.
        int tail = getInt(address + SQ_TAIL);
        int count = Math.min(submittedCount, mask + 1 - tail);
        Memory.copy(submitted, count * SQE_LONGS, sq + ((long) tail << SQE_SHIFT));
        setInt(address + SQ_TAIL, tail + count);
        submittedCount -= count;
        if (submittedCount != 0) {
            System.arraycopy(submitted, count * SQE_LONGS, submitted, 0, submittedCount * SQE_LONGS);
        }
    }

    /**
     * Hands everything over and polls the SPDK thread. Cheapest when that is the OS thread's current one already
     * (spdk_set_thread).
     *
     * @param thread address of the struct spdk_thread that this ring belongs to
     * @param maxMessages as for spdk_thread_poll; 0 for its own limit
     * @return how many completions {@link #drain} would hand out
     */
    public int poll(long thread, int maxMessages) {
        ensureOpen();
        if (submittedCount != 0) {
            handOver();
        }
        setInt(address + CQ_HEAD, cqHead);
        return Bridge.ringPoll(address, thread, maxMessages);
    }

    /**
     * Hands out completions. The handler may submit.
     *
     * @param completions called for each
     * @return how many there were
     */
    public int drain(Completions completions) {
        int tail = getInt(address + CQ_TAIL);
        int drained = 0;
        // A handler may poll, and drain what this was about to.
        while (tail - cqHead > 0) {
            long completion = getLong(cq + ((long) (cqHead & mask) << CQE_SHIFT));
            cqHead++;
            drained++;
            completions.complete((int) completion, (int) (completion >> 32));
        }
        return drained;
    }

    /**
     * Hands out what devices {@linkplain ServedBdev served by Java} are asked for on this ring's thread; see {@link
     * #attach}. The handler may answer, submit, and call C. What comes meanwhile is handed out as well.
     *
     * @param handler called for each
     * @return how many there were
     */
    public int drainRequests(BdevRequests handler) {
        int drained = 0;
        // Read anew each time: the handler may have called C, which may have moved the queue.
        while (requestHead != getInt(address + REQUEST_TAIL)) {
            long entry = getLong(address + REQUESTS) + ((long) (requestHead & requestMask()) << REQUEST_SHIFT);
            int operation = getInt(entry);
            int device = getInt(entry + 4);
            long io = getLong(entry + 8);
            int channel = getInt(entry + 16);
            int vectorCount = getInt(entry + 20);
            long offsetBlocks = getLong(entry + 24);
            long blockCount = getLong(entry + 32);
            long vectors = getLong(entry + 40);
            long extra = getLong(entry + 48);
            int extraCount = getInt(entry + 56);
            requestHead++;
            setInt(address + REQUEST_HEAD, requestHead);
            drained++;
            switch (operation) {
                case CHANNEL_CREATED -> handler.channelCreated(device, channel);
                case CHANNEL_DESTROYED -> handler.channelDestroyed(device, channel);
                case DESTRUCT -> handler.destruct(device);
                case GONE -> handler.gone(device);
                default ->
                        handler.request(
                                io,
                                device,
                                channel,
                                operation,
                                offsetBlocks,
                                blockCount,
                                vectors,
                                vectorCount,
                                extra,
                                extraCount);
            }
        }
        return drained;
    }

    private int requestMask() {
        return getInt(address + REQUEST_ENTRIES) - 1;
    }

    /**
     * Answers a request, which the next {@link #poll} hands over.
     *
     * @param io the request's
     * @param status 0, {@code -errno}, or an NVMe status as {@code statusCodeType << 8 | statusCode}. {@code -ENOMEM}
     *     makes SPDK ask again later, {@code -ECANCELED} and 7 mean aborted; for RESET and ABORT everything but 0 means
     *     failed
     * @throws IllegalStateException when there are more answers than requests
     */
    public void answer(long io, int status) {
        if (answerTail - getInt(address + ANSWER_HEAD) >= getInt(address + UNANSWERED)) {
            throw new IllegalStateException("every request has its answer already");
        }
        long entry = getLong(address + ANSWERS) + ((long) (answerTail & requestMask()) << ANSWER_SHIFT);
        setLong(entry, io);
        setInt(entry + 8, status);
        answerTail++;
        setInt(address + ANSWER_TAIL, answerTail);
    }

    /**
     * How many requests have no answer yet, or one that C has not taken.
     *
     * @return a number of requests
     */
    public int unanswered() {
        return getInt(address + UNANSWERED);
    }

    /**
     * How many submissions C has not taken yet.
     *
     * @return a number of entries
     */
    public int pending() {
        return submittedCount + getInt(address + SQ_TAIL) - getInt(address + SQ_HEAD);
    }

    /**
     * How many I/O wait for memory of SPDK's.
     *
     * @return a number of I/O
     */
    public int waiting() {
        return getInt(address + WAITING);
    }

    /**
     * Whether the last poll found something to do besides the messages.
     *
     * @return what spdk_thread_poll returned: positive when there was work
     */
    public int lastPoll() {
        return getInt(address + BUSY);
    }

    /**
     * When the last poll ended: the completions that it brought have come by then.
     *
     * @return a time in ticks, of which there are {@code spdk_get_ticks_hz} in a second
     */
    public long ticks() {
        return getLong(address + TICKS);
    }

    private void ensureOpen() {
        if (closed) {
            throw new IllegalStateException("this ring is closed");
        }
    }

    /** Frees it. Nothing may be outstanding, and no request without an answer. Closing twice is fine. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Bridge.ringFree(address);
        }
    }
}
