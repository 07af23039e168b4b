package io.spdkio.embedded.core;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** An SPDK thread on an OS thread of its own, which does one thing at a time, while the caller waits for it. */
final class SteppedThread implements AutoCloseable {
    private final ExecutorService os;
    private final SpdkThread thread;

    SteppedThread(SpdkEnv env, String name) {
        os = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name(name).factory());
        thread = call(() -> env.attachThread(name));
    }

    SpdkThread thread() {
        return thread;
    }

    /** Waits without polling anything. */
    <T> T call(Callable<T> task) {
        return CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return task.call();
                            } catch (RuntimeException e) {
                                throw e;
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        os)
                .join();
    }

    void run(Runnable task) {
        call(() -> {
            task.run();
            return null;
        });
    }

    void poll() {
        run(thread::poll);
    }

    @Override
    public void close() {
        if (!os.isShutdown()) {
            run(thread::close);
            os.shutdown();
        }
    }
}
