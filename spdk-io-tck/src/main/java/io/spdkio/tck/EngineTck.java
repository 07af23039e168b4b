package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * What the classes of the suite share: each test has an environment of its own with one SPDK thread, {@code main}, on
 * the test's thread. Every wait is bounded, so that an engine that loses a completion fails instead of hanging.
 */
@Timeout(120)
public abstract class EngineTck {
    /** What the environment's exception handler was told. */
    final List<Throwable> reported = new CopyOnWriteArrayList<>();

    final FakeClock clock = new FakeClock();
    final long seed = Long.getLong("spdkio.tck.seed", System.nanoTime());

    @RegisterExtension final SeedNote seedNote = new SeedNote(seed);

    final Random random = new Random(seed);

    SpdkEnv env;
    SpdkThread thread;

    private boolean reportsExpected;
    private int names;

    /** For the subclasses. */
    protected EngineTck() {}

    /**
     * Which engine the suite runs on.
     *
     * @return the fixture
     */
    protected abstract EngineFixture fixture();

    @BeforeEach
    void openEnvironment() {
        env = open(settings(builder()));
        thread = env.attachThread("main");
    }

    @AfterEach
    void closeEnvironment() {
        if (env != null) {
            env.close();
        }
        if (!reportsExpected) {
            assertThat(reported).as("exceptions that callbacks threw").isEmpty();
        }
    }

    /** What a class wants of its environment. */
    SpdkEnv.Builder settings(SpdkEnv.Builder builder) {
        return builder;
    }

    final SpdkEnv.Builder builder() {
        return fixture()
                .builder()
                .name("tck")
                .closeTimeout(Duration.ofSeconds(20))
                .exceptionHandler((_, problem) -> reported.add(problem));
    }

    final SpdkEnv open(SpdkEnv.Builder builder) {
        return fixture().open(builder);
    }

    /** The test has something thrown on purpose. */
    final void expectReports() {
        reportsExpected = true;
    }

    // ---- waiting

    final long patienceNanos() {
        return fixture().patience().toNanos();
    }

