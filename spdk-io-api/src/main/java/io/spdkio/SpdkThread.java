package io.spdkio;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.IntSupplier;

/**
 * An SPDK thread: a queue of messages, a set of pollers and the I/O channels of whoever runs on it ({@code
 * spdk_thread}). It is no OS thread; it runs on the one that it is attached to, whenever that one polls it.
 *
 * <p><b>Thread:</b> confined to its OS thread and to the virtual threads it {@linkplain #fork forks}, except for {@link
 * #execute}, {@link #call}, {@link #pollOn}, {@link #exit} and the methods that only tell something. Anything else from
 * elsewhere throws {@link SpdkException.WrongThread}.
 *
 * <p><b>Closing:</b> {@link #exit} refuses new messages and I/O; polling then drains what is there; when nothing is
 * left the thread has exited. {@link #close} does both.
 */
public interface SpdkThread extends Executor, AutoCloseable {
    /** Where a thread is in its life. */
    enum State {
        /** Polls, takes messages and I/O. */
        RUNNING,
        /** Takes nothing new and is being drained. */
        EXITING,
        /** Is drained; polling does nothing. */
        EXITED
    }

    /**
     * The name it was given.
     *
     * @return the name
     */
    String name();

    /**
     * Its number, unique in the environment.
     *
     * @return a positive number
     */
    long id();

    /**
     * Where it is in its life. May be called from any thread.
     *
     * @return the state
     */
    State state();

    /**
     * The OS thread it is attached to.
     *
     * @return the thread
     */
    Thread osThread();

    /**
     * Whether the caller may use this thread's confined methods.
     *
     * @return true on its OS thread and in virtual threads that it forked
     */
    boolean isCurrent();

    /**
     * Whether there is nothing to do: no message, no runnable forked thread, no active poller and no outstanding I/O.
     *
     * @return true if a poll would find nothing
     */
    boolean isIdle();

    /**
     * The clock of the data path: the time when the current poll began to hand out completions, or now when called
     * between polls. Cheaper than {@link System#nanoTime} and on the same scale.
     *
     * @return nanoseconds
     */
    long nanoTime();

    /**
     * Does what there is to do: messages, forked threads, pollers, completions.
     *
     * @return how much it did; 0 when idle
     */
    int poll();

    /**
     * The same, with at most so many messages.
     *
     * @param maxMessages the most messages to run, at least 1; 0 means no limit but what is queued when the poll begins
     * @return how much it did; 0 when idle
     */
    int poll(int maxMessages);

    /**
     * Polls until the thread has exited, which {@link #exit} asks for.
     *
     * @param idle what to do when a poll found nothing
     */
    void run(IdleStrategy idle);

    /**
     * Lets an executor carry this thread: each turn polls once and then queues the next turn behind the executor's
     * other work. The executor must run its tasks on the OS thread that this one is attached to; {@link
     * SpdkEnv#attachThread(String, Executor)} attaches to an executor's thread.
     *
     * @param executor a single-threaded executor
     * @return completes when the thread has exited; fails with {@link SpdkException.WrongThread} when the executor runs
     *     on another thread
     */
    CompletableFuture<Void> pollOn(Executor executor);

    /**
     * Polls until a stage completes.
     *
     * @param stage any stage, whoever completes it
     * @param <T> its result
     * @return its result
     * @throws SpdkException if the stage failed with one
     * @throws java.util.concurrent.CompletionException if it failed with anything else
     */
    <T> T await(CompletionStage<T> stage);

    /**
     * Sends a message: the task runs in a later poll, after those sent before it by the same sender. May be called from
     * any thread.
     *
     * @param task what to run; what it throws is reported to the environment's exception handler
     * @throws SpdkException.Closed if the thread is exiting or has exited
     */
    @Override
    void execute(Runnable task);

    /**
     * Sends a message and brings its result back. May be called from any thread.
     *
     * @param task what to run
     * @param <T> its result
     * @return completes on this thread with what the task returned or threw
     * @throws SpdkException.Closed if the thread is exiting or has exited
     */
    <T> IoFuture<T> call(Callable<T> task);

    /**
     * Runs a task on a virtual thread whose carrier is this thread: where it waits it is parked and polling goes on.
     * This is how to write {@code desc.read(…).join()} in a straight line without giving up a core to it.
     *
     * <p>A monitor or lock that the task shares with other code of this thread and with other OS threads can stop all
     * of them: the task queues for it and gives up the OS thread, other code on that queues behind and blocks it, and
     * the task, which is next, has nothing to run on. The library guards its own state without such locks.
     *
     * <p>Needs {@code --add-opens java.base/java.lang=io.spdkio} ({@code =ALL-UNNAMED} when the library is on the class
     * path).
     *
     * @param task what to run, from the next poll on
     * @param <T> its result
     * @return completes on this thread with what the task returned or threw
     * @throws SpdkException.Unsupported if the JVM was started without that flag
     */
    <T> IoFuture<T> fork(Callable<T> task);

    /**
     * The same for a task without a result.
     *
     * @param task what to run
     * @return completes when the task has returned or thrown
     */
    default IoFuture<Void> fork(Runnable task) {
        return fork(() -> {
            task.run();
            return null;
        });
    }

    /**
     * Registers a function that every poll calls, or one that is called once a period.
     *
     * @param name shown in reports
     * @param period how often; {@link Duration#ZERO} for every poll
     * @param function returns how much it did, 0 when nothing
     * @return its registration
     */
    Poller registerPoller(String name, Duration period, IntSupplier function);

    /**
     * Finds this thread's channel to a device, or makes it.
     *
     * @param device an open device of this environment
     * @return the channel, counted once more; to be closed as often as it was returned
     */
    IoChannel ioChannel(IoDevice device);

    /**
     * Asks the thread to drain and end. May be called from any thread. Asking again does nothing.
     *
     * <p>Messages already sent run. Outstanding I/O and forked threads have five seconds to end, as in SPDK, and are
     * then aborted and interrupted. What has not ended five seconds later is left behind: its futures fail with {@link
     * SpdkException.Closed}, its buffers stay leased. In the end pollers are closed and channels released.
     */
    void exit();

    /** {@link #exit}, then polls until the thread has exited. Closing twice is once. */
    @Override
    void close();
}
