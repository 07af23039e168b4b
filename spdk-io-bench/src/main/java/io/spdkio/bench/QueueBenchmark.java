package io.spdkio.bench;

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

/** Random 4 KiB reads through a queue, in millions a second. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class QueueBenchmark {
    private static final int BATCH = 4096;

    /** Which device. */
    @Param({"null", "malloc"})
    public String device;

    /** I/Os in flight; divides the batch. */
    @Param({"1", "32", "128"})
    public int depth;

    private QueueLoop loop;

    /** Fills the queue. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        loop = new QueueLoop(engine.env, device, device, depth);
    }

    /** Reads. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public long read() {
        return loop.run(BATCH);
    }

    /** Drains the queue. */
    @TearDown(Level.Trial)
    public void close() {
        loop.close();
    }
}
