package io.spdkio.libspdk;

import io.spdkio.IdleStrategy;
import io.spdkio.SpdkException;
import io.spdkio.sys.raw.ThreadH;

import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;

/**
 * The OS thread that carries SPDK's app thread and the threads that SPDK makes for itself. Everything that SPDK wants
 * done on the app thread is a task here. It sleeps a little between polls when there is nothing to do; SPDK cannot wake
 * it.
 */
final class AppThread {
    private static final int QUEUE_CHUNK = 64;
    private static final long SLEEP_NANOS = 1_000_000;

    private final Thread os;
    private final Queue<Runnable> tasks = new MpscUnboundedVarHandleArrayQueue<>(QUEUE_CHUNK);
    private final List<Condition> conditions = new ArrayList<>();
    private final List<IntSupplier> pumps = new ArrayList<>();

    /** How many operations somebody waits for; while there are any, this thread does not sleep. */
    private final AtomicInteger awaited = new AtomicInteger();

    private volatile boolean sleeping;
    private volatile boolean stopped;

    private record Condition(BooleanSupplier holds, CompletableFuture<Void> met) {}

    AppThread(String name) {
        os = Thread.ofPlatform().name(name).daemon(true).unstarted(this::loop);
    }

    void start() {
        os.start();
    }

    boolean isCurrent() {
        return Thread.currentThread() == os;
    }

    // ---- for others

    /** Runs a task there, in the order of the calls; any thread. */
    <T> CompletableFuture<T> submit(Callable<T> task) {
        CompletableFuture<T> result = new CompletableFuture<>();
        awaited.incrementAndGet();
        tasks.add(() -> {
            try {
                result.complete(task.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            } finally {
                awaited.decrementAndGet();
            }
        });
        wake();
        return result;
    }

    /** The same, for a task whose result comes later. */
    <T> CompletableFuture<T> start(Callable<CompletableFuture<T>> task) {
        CompletableFuture<T> whole = new CompletableFuture<>();
        awaited.incrementAndGet();
        tasks.add(() -> {
            try {
                var _ =
                        task.call()
                                .whenComplete((value, problem) -> {
                                    awaited.decrementAndGet();
                                    if (problem == null) {
                                        whole.complete(value);
                                    } else {
                                        whole.completeExceptionally(problem);
                                    }
                                });
            } catch (Throwable e) {
                awaited.decrementAndGet();
                whole.completeExceptionally(e);
            }
        });
        wake();
        return whole;
    }

    /** Runs a task there and waits for it, which takes no longer than a poll. Any thread. */
    <T> T call(Callable<T> task) {
        if (isCurrent()) {
            try {
                return task.call();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        try {
            return submit(task).join();
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

    private void wake() {
        if (sleeping) {
            LockSupport.unpark(os);
        }
    }

    // ---- on the thread

    /** Completes when a condition holds; it is looked at after every poll. */
    CompletableFuture<Void> when(BooleanSupplier condition) {
        CompletableFuture<Void> met = new CompletableFuture<>();
        if (condition.getAsBoolean()) {
            met.complete(null);
        } else {
            conditions.add(new Condition(condition, met));
        }
        return met;
    }

    /** Polls until a condition holds; for start and stop, when nothing else is going on. */
    void pollUntil(String what, BooleanSupplier condition, long timeoutNanos) {
        long begin = System.nanoTime();
        IdleStrategy idle = IdleStrategy.backoff();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - begin > timeoutNanos) {
                throw new SpdkException.TimedOut(what + " did not end in time", -io.spdkio.Errno.ETIMEDOUT);
            }
            idle.idle(pump());
        }
    }

    /** Has something polled in every turn. */
    void poll(IntSupplier pump) {
        pumps.add(pump);
    }

    /** Polls an SPDK thread in every turn; lets go of it when it has exited. */
    void adopt(MemorySegment spdkThread) {
        poll(() -> {
            int busy = ThreadH.spdk_thread_poll(spdkThread, 0, 0);
            if (ThreadH.spdk_thread_is_exited(spdkThread) && !ThreadH.spdk_thread_is_app_thread(spdkThread)) {
                ThreadH.spdk_thread_destroy(spdkThread);
                return -1;
            }
            return Math.max(busy, 0);
        });
    }

    private int pump() {
        int work = 0;
        for (int i = 0; i < pumps.size(); i++) {
            int done = pumps.get(i).getAsInt();
            if (done < 0) {
                pumps.remove(i--);
            } else {
                work += done;
            }
        }
        return work;
    }

    private int runTasks() {
        int done = 0;
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
            done++;
        }
        return done;
    }

    private int checkConditions() {
        int met = 0;
        for (int i = 0; i < conditions.size(); i++) {
            Condition condition = conditions.get(i);
            boolean holds;
            try {
                holds = condition.holds.getAsBoolean();
            } catch (Throwable e) {
                conditions.remove(i--);
                condition.met.completeExceptionally(e);
                continue;
            }
            if (holds) {
                conditions.remove(i--);
                condition.met.complete(null);
                met++;
            }
        }
        return met;
    }

    private void loop() {
        IdleStrategy idle = IdleStrategy.backoff();
        while (!stopped) {
            int work = 0;
            try {
                work += runTasks() + pump();
                if (!conditions.isEmpty()) {
                    work += checkConditions();
                }
            } catch (Throwable e) {
                System.getLogger("io.spdkio").log(System.Logger.Level.ERROR, "SPDK's app thread goes on after", e);
            }
            if (work > 0) {
                idle.idle(work);
            } else if (awaited.get() > 0) {
                Thread.yield();
            } else {
                sleeping = true;
                if (tasks.isEmpty()) {
                    LockSupport.parkNanos(SLEEP_NANOS);
                }
                sleeping = false;
            }
        }
        runTasks();
        // It does not end. OpenSSL, which SPDK uses, frees what it keeps for a thread when that ends and everything
        // when
        // the process does: at the same time, as here, it frees some of it twice.
        while (true) {
            LockSupport.park(this);
        }
    }

    /** Ends the loop; nothing is polled any more. On the thread. */
    void stop() {
        stopped = true;
        pumps.clear();
    }
}
