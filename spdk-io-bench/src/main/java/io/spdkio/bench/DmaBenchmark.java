package io.spdkio.bench;

import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/** What it costs to have a 4 KiB buffer for a moment; in nanoseconds. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DmaBenchmark {
    private EngineState engine;
    private DmaPool pool;

    /** Makes the pool. */
    @Setup(Level.Trial)
    public void open(EngineState state) {
        engine = state;
        pool = state.env.dma().pool(Device.IO_BYTES, 128);
    }

    /** Takes a buffer from a pool and gives it back. */
    @Benchmark
    public long pool() {
        try (DmaBuf buffer = pool.take()) {
            return buffer.sizeBytes();
        }
    }

    /** Allocates one and frees it. */
    @Benchmark
    public long allocate() {
        try (DmaBuf buffer = engine.env.dma().allocate(Device.IO_BYTES)) {
            return buffer.sizeBytes();
        }
    }

    /** Frees the pool. */
    @TearDown(Level.Trial)
    public void close() {
        pool.close();
    }
}
