package io.spdkio.bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What a second thread adds: each reads from a null device of its own. Sums, in millions a second. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ThreadsBenchmark {
    private static final int BATCH = 4096;

    private final AtomicInteger threads = new AtomicInteger();

    /** One thread's device and queue. */
    @State(Scope.Thread)
    public static class Worker {
        private QueueLoop loop;

        /** Fills the queue. */
        @Setup(Level.Trial)
        public void open(EngineState engine, ThreadsBenchmark all) {
            loop = new QueueLoop(engine.env, "null", "null" + all.threads.incrementAndGet(), 128);
        }

        /** Drains the queue. */
        @TearDown(Level.Trial)
        public void close() {
            loop.close();
        }
    }

    /** Reads on one thread. */
    @Benchmark
    @Threads(1)
    @OperationsPerInvocation(BATCH)
    public long one(Worker worker) {
        return worker.loop.run(BATCH);
    }

    /** Reads on two. */
    @Benchmark
    @Threads(2)
    @OperationsPerInvocation(BATCH)
    public long two(Worker worker) {
        return worker.loop.run(BATCH);
    }
}
