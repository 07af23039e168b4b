package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.OpenMode;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * An environment with one thread, {@code main}, on the test's. A hang fails by JUnit's clock, on a thread of its own.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SAME_THREAD)
abstract class CoreTest {
    final List<Throwable> reported = new CopyOnWriteArrayList<>();
    SpdkEnv env;
    SpdkThread thread;
    boolean reportsExpected;
    private final AtomicBoolean ended = new AtomicBoolean();
    private int names;

    @BeforeEach
    void open() {
        watch();
        env =
                SpdkEnv.builder()
                        .engine("embedded")
                        .closeTimeout(Duration.ofSeconds(30))
                        .exceptionHandler((_, problem) -> reported.add(problem))
                        .build();
        thread = env.attachThread("main");
    }

    /**
     * A wait that never ends does not listen to interrupts: it is ended from outside, by removing what it waits for.
     */
    private void watch() {
        Thread test = Thread.currentThread();
        Thread.ofPlatform()
                .daemon()
                .name("watchdog")
                .start(() -> {
                    for (int i = 0; i < 450 && !ended.get(); i++) {
                        try {
                            Thread.sleep(100);
                        } catch (InterruptedException e) {
                            return;
                        }
                    }
                    if (!ended.get()) {
                        System.err.println("hangs: " + List.of(test.getStackTrace()));
                        Runtime.getRuntime().halt(99);
                    }
                });
    }

    @AfterEach
    void close() {
        env.close();
        ended.set(true);
        if (!reportsExpected) {
            assertThat(reported).as("what callbacks threw").isEmpty();
        }
    }

    final Bdev create(BdevSpec spec) {
        return env.bdevs().create(spec).join();
    }

    final BdevDesc open(BdevSpec spec) {
        return create(spec).open(OpenMode.READ_WRITE);
    }

    final BdevDesc open(HeldBackend backend) {
        return open(CustomBdev.of("held" + names++, backend));
    }

    final void pollUntil(String what, BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (thread.poll() == 0) {
                Thread.yield();
            }
            if (System.nanoTime() - begin > 20_000_000_000L) {
                fail("%s did not happen", what);
            }
        }
    }

    final void poll(int times) {
        for (int i = 0; i < times; i++) {
            thread.poll();
        }
    }

    /** Runs a task on an OS thread of its own. */
    static CompletableFuture<Void> elsewhere(Runnable task) {
        CompletableFuture<Void> result = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("elsewhere")
                .start(() -> {
                    try {
                        task.run();
                        result.complete(null);
                    } catch (Throwable e) {
                        result.completeExceptionally(e);
                    }
                });
        return result;
    }
}
