package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * Runs rounds of a test that does things in a random order, each with a seed of its own and bounded in time; a failure
 * names the seed.
 *
 * <p>{@code -Dspdkio.torture.seconds=600} runs rounds for longer and looks at the memory of the process, {@code
 * -Dspdkio.torture.seed=…} runs one seed again.
 */
final class Torture {
    private static final long SECONDS = Long.getLong("spdkio.torture.seconds", 5);
    private static final int SOAK_SECONDS = 60;
    private static final long UNCOMMIT_MILLIS = 2_000;
    private static final Duration HANGS_AFTER = Duration.ofSeconds(90);

    private Torture() {}

    static void repeat(LongConsumer round) throws Exception {
        Long only = Long.getLong("spdkio.torture.seed");
        long begin = System.nanoTime();
        int rounds = 0;
        long warmBytes = 0;
        do {
            long seed = only != null ? only : System.nanoTime();
            bounded(seed, () -> round.accept(seed));
            rounds++;
            if (warmBytes == 0 && System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(SECONDS) / 4) {
                warmBytes = residentBytes();
            }
        } while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(SECONDS));
        if (SECONDS >= SOAK_SECONDS) {
            long bytes = residentBytes();
            System.out.printf(
                    "%d rounds in %d s, resident %d MiB after a quarter of the time, %d MiB now%n",
                    rounds, SECONDS, warmBytes >> 20, bytes >> 20);
            assertThat(bytes).as("resident memory in bytes").isLessThan(warmBytes + warmBytes / 4);
        }
    }

    /**
     * An environment for a round.
     *
     * @param problems gets what escapes on its threads and is not expected
     */
    static SpdkEnv open(EngineFixture fixture, Collection<? super Throwable> problems) {
        return fixture.open(
                fixture.builder()
                        .name("torture")
                        .closeTimeout(Duration.ofSeconds(60))
                        .exceptionHandler((_, problem) -> {
                            if (!isExpected(problem)) {
                                problems.add(problem);
                            }
                        }));
    }

    /**
     * After a collection, which shrinks the heap: how much of that the JVM has used at some time tells of no leak. G1
     * gives the memory back in the background.
     */
    private static long residentBytes() throws IOException, InterruptedException {
        System.gc();
        Thread.sleep(UNCOMMIT_MILLIS);
        Path statistics = Path.of("/proc/self/statm");
        return Files.exists(statistics) ? Long.parseLong(Files.readString(statistics).split(" ")[1]) * 4096 : 0;
    }

    private static void bounded(long seed, Runnable round) throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("round")
                .start(() -> {
                    try {
                        round.run();
                        done.complete(null);
                    } catch (Throwable e) {
                        done.completeExceptionally(e);
                    }
                });
        try {
            done.get(HANGS_AFTER.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            fail("seed %d hangs:%n%s", seed, threadDump());
        } catch (ExecutionException e) {
            // An environment that can't be closed is a thread that hangs.
            String dump = e.getCause() instanceof SpdkException.Busy ? System.lineSeparator() + threadDump() : "";
            throw new AssertionError("seed " + seed + ": " + e.getCause().getMessage() + dump, e.getCause());
        }
    }

    private static String threadDump() {
        return Thread.getAllStackTraces().entrySet().stream()
                .map(Torture::dumpOf)
                .collect(Collectors.joining(System.lineSeparator()));
    }

    private static String dumpOf(Map.Entry<Thread, StackTraceElement[]> entry) {
        return entry.getKey()
                + " "
                + entry.getKey().getState()
                + Arrays.stream(entry.getValue())
                        .map(frame -> System.lineSeparator() + "    at " + frame)
                        .collect(Collectors.joining());
    }

    /** What an operation may fail with. */
    static boolean isExpected(Throwable problem) {
        Throwable cause =
                problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
        return cause instanceof SpdkException
                || cause instanceof CancellationException
                || cause instanceof TimeoutException;
    }

    static void attempt(Runnable operation) {
        try {
            operation.run();
        } catch (RuntimeException e) {
            if (!isExpected(e)) {
                throw e;
            }
        }
    }
}
