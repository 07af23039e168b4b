package io.spdkio.bench;

import io.spdkio.IdleStrategy;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkThread;

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
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/** Messages between two threads, each with a core of its own. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MessageBenchmark {
    private static final int BATCH = 1024;

    private final Runnable request = this::answer;
    private final Runnable reply = this::answered;
    private final Runnable count = this::count;

    private SpdkThread here;
    private SpdkThread there;
    private JoinHandle<?> other;
    private int answers;
    private int counted;

    /** Starts the other thread. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        here = engine.env.attachThread("here");
        other =
                engine.env.spawnThread(
                        "there",
                        thread -> {
                            thread.run(IdleStrategy.busySpin());
                            return null;
                        });
        there = other.thread();
    }

    private void answered() {
        answers++;
    }

    /** On the other thread. */
    private void answer() {
        here.execute(reply);
    }

    /** On the other thread; the last of a batch is answered. */
    private void count() {
        if (++counted == BATCH) {
            counted = 0;
            answer();
        }
    }

    /** A message there and one back. */
    @Benchmark
    public int roundTrip() {
        int before = answers;
        there.execute(request);
        while (answers == before) {
            here.poll();
        }
        return answers;
    }

    /** One of many messages in one direction. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int oneWay() {
        int before = answers;
        for (int i = 0; i < BATCH; i++) {
            there.execute(count);
        }
        while (answers == before) {
            here.poll();
        }
        return answers;
    }

    /** Ends the other thread. */
    @TearDown(Level.Trial)
    public void close() {
        there.exit();
        other.join();
        here.close();
    }
}
