package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IdleStrategy;
import io.spdkio.IoChannel;
import io.spdkio.IoDevice;
import io.spdkio.IoDeviceId;
import io.spdkio.IoFuture;
import io.spdkio.Poller;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.SpinLock;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;

/** The part of a thread that is the same on every engine: messages, pollers, forked threads, channels, and its life. */
final class CoreThread implements SpdkThread {
    /**
     * How long an exiting thread waits for its I/O before it aborts it, and again before it gives up; as SPDK's {@code
     * spdk_thread_exit}.
     */
    private static final int GIVEN_UP_NAMED = 8;

    private static final long EXIT_GRACE_NANOS = 5_000_000_000L;

    /** A handler that joins polls inside a poll; deeper than this is a loop, or soon a stack overflow. */
    private static final int MAX_NESTED_POLLS = 64;

    private final CoreEnv env;
    private final String name;
    private final long id;
    private volatile OsThread os;
    private final IoContext io;
    private final EngineThread engineThread;

    private final Queue<Runnable> messages;
    private final AtomicInteger senders = new AtomicInteger();
    private volatile State state = State.RUNNING;
    private final SpinLock stateGuard = new SpinLock();
    private volatile boolean sleeping;
    private volatile Runnable wakeUp = () -> {};

    private final ArrayDeque<Runnable> runnableForks = new ArrayDeque<>();
    private final Map<Thread, CoreFuture<?>> forks = new HashMap<>();
    private final List<CorePoller> pollers = new ArrayList<>();

    /** What {@link #pollers} holds, as an array; null after a change. */
    private CorePoller[] pollersDue;

    private final PriorityQueue<CorePoller> timed = new PriorityQueue<>();
    private final Map<IoDeviceId, SharedChannel> channels = new HashMap<>();
    private final ArrayDeque<FutureIo> spareIos = new ArrayDeque<>();
    private final Set<Runnable> lastWords = new HashSet<>();
    private int futureIos;
    private int depth;

    private final CompletableFuture<Void> exited = new CompletableFuture<>();
    private volatile boolean abortAtExit;
    private boolean exitBegun;
    private boolean exitAborted;
    private boolean givenUp;
    private long exitDeadlineNanos;

    CoreThread(CoreEnv env, Engine engine, String name, long id, OsThread os) {
        this.env = env;
        this.name = name;
        this.id = id;
        this.os = os;
        this.messages = engine.newMessageQueue();
        this.io = new IoContext(this, env.clock(), this::post, this::report);
        this.engineThread = engine.attachThread(io);
    }

    // ---- who and where

    @Override
    public String name() {
        return name;
    }

    @Override
    public long id() {
        return id;
    }

    @Override
    public State state() {
        return state;
    }

    @Override
    public Thread osThread() {
        return os.thread();
    }

    OsThread os() {
        return os;
    }

    IoContext io() {
        return io;
    }

    EngineThread engineThread() {
        return engineThread;
    }

    CoreEnv env() {
        return env;
    }

    CompletableFuture<Void> exited() {
        return exited;
    }

    @Override
    public boolean isCurrent() {
        return DirectStyle.isOn(os.thread());
    }

    void checkCurrent(String what) {
        if (!isCurrent()) {
            throw new SpdkException.WrongThread(what, os.thread(), Thread.currentThread());
        }
    }

    /** Whether so many polls of this thread are on the stack that only what waits for itself should add another. */
    boolean isDeep() {
        return depth >= MAX_NESTED_POLLS / 2;
    }

    /** Whether a poll of this thread is on the stack. On the thread. */
    boolean isBeingPolled() {
        return depth > 0;
    }

    /** Moves to the calling OS thread; the one it was attached to has ended. */
    void adopt() {
        os.detach(this);
        os = new OsThread(Thread.currentThread());
        os.attach(this);
        io.moveTo(Thread.currentThread());
        depth = 0;
    }

    /** Whether a wait on the calling thread has to poll this one. */
    boolean isPolledByCaller() {
        return Thread.currentThread() == os.thread();
    }

    private void checkMayPoll() {
        Thread current = Thread.currentThread();
        if (current != os.thread()) {
            if (current.isVirtual() && isCurrent()) {
                throw new IllegalStateException(
                        "a forked thread must not poll its carrier '" + name + "'; wait with join instead");
            }
            throw new SpdkException.WrongThread("SPDK thread '" + name + "'", os.thread(), current);
        }
    }

    @Override
    public long nanoTime() {
        return io.nanoTime();
    }

