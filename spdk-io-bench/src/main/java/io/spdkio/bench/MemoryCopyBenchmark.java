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
import org.openjdk.jmh.annotations.Warmup;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/**
 * What reads of the malloc device are measured against: copies of random 4 KiB blocks of 64 MiB, and nothing else. In
 * millions a second.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MemoryCopyBenchmark {
    private static final int BATCH = 4096;

    /** How many targets are filled in turn, as by that many reads in flight. */
    @Param({"1", "32", "128"})
    public int depth;

    private final Offsets offsets = new Offsets(Device.MALLOC_BYTES / Device.IO_BYTES);
    private MemorySegment source;
    private MemorySegment[] targets;

    /** Allocates what the device and its readers would have, in the same way: it comes in the same pages. */
    @Setup(Level.Trial)
    public void allocate(EngineState engine) {
        source = engine.env.dma().allocate(Device.MALLOC_BYTES).segment().fill((byte) 1);
        MemorySegment all = engine.env.dma().allocate((long) depth * Device.IO_BYTES).segment().fill((byte) 1);
        targets = new MemorySegment[depth];
        for (int i = 0; i < depth; i++) {
            targets[i] = all.asSlice((long) i * Device.IO_BYTES, Device.IO_BYTES);
        }
    }

    /** Copies. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public MemorySegment copy() {
        for (int i = 0; i < BATCH; i++) {
            MemorySegment.copy(source, offsets.next(), targets[i & (depth - 1)], 0, Device.IO_BYTES);
        }
        return source;
    }
}