    final void pollUntil(String what, BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (thread.poll() == 0) {
                Thread.yield();
            }
            if (System.nanoTime() - begin > patienceNanos() && !condition.getAsBoolean()) {
                fail("%s did not happen within %s", what, fixture().patience());
            }
        }
    }

    final void poll(int times) {
        for (int i = 0; i < times; i++) {
            thread.poll();
        }
    }

    final void pollFor(Duration time) {
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < time.toNanos()) {
            if (thread.poll() == 0) {
                Thread.yield();
            }
        }
    }

    /** Polls the main thread until the stage is done; its result, or what it failed with, unwrapped. */
    final <T> T await(CompletionStage<T> stage) {
        CompletableFuture<T> future = stage.toCompletableFuture();
        pollUntil("completion", future::isDone);
        try {
            return future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw e;
        }
    }

    final void awaitAll(List<? extends CompletionStage<?>> stages) {
        for (CompletionStage<?> stage : stages) {
            await(stage);
        }
    }

    /** For a future that a test joins by itself: fails it when that would take for ever. */
    final <T, F extends CompletableFuture<T>> F bounded(F future) {
        CompletableFuture.delayedExecutor(patienceNanos(), TimeUnit.NANOSECONDS)
                .execute(() -> {
                    if (!future.isDone()) {
                        future.completeExceptionally(new AssertionError("did not complete; lost?"));
                    }
                });
        return future;
    }

    /** What the stage fails with, or what making it throws. */
    final Throwable failureOf(Supplier<? extends CompletionStage<?>> operation) {
        CompletionStage<?> stage;
        try {
            stage = operation.get();
        } catch (RuntimeException e) {
            return e;
        }
        CompletableFuture<?> future = stage.toCompletableFuture();
        pollUntil("completion", future::isDone);
        try {
            future.join();
        } catch (CompletionException e) {
            return e.getCause() == null ? e : e.getCause();
        } catch (RuntimeException e) {
            return e;
        }
        return fail("it should have failed");
    }

    final <X extends Throwable> X failsWith(Class<X> type, Supplier<? extends CompletionStage<?>> operation) {
        Throwable failure = failureOf(operation);
        assertThat(failure).isInstanceOf(type);
        return type.cast(failure);
    }

    /** The future of an operation that was submitted and must fail as such, rather than throw. */
    final <X extends Throwable> X completesWith(Class<X> type, CompletionStage<?> stage) {
        return failsWith(type, () -> stage);
    }

    /** Runs a task on an OS thread of its own, while the main SPDK thread is polled; throws what it throws. */
    final <T> T elsewhere(Callable<T> task) throws Exception {
        CompletableFuture<T> result = onNewThread(task);
        pollUntil("the end of the other thread", result::isDone);
        return resultOf(result);
    }

    final void runElsewhere(ThrowingTask task) throws Exception {
        elsewhere(() -> {
            task.run();
            return null;
        });
    }

    /** The same, but nobody polls meanwhile. */
    final <T> T elsewhereUnpolled(Callable<T> task) throws Exception {
        CompletableFuture<T> result = onNewThread(task);
        try {
            result.get(patienceNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return fail("the other thread hangs");
        } catch (ExecutionException e) {
            // Thrown as it is below.
        }
        return resultOf(result);
    }

    final <T> CompletableFuture<T> onNewThread(Callable<T> task) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon(true)
                .name("elsewhere")
                .start(() -> {
                    try {
                        result.complete(task.call());
                    } catch (Throwable e) {
                        result.completeExceptionally(e);
                    }
                });
        return result;
    }

    private static <T> T resultOf(CompletableFuture<T> result) throws Exception {
        try {
            return result.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** A task that may throw anything. */
    @FunctionalInterface
    interface ThrowingTask {
        void run() throws Exception;
    }

    // ---- devices

    final String newName(String prefix) {
        return prefix + names++;
    }

    final Bdev create(BdevSpec spec) {
        return await(env.bdevs().create(spec));
    }

    final Bdev malloc(long blocks, int blockSize) {
        return create(MallocBdev.of(newName("malloc"), blocks * blockSize, blockSize));
    }

    final Bdev custom(BdevBackend backend) {
        return create(CustomBdev.of(newName("custom"), backend));
    }

    final Device device(Bdev bdev) {
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
        return new Device(bdev, desc, thread.ioChannel(desc));
    }

    final Device mallocDevice(long blocks, int blockSize) {
        return device(malloc(blocks, blockSize));
    }

    final DmaBuf buffer(long sizeBytes) {
        return env.dma().allocate(sizeBytes);
    }

    final DmaBuf buffer(byte[] contents) {
        return buffer(contents.length).put(0, contents);
    }

    static byte[] pattern(long patternSeed, int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        new Random(patternSeed).nextBytes(bytes);
        return bytes;
    }

    static byte[] filled(int value, int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        java.util.Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** A device with a descriptor and the main thread's channel, and simple ways to do I/O and wait. */
    final class Device implements AutoCloseable {
        final Bdev bdev;
        final BdevDesc desc;
        final IoChannel channel;

        Device(Bdev bdev, BdevDesc desc, IoChannel channel) {
            this.bdev = bdev;
            this.desc = desc;
            this.channel = channel;
        }

        void write(long offset, byte[] bytes) {
            try (DmaBuf buffer = buffer(bytes)) {
                await(desc.write(channel, buffer, offset, bytes.length));
            }
        }

        byte[] read(long offset, int length) {
            try (DmaBuf buffer = buffer(length).fill((byte) 0xA5)) {
                await(desc.read(channel, buffer, offset, length));
                return buffer.get(0, length);
            }
        }

        int blockSize() {
            return bdev.blockSize();
        }

        @Override
        public void close() {
            channel.close();
            desc.close();
        }
    }

    /** Fails unless the exception is about the device's being gone. */
    static void assertRemoved(Throwable failure) {
        assertThat(failure).isInstanceOf(SpdkException.NotFound.class);
        assertThat(((SpdkException) failure).errno()).isEqualTo(io.spdkio.Errno.ENODEV);
    }
}