    void report(Throwable problem) {
        env.report(problem);
    }

    @Override
    public boolean isIdle() {
        checkCurrent("SPDK thread '" + name + "'");
        return messages.isEmpty()
                && runnableForks.isEmpty()
                && pollers.isEmpty()
                && io.outstanding() == 0
                && !io.hasCompletions()
                && engineThread.isIdle();
    }

    // ---- polling

    @Override
    public int poll() {
        return poll(0);
    }

    @Override
    public int poll(int maxMessages) {
        if (maxMessages < 0) {
            throw new IllegalArgumentException("maxMessages is not negative: " + maxMessages);
        }
        checkMayPoll();
        if (state == State.EXITED) {
            return 0;
        }
        if (depth == MAX_NESTED_POLLS) {
            throw new IllegalStateException(
                    "thread '"
                            + name
                            + "' waits inside "
                            + depth
                            + " completions, each inside the other; chain the futures instead of joining them");
        }
        depth++;
        CoreThread outer = os.polled;
        if (outer != this) {
            os.polled = this;
        }
        int work = 0;
        try {
            if (!messages.isEmpty()) {
                work += runMessages(maxMessages);
            }
            if (!runnableForks.isEmpty()) {
                work += runForks();
            }
            if (!pollers.isEmpty()) {
                work += runPollers();
            }
            if (!timed.isEmpty()) {
                work += runTimed();
            }
            work += engineThread.poll();
            work += io.drain();
            if (!runnableForks.isEmpty()) {
                work += runForks();
            }
        } finally {
            depth--;
            io.endPoll();
            if (outer != this) {
                os.polled = outer;
            }
        }
        if (state == State.EXITING) {
            work += drainForExit();
        }
        return work;
    }

    private int runMessages(int maxMessages) {
        int due = maxMessages == 0 ? messages.size() : maxMessages;
        int done = 0;
        while (done < due) {
            Runnable message = messages.poll();
            if (message == null) {
                break;
            }
            done++;
            runReported(message);
        }
        return done;
    }

