package io.spdkio.cli.perf;

import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.cli.BlockIo;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;

import org.HdrHistogram.Histogram;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * One thread of a run: keeps its slots full of I/Os until told to stop. Subclasses do the I/O, each in the way that is
 * measured.
 *
 * <p>A slot is one I/O in flight, with a buffer of its own. What is measured per I/O: its count and its latency, taken
 * from the thread's own clock. With a clock, a histogram and a lambda per I/O this loop made half as many I/Os.
 */
abstract class Worker {
    private static final long LONGEST_LATENCY_NANOS = Duration.ofHours(1).toNanos();
    private static final int LATENCY_DIGITS = 3;

    /** Polls between two looks at the phase. */
    private static final int BURST = 128;

    private static final VarHandle PUBLISHED;

    static {
        try {
            PUBLISHED = MethodHandles.lookup().findVarHandle(Worker.class, "published", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    protected final SpdkThread thread;
    protected final BlockIo target;
    protected final DmaBuf[] buffers;
    protected final int ioSize;
    protected final int depth;
    protected final Verifier verifier;

    private final String device;
    private final Phase phase;
    private final Dma dma;
    private final DmaBuf memory;
    private final boolean random;
    private final long readsOfTwo32;
    private final long regionBegin;
    private final long positions;
    private final long[] submitted;

    private final Histogram latency = newHistogram();
    private long lastLatency;
    private long lastCount;

    private long random64;
    private long position;
    private long ios;
    private long errors;
    private String firstError;

    @SuppressWarnings("unused") // PUBLISHED
    private long published;

    /** Set when nothing is to be submitted and measured any more. */
    protected boolean stopping;

    Worker(WorkerContext context) {
        this.thread = context.thread();
        this.phase = context.phase();
        this.dma = context.dma();
        PerfSettings settings = context.settings();
        this.device = context.device();
        this.ioSize = settings.ioSizeBytes();
        boolean verify = settings.workload() == Workload.VERIFY;
        this.random = settings.workload().isRandom();
        int readPercent = settings.workload().readPercent(settings.mix());
        this.readsOfTwo32 = (1L << 32) * readPercent / 100;

        // Threads that share a device work on parts of it, except at random offsets without verification.
        long all = context.target().sizeBytes() / ioSize;
        long first = random ? 0 : all * context.share() / context.shares();
        long end = random ? all : all * (context.share() + 1) / context.shares();
        this.regionBegin = first * ioSize;
        this.positions = Math.max(1, end - first);
        this.depth = verify ? (int) Math.min(settings.queueDepth(), positions) : settings.queueDepth();
        this.random64 = mix64(settings.seed() + 0x9E3779B97F4A7C15L * (context.index() + 1)) | 1;

        this.memory = dma.allocate((long) depth * ioSize);
        this.buffers = new DmaBuf[depth];
        this.submitted = new long[depth];
        for (int i = 0; i < depth; i++) {
            buffers[i] = memory.slice((long) i * ioSize, ioSize);
        }
        fillWithNoise(memory);
        this.target = context.target().open(thread, settings.workload().writes());
        this.verifier =
                verify ? new Verifier(dma, buffers, regionBegin, positions, ioSize, settings.seed(), device) : null;
    }

    static Histogram newHistogram() {
        return new Histogram(LONGEST_LATENCY_NANOS, LATENCY_DIGITS);
    }

    static long mix64(long z) {
        long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
        return b ^ (b >>> 31);
    }

    private void fillWithNoise(DmaBuf target) {
        long state = random64;
        for (long at = 0; at + 8 <= target.sizeBytes(); at += 8) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            target.segment().set(ValueLayout.JAVA_LONG, at, state);
        }
    }

    /** Submits the first I/O of every slot. */
    abstract void fill();

    /** Whether every slot has come to rest. */
    abstract boolean isDrained();

    /** Closes what the subclass opened. */
    abstract void closeApi();

    /** The body of the thread. */
    final WorkerResult run(CountDownLatch firstIo, CountDownLatch warm) {
        try {
            fill();
            boolean told = false;
            while (phase.now == Phase.WARM_UP) {
                burst();
                if (!told && ios > 0) {
                    told = true;
                    firstIo.countDown();
                }
            }
            firstIo.countDown();

            flushLatency();
            latency.reset();
            ios = 0;
            errors = 0;
            firstError = null;
            PUBLISHED.setOpaque(this, 0L);
            warm.countDown();
            long allocatedBefore = Allocations.ofThisThread();
            long begin = System.nanoTime();
            while (phase.now == Phase.MEASURE) {
                burst();
            }
            long end = System.nanoTime();
            long allocated = Allocations.ofThisThread() - allocatedBefore;
            stopping = true;
            flushLatency();
            while (!isDrained()) {
                thread.poll();
            }
            return new WorkerResult(device, ios, (end - begin) / 1e9, errors, firstError, allocated, latency);
        } finally {
            firstIo.countDown();
            warm.countDown();
        }
    }

    /** Closes everything; on the thread, after {@link #run}. */
    final void close() {
        closeApi();
        target.close();
        if (verifier != null) {
            verifier.close();
        }
        memory.close();
    }

    private void burst() {
        for (int i = 0; i < BURST; i++) {
            thread.poll();
        }
        PUBLISHED.setOpaque(this, ios);
    }

    /** How many I/Os have completed; may be asked from any thread. */
    final long published() {
        return (long) PUBLISHED.getOpaque(this);
    }

    /** The offset of the next I/O that is not verified. */
    protected final long nextOffset() {
        if (random) {
            // xorshift64, and its range reduced by multiplication: no division.
            long x = random64;
            x ^= x << 13;
            x ^= x >>> 7;
            x ^= x << 17;
            random64 = x;
            return Math.unsignedMultiplyHigh(x, positions) * ioSize;
        }
        long at = position;
        position = at + 1 == positions ? 0 : at + 1;
        return regionBegin + at * ioSize;
    }

    /** Whether the next I/O that is not verified reads. */
    protected final boolean nextReads() {
        if (readsOfTwo32 == 1L << 32) {
            return true;
        }
        if (readsOfTwo32 == 0) {
            return false;
        }
        long x = random64;
        x ^= x << 13;
        x ^= x >>> 7;
        x ^= x << 17;
        random64 = x;
        return (x & 0xffffffffL) < readsOfTwo32;
    }

    protected final void submittedAt(int slot, long nanos) {
        submitted[slot] = nanos;
    }

    /** Counts a completion. */
    protected final void completed(int slot, int status, long nanos) {
        ios++;
        long took = nanos - submitted[slot];
        // I/Os that a poll hands out together mostly took as long as each other.
        if (took == lastLatency) {
            lastCount++;
        } else {
            recordLatency(took);
        }
        if (status != 0) {
            failed("an I/O on '" + device + "' completed with " + IoStatus.describe(status));
            if (verifier != null) {
                verifier.failed(slot);
            }
        } else if (verifier != null) {
            String mismatch = verifier.completed(slot);
            if (mismatch != null) {
                failed(mismatch);
            }
        }
    }

    private void recordLatency(long took) {
        flushLatency();
        lastLatency = took;
        lastCount = 1;
    }

    private void flushLatency() {
        if (lastCount > 0) {
            latency.recordValueWithCount(Math.clamp(lastLatency, 0, LONGEST_LATENCY_NANOS), lastCount);
            lastCount = 0;
        }
        lastLatency = -1;
    }

    private void failed(String what) {
        errors++;
        if (firstError == null) {
            firstError = what;
        }
    }

    /** Something other than an I/O went wrong: ends the run. */
    protected final void broken(Throwable problem) {
        stopping = true;
        phase.fail(problem);
    }
}
