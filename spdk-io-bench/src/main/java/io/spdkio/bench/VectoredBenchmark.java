package io.spdkio.bench;

import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/** Random 4 KiB reads into several buffers each, 32 in flight; in millions a second. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class VectoredBenchmark {
    private static final int BATCH = 4096;
    private static final int DEPTH = 32;

    /** Which device. */
    @Param({"null", "malloc"})
    public String device;

    /** Buffers per read. */
    @Param({"1", "4"})
    public int pieces;

    private Device target;
    private IoQueue queue;
    private DmaBuf[][] buffers;
    private long completed;
    private boolean stopping;

    /** Fills the queue. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        target = new Device(engine.env, device, device, DEPTH);
        int pieceBytes = Device.IO_BYTES / pieces;
        buffers = new DmaBuf[DEPTH][pieces];
        for (int slot = 0; slot < DEPTH; slot++) {
            for (int i = 0; i < pieces; i++) {
                buffers[slot][i] = target.buffers[slot].slice((long) i * pieceBytes, pieceBytes);
            }
        }
        queue = target.desc.openQueue(target.channel, DEPTH, this::onComplete);
        for (int slot = 0; slot < DEPTH; slot++) {
            submit(slot);
        }
    }

    private void onComplete(long slot, int status) {
        Jvm.require(status);
        completed++;
        if (!stopping) {
            submit((int) slot);
        }
    }

    private void submit(int slot) {
        queue.readv(buffers[slot], target.offsets.next(), slot);
    }

    /** Reads. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public long readv() {
        for (long end = completed + BATCH; completed < end; ) {
            target.thread.poll();
        }
        return completed;
    }

    /** Drains the queue. */
    @TearDown(Level.Trial)
    public void close() {
        stopping = true;
        while (queue.outstanding() > 0) {
            target.thread.poll();
        }
        queue.close();
        target.close();
    }
}
