package io.spdkio.bench;

import io.spdkio.SpdkEnv;

import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The environment of a benchmark's fork. */
@State(Scope.Benchmark)
public class EngineState {
    /** Which engine does the work; {@code -p engine=native,embedded} takes both. */
    @Param("embedded")
    public String engine;

    SpdkEnv env;

    /** Opens the environment. */
    @Setup(Level.Trial)
    public void open() {
        env = SpdkEnv.builder().name("bench").engine(engine).noPci(true).build();
    }

    /** Closes it; the threads of the benchmarks have ended by themselves. */
    @TearDown(Level.Trial)
    public void close() {
        env.close();
    }
}
