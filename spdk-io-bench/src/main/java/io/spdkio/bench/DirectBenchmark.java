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

/** Random 4 KiB reads in direct style: each in-flight I/O is a forked virtual thread. In millions a second. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DirectBenchmark {
    private static final int BATCH = 4096;

    /** Which device. */
    @Param({"null", "malloc"})
    public String device;

    /** Forked threads; divides the batch. */
    @Param("128")
    public int depth;

    private Device target;
    private long completed;
    private int running;
    private boolean stopping;

    /** Starts the threads. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        target = new Device(engine.env, device, "d", depth);
        for (int i = 0; i < depth; i++) {
            int slot = i;
            running++;
            var _ = target.thread.fork(() -> loop(slot));
        }
    }

    private void loop(int slot) {
        while (!stopping) {
            target.desc.read(target.channel, target.buffers[slot], target.offsets.next(), Device.IO_BYTES).join();
            completed++;
        }
        running--;
    }

    /** Reads. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public long read() {
        for (long end = completed + BATCH; completed < end; ) {
            target.thread.poll();
        }
        return completed;
    }

    /** Lets the threads end. */
    @TearDown(Level.Trial)
    public void close() {
        stopping = true;
        while (running > 0) {
            target.thread.poll();
        }
        target.close();
    }
}