    void runReported(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            report(e);
        }
    }

    private int runForks() {
        int due = runnableForks.size();
        int done = 0;
        for (; done < due && !runnableForks.isEmpty(); done++) {
            runReported(runnableForks.poll());
        }
        return done;
    }

    private int runPollers() {
        int work = 0;
        // A poller may register, pause and close others and itself: each of those there at the beginning runs once.
        CorePoller[] due = pollersDue;
        if (due == null) {
            due = pollers.toArray(CorePoller[]::new);
            pollersDue = due;
        }
        for (CorePoller poller : due) {
            work += poller.run();
        }
        return work;
    }

    private int runTimed() {
        int work = 0;
        long now = env.clock().getAsLong();
        for (CorePoller next = timed.peek(); next != null && next.dueNanos - now <= 0; next = timed.peek()) {
            timed.poll();
            if (next.once) {
                next.closed = true;
                runReported(next::fire);
                work++;
            } else {
                // From now rather than from when it was due: a thread that was held up does not owe the runs it missed.
                next.dueNanos = now + next.periodNanos;
                timed.add(next);
                work += next.run();
            }
        }
        return work;
    }

    @Override
    public void run(IdleStrategy idle) {
        Objects.requireNonNull(idle, "idle");
        checkMayPoll();
        while (state != State.EXITED) {
            idleAfter(poll(), idle);
        }
    }

    private void idleAfter(int work, IdleStrategy idle) {
        if (work == 0) {
            sleeping = true;
            if (messages.isEmpty()) {
                idle.idle(0);
            }
            sleeping = false;
        } else {
            idle.idle(work);
        }
    }

    /**
     * Polls until a condition holds or the time is up. With nothing to do here it polls the other threads of this OS
     * thread, because what is waited for may need them: a reset, for one, waits for every thread that has a channel.
     */
    void pollUntil(BooleanSupplier condition, long timeoutNanos) {
        checkMayPoll();
        IdleStrategy idle = IdleStrategy.backoff();
        long begin = timeoutNanos == Long.MAX_VALUE ? 0 : System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (state == State.EXITED || givenUp) {
                throw new SpdkException.Closed(
                        "SPDK thread '"
                                + name
                                + "' has exited, so what is waited for will not happen on it; wait before closing it");
            }
            int work = poll();
            if (condition.getAsBoolean()) {
                return;
            }
            if (work == 0) {
                work = os.pollOthers(this);
            }
            if (timeoutNanos != Long.MAX_VALUE && System.nanoTime() - begin >= timeoutNanos) {
                return;
            }
            if (Thread.currentThread().isInterrupted() && work == 0) {
                // Parking returns at once for an interrupted thread; yield so that others get on.
                Thread.yield();
            } else {
                idleAfter(work, idle);
            }
        }
    }

    @Override
    public <T> T await(CompletionStage<T> stage) {
        CompletableFuture<T> future = stage.toCompletableFuture();
        if (!future.isDone()) {
            checkCurrent("SPDK thread '" + name + "'");
            if (isPolledByCaller()) {
                var _ = future.whenComplete((_, _) -> wake());
                pollUntil(future::isDone, Long.MAX_VALUE);
            }
        }
        return result(future);
    }

    /**
     * Polls while a future that others complete is not done; returns as well when there is nothing to poll any more.
     */
    void pollWhileWaitingFor(CompletableFuture<?> future, long timeoutNanos, boolean interruptible) {
        var _ = future.whenComplete((_, _) -> wake());
        pollUntil(
                () ->
                        future.isDone()
                                || state == State.EXITED
                                || givenUp
                                || (interruptible && Thread.currentThread().isInterrupted()),
                timeoutNanos);
    }

    /**
     * The SPDK thread to poll while the caller waits for this one: itself, or one that the caller's OS thread carries,
     * because this one may need that one to get on. Null when the caller can simply block.
     */
    CoreThread polledMeanwhile() {
        if (isPolledByCaller()) {
            return this;
        }
        return env.polledByCaller();
    }

    static <T> T result(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (CompletionException e) {
            throw CoreFuture.unwrapped(e);
        }
    }

    @Override
    public CompletableFuture<Void> pollOn(Executor executor) {
        return new ExecutorTurns(this, Objects.requireNonNull(executor, "executor")).start();
    }

    void onWakeUp(Runnable action) {
        wakeUp = action;
    }

    private void wake() {
        if (sleeping) {
            LockSupport.unpark(os.thread());
        }
        wakeUp.run();
    }

    // ---- messages

    @Override
    public void execute(Runnable task) {
        Objects.requireNonNull(task, "task");
        if (!offer(task, State.RUNNING)) {
            throw closed();
        }
    }

    private SpdkException.Closed closed() {
        return new SpdkException.Closed(
                "SPDK thread '"
                        + name
                        + "' "
                        + (state == State.EXITED ? "has exited" : "is exiting")
                        + " and takes no new work; use another thread");
    }

    /** Sends a message of the library's own: also while the thread is exiting. */
    boolean post(Runnable task) {
        return offer(task, State.EXITING);
    }

    private boolean offer(Runnable task, State latest) {
        // The thread counts as exited only when nobody is in here, so that no message is left behind unseen.
        senders.incrementAndGet();
        try {
            if (state.compareTo(latest) > 0) {
                return false;
            }
            messages.add(task);
        } finally {
            senders.decrementAndGet();
        }
        wake();
        return true;
    }

    /** Runs a task on this thread: now if the caller is on it, else as a message. */
    void onOwnThread(Runnable task) {
        if (isCurrent()) {
            task.run();
        } else {
            post(task);
        }
    }

    @Override
    public <T> IoFuture<T> call(Callable<T> task) {
        Objects.requireNonNull(task, "task");
        CoreFuture<T> future = new CoreFuture<>(this);
        execute(() -> settle(future, task));
        return future;
    }

    private static <T> void settle(CoreFuture<T> future, Callable<T> task) {
        try {
            future.complete(task.call());
        } catch (Throwable e) {
            future.completeExceptionally(e instanceof CompletionException && e.getCause() != null ? e.getCause() : e);
        }
    }

    /**
     * Completes a future with what a stage brings, unless this thread exits before: then the future fails, and what the
     * stage brings later is thrown away.
     */
    <S, T> void whileRunning(
            CoreFuture<T> future,
            CompletionStage<? extends S> stage,
            Function<? super S, ? extends T> result,
            Consumer<? super S> discard) {
        Runnable giveUp = () -> future.completeExceptionally(closed());
        lastWords.add(giveUp);
        stage.whenComplete((value, problem) -> {
            lastWords.remove(giveUp);
            if (problem != null) {
                future.completeExceptionally(CoreBlobstore.unwrapped(problem));
            } else if (state == State.EXITED || future.isDone()) {
                // Nobody gets it.
                discard.accept(value);
            } else {
                future.complete(result.apply(value));
            }
        });
    }

    // ---- direct style

    @Override
    public <T> IoFuture<T> fork(Callable<T> task) {
        Objects.requireNonNull(task, "task");
        checkCurrent("SPDK thread '" + name + "'");
        if (state != State.RUNNING) {
            throw closed();
        }
        CoreFuture<T> future = new CoreFuture<>(this);
        Thread virtual =
                DirectStyle.unstarted(
                        name + "-fork",
                        this::scheduleFork,
                        () -> {
                            try {
                                settle(future, task);
                            } finally {
                                forks.remove(Thread.currentThread());
                            }
                        });
        forks.put(virtual, future);
        virtual.start();
        return future;
    }

    private void scheduleFork(Runnable continuation) {
        if (isCurrent()) {
            runnableForks.add(continuation);
        } else {
            post(() -> runnableForks.add(continuation));
        }
    }

    // ---- pollers

    @Override
    public Poller registerPoller(String pollerName, Duration period, IntSupplier function) {
        Objects.requireNonNull(pollerName, "name");
        Objects.requireNonNull(function, "function");
        checkCurrent("SPDK thread '" + name + "'");
        if (period.isNegative()) {
            throw new IllegalArgumentException("a poller's period is not negative: " + period);
        }
        if (state != State.RUNNING) {
            throw closed();
        }
        return every(pollerName, period, function);
    }

    CorePoller every(String pollerName, Duration period, IntSupplier function) {
        CorePoller poller = new CorePoller(this, pollerName, nanosOf(period), false, function);
        schedule(poller);
        return poller;
    }

    /** A timer. */
    CorePoller after(Duration delay, Runnable task) {
        CorePoller timer =
                new CorePoller(
                        this,
                        "timer",
                        Math.max(1, nanosOf(delay)),
                        true,
                        () -> {
                            task.run();
                            return 1;
                        });
        schedule(timer);
        return timer;
    }

    private static long nanosOf(Duration duration) {
        Duration longest = Duration.ofDays(36_500);
        return (duration.compareTo(longest) > 0 ? longest : duration).toNanos();
    }

    void schedule(CorePoller poller) {
        if (poller.periodNanos == 0) {
            pollers.add(poller);
            pollersDue = null;
        } else {
            poller.dueNanos = env.clock().getAsLong() + poller.periodNanos;
            timed.add(poller);
        }
    }

    void unschedule(CorePoller poller) {
        if (poller.periodNanos == 0) {
            pollers.remove(poller);
            pollersDue = null;
        } else {
            timed.remove(poller);
        }
    }

    // ---- channels and I/O

    @Override
    public IoChannel ioChannel(IoDevice device) {
        Objects.requireNonNull(device, "device");
        checkCurrent("SPDK thread '" + name + "'");
        if (state != State.RUNNING) {
            throw closed();
        }
        switch (device) {
            case CoreBdevDesc desc -> {
                checkIsOurs(desc.env());
                desc.checkOpen();
            }
            case CoreBlobstore store -> {
                checkIsOurs(store.env());
                store.checkOpen();
            }
            default ->
                    throw new IllegalArgumentException(
                            "not a device of this library: "
                                    + device.getClass().getName()
                                    + ". Devices of your own are BdevBackends, made with CustomBdev");
        }
        SharedChannel channel = channels.get(device.ioDeviceId());
        if (channel == null) {
            channel =
                    device instanceof CoreBdevDesc desc
                            ? new CoreChannel(this, desc)
                            : new StoreChannel(this, (CoreBlobstore) device);
            channels.put(device.ioDeviceId(), channel);
        }
        return channel.handles().add();
    }

    private void checkIsOurs(CoreEnv theirs) {
        if (theirs != env) {
            throw new IllegalArgumentException("the device belongs to another environment");
        }
    }

    void forget(SharedChannel channel) {
        channels.remove(channel.ioDeviceId(), channel);
    }

    /** An I/O for a future; null when this thread has its full number outstanding. */
    FutureIo takeFutureIo() {
        FutureIo request = spareIos.pollLast();
        if (request == null && futureIos < env.ioPoolSize()) {
            futureIos++;
            request = new FutureIo(this);
        }
        return request;
    }

    void giveBack(FutureIo request) {
        spareIos.addLast(request);
    }

    // ---- the end

    @Override
    public void exit() {
        if (state == State.RUNNING) {
            try (SpinLock _ = stateGuard.acquire()) {
                if (state == State.RUNNING) {
                    state = State.EXITING;
                }
            }
            // A message rather than a mere wake-up: a thread about to sleep looks for messages only.
            post(() -> {});
        }
    }

    /** {@link #exit}, and no grace for outstanding I/O. */
    void exitNow() {
        abortAtExit = true;
        exit();
        post(() -> {});
    }

    @Override
    public void close() {
        if (state == State.EXITED) {
            return;
        }
        checkMayPoll();
        if (depth > 0) {
            throw new IllegalStateException(
                    "thread '" + name + "' can't be closed from inside its own poll; call exit() instead");
        }
        exit();
        IdleStrategy idle = IdleStrategy.backoff();
        while (state != State.EXITED) {
            int work = poll();
            if (work == 0) {
                work = os.pollOthers(this);
            }
            idleAfter(work, idle);
        }
    }

    private int drainForExit() {
        long now = System.nanoTime();
        if (!exitBegun) {
            exitBegun = true;
            exitDeadlineNanos = now + EXIT_GRACE_NANOS;
        }
        if (depth == 0
                && (givenUp
                        || (messages.isEmpty()
                                && runnableForks.isEmpty()
                                && forks.isEmpty()
                                && io.outstanding() == 0
                                && !io.hasCompletions()))) {
            finishExit();
            return 1;
        }
        if (!exitAborted && (abortAtExit || now - exitDeadlineNanos > 0)) {
            exitAborted = true;
            exitDeadlineNanos = now + EXIT_GRACE_NANOS;
            io.forEachOutstanding(request -> {
                if (request instanceof CoreRequest core) {
                    core.abort();
                }
            });
            forks.keySet().forEach(Thread::interrupt);
            return 1;
        }
        if (exitAborted && !givenUp && now - exitDeadlineNanos > 0) {
            giveUp();
            return 1;
        }
        return 0;
    }

    /**
     * The device did not end in time what it was asked to abort. Nobody is left waiting for it: the futures fail, and
     * the forked threads that wait for them get one more turn.
     */
    private void giveUp() {
        givenUp = true;
        List<FutureIo> abandoned = new ArrayList<>();
        List<String> named = new ArrayList<>();
        io.forEachOutstanding(request -> {
            if (named.size() < GIVEN_UP_NAMED) {
                named.add(request instanceof CoreRequest core ? core.described() : request.toString());
            }
            if (request instanceof FutureIo future) {
                abandoned.add(future);
            }
        });
        System.getLogger("io.spdkio")
                .log(
                        System.Logger.Level.WARNING,
                        "thread ''{0}'' exits although {1} I/Os and {2} forked threads have not ended; their"
                                + " buffers stay allocated: {3}",
                        name,
                        io.outstanding(),
                        forks.size(),
                        String.join(", ", named));
        abandoned.forEach(FutureIo::abandon);
    }

    /** Whether the time for draining was up and I/O is refused. */
    boolean refusesIo() {
        return exitAborted;
    }

    private void finishExit() {
        state = State.EXITED;
        while (senders.get() != 0) {
            Thread.onSpinWait();
        }
        for (Runnable left = messages.poll(); left != null; left = messages.poll()) {
            runReported(left);
        }
        int _ = runForks();
        List.copyOf(forks.values())
                .forEach(future ->
                        future.completeExceptionally(
                                new SpdkException.Closed(
                                        "SPDK thread '" + name + "' has exited under the forked thread")));
        pollers.forEach(poller -> poller.closed = true);
        pollers.clear();
        timed.forEach(poller -> poller.closed = true);
        timed.clear();
        List.copyOf(lastWords).forEach(this::runReported);
        runReported(() -> env.abandonStores(this));
        if (io.outstanding() == 0) {
            List.copyOf(channels.values()).forEach(channel -> runReported(channel::release));
            runReported(engineThread::close);
        } else {
            List.copyOf(channels.values()).forEach(channel -> runReported(channel::abandon));
            runReported(engineThread::giveUp);
        }
        os.detach(this);
        env.threadExited(this);
        exited.complete(null);
    }

    /** Whether I/O is outstanding that will never be waited for. */
    boolean leaksIo() {
        return state == State.EXITED && io.outstanding() != 0;
    }

    @Override
    public String toString() {
        return "SpdkThread[" + name + ", " + state + "]";
    }

    static SpdkException noMoreIos(int poolSize) {
        return new SpdkException.NoMemory(
                "all "
                        + poolSize
                        + " I/Os of this thread are outstanding; poll until some complete, or raise ioPoolSize",
                -Errno.ENOMEM);
    }
}
