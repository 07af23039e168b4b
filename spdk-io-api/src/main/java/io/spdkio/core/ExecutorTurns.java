package io.spdkio.core;

import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Carries a thread on an executor: one poll a turn, the next turn queued behind the executor's other work. After many
 * turns without work the next one waits a little, or for a message.
 */
final class ExecutorTurns {
    private static final int BUSY_IDLES = 1_000;
    private static final long PAUSE_MICROS = 200;

    private final CoreThread thread;
    private final Executor executor;
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private final AtomicBoolean queued = new AtomicBoolean();
    private boolean inTurn;
    private int idles;

    ExecutorTurns(CoreThread thread, Executor executor) {
        this.thread = thread;
        this.executor = executor;
    }

    CompletableFuture<Void> start() {
        thread.onWakeUp(this::queue);
        queue();
        return done;
    }

    private void queue() {
        if (!done.isDone() && queued.compareAndSet(false, true)) {
            try {
                executor.execute(this::turn);
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
        }
    }

    private void turn() {
        queued.set(false);
        if (inTurn) {
            done.completeExceptionally(
                    new IllegalArgumentException(
                            "the executor runs tasks inside execute(), which leaves no turn for anything else; use one"
                                    + " with a thread"));
            return;
        }
        if (!thread.isPolledByCaller()) {
            done.completeExceptionally(
                    new SpdkException.WrongThread(
                            "SPDK thread '" + thread.name() + "'", thread.osThread(), Thread.currentThread()));
            return;
        }
        inTurn = true;
        try {
            int work = thread.poll();
            if (thread.state() == SpdkThread.State.EXITED) {
                done.complete(null);
                return;
            }
            idles = work > 0 ? 0 : idles + 1;
            if (idles < BUSY_IDLES) {
                queue();
            } else {
                CompletableFuture.delayedExecutor(PAUSE_MICROS, TimeUnit.MICROSECONDS, Runnable::run)
                        .execute(this::queue);
            }
        } catch (RuntimeException | Error e) {
            done.completeExceptionally(e);
            throw e;
        } finally {
            inTurn = false;
        }
    }
}
