package io.spdkio.bench;

import io.spdkio.IoChannel;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** What a poll costs that finds nothing, with devices open that nobody uses; in nanoseconds. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 2, jvmArgsPrepend = Jvm.OPENS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class IdleBenchmark {
    /** Devices, each with a descriptor and a channel open. */
    @Param({"1", "10000"})
    public int devices;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private SpdkThread thread;

    /** Opens the devices. */
    @Setup(Level.Trial)
    public void open(EngineState engine) {
        thread = engine.env.attachThread("idle");
        open.push(thread);
        CompletableFuture<?>[] created = new CompletableFuture<?>[devices];
        for (int i = 0; i < devices; i++) {
            created[i] = engine.env.bdevs().create(NullBdev.of("null" + i, Device.NULL_BYTES));
        }
        thread.await(CompletableFuture.allOf(created));
        for (int i = 0; i < devices; i++) {
            BdevDesc desc = engine.env.bdevs().get("null" + i).open(OpenMode.READ_ONLY);
            open.push(desc);
            IoChannel channel = thread.ioChannel(desc);
            open.push(channel);
        }
    }

    /** Polls. */
    @Benchmark
    public int poll() {
        return thread.poll();
    }

    /** Closes them. */
    @TearDown(Level.Trial)
    public void close() throws Exception {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }
}
