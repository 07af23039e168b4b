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
import java.util.function.BiConsumer;

/** Random 4 KiB reads through futures, each with one continuation that submits the next; in millions a second. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class FuturesBenchmark {
    private static final int BATCH = 4096;

    /** Which device. */
    @Param({"null", "malloc"})
    public String device;

    /** I/Os in flight; divides the batch. */
    @Param({"1", "128"})
    public int depth;

    private Device target;
    private long completed;
    private int inFlight;
    private boolean stopping;

    /** Submits the first reads. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        target = new Device(engine.env, device, "f", depth);
        for (int slot = 0; slot < depth; slot++) {
            submit(new Slot(slot));
        }
    }

    private void submit(Slot slot) {
        inFlight++;
        var _ =
                target.desc
                        .read(target.channel, target.buffers[slot.index], target.offsets.next(), Device.IO_BYTES)
                        .whenComplete(slot);
    }

    private final class Slot implements BiConsumer<Void, Throwable> {
        private final int index;

        Slot(int index) {
            this.index = index;
        }

        @Override
        public void accept(Void nothing, Throwable problem) {
            if (problem != null) {
                throw new IllegalStateException(problem);
            }
            completed++;
            inFlight--;
            if (!stopping) {
                submit(this);
            }
        }
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

    /** Lets the reads end. */
    @TearDown(Level.Trial)
    public void close() {
        stopping = true;
        while (inFlight > 0) {
            target.thread.poll();
        }
        target.close();
    }
}
