package io.spdkio.spi;

import io.spdkio.SpdkThread;
import io.spdkio.core.DirectStyle;

import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * A thread's I/O: the table of its requests and the ring of those that have completed but are not handed out yet.
 * Confined to its OS thread, but for {@link #completeFromAfar}.
 *
 * <p>The ring holds numbers into the table rather than references, for the garbage collector's sake.
 */
public final class IoContext {
    /** The clock of an environment that was not given another. */
    public static final LongSupplier SYSTEM_CLOCK = System::nanoTime;

    private final SpdkThread thread;
    private Thread osThread;
    private final LongSupplier clock;
    private final Predicate<Runnable> postbox;
    private final Consumer<Throwable> reporter;

    private IoRequest[] table = new IoRequest[64];
    private int[] free = new int[64];
    private int freeCount;
    private int registered;

    private int[] ring = new int[64];
    private int head;
    private int tail;

    /** When this poll began to hand out completions; counts until the poll ends. */
    private long now;

    private boolean nowCounts;

    /** How many requests are outstanding. */
    int outstanding;

    /**
     * Makes a thread's context.
     *
     * @param thread the thread
     * @param clock nanoseconds
     * @param postbox sends a message to the thread; false when it has exited
     * @param reporter told of exceptions that nobody else is told of
     */
    public IoContext(SpdkThread thread, LongSupplier clock, Predicate<Runnable> postbox, Consumer<Throwable> reporter) {
        this.thread = thread;
        this.osThread = thread.osThread();
        this.clock = clock;
        this.postbox = postbox;
        this.reporter = reporter;
    }

    /**
     * The thread.
     *
     * @return the thread
     */
    public SpdkThread thread() {
        return thread;
    }

    /**
     * Whether the caller runs on the thread.
     *
     * @return true if it does
     */
    public boolean isCurrent() {
        return DirectStyle.isOn(osThread);
    }

    /**
     * Moves to another OS thread, when the one it ran on has ended.
     *
     * @param other the new one
     */
    public void moveTo(Thread other) {
        osThread = other;
    }

    /**
     * Sends a message to the thread, also while it is exiting.
     *
     * @param task what to run
     * @return false if the thread has exited; the task will not run
     */
    public boolean post(Runnable task) {
        return postbox.test(task);
    }

    /**
     * Reports an exception to the environment's handler.
     *
     * @param problem what was thrown
     */
    public void report(Throwable problem) {
        reporter.accept(problem);
    }

    /**
     * The time: when this poll began to hand out completions, or now.
     *
     * @return nanoseconds
     */
    public long nanoTime() {
        return nowCounts ? now : clock.getAsLong();
    }

    /**
     * How many requests are outstanding, the engine's own among them.
     *
     * @return the number
     */
    public int outstanding() {
        return outstanding;
    }

    /**
     * Whether completions wait to be handed out.
     *
     * @return true if so
     */
    public boolean hasCompletions() {
        return head != tail;
    }

    /**
     * Hands out the completions that are there now.
     *
     * @return how many
     */
    public int drain() {
        int due = tail - head;
        if (due == 0) {
            return 0;
        }
        now = clock.getAsLong();
        nowCounts = true;
        // A handler may poll again and take some of what was due.
        for (int i = 0; i < due && head != tail; i++) {
            try {
                table[ring[head++ & (ring.length - 1)]].deliver();
            } catch (Throwable e) {
                // One that goes wrong must not take the others along.
                report(e);
            }
        }
        return due;
    }

    /**
     * Tells what time it is in this poll, for an engine that knows it without asking the system. Without effect when
     * the environment has a clock of its own.
     *
     * @param nanos as {@link System#nanoTime}
     */
    public void now(long nanos) {
        if (clock == SYSTEM_CLOCK) {
            now = nanos;
            nowCounts = true;
        }
    }

    /**
     * Ends an I/O and hands its completion out at once: {@link IoRequest#complete} and {@link #drain} in one. Only
     * inside {@link EngineThread#poll}.
     *
     * @param id its {@link IoRequest#id}
     * @param status its {@link io.spdkio.IoStatus}
     */
    public void completeNow(int id, int status) {
        if (!nowCounts) {
            now = clock.getAsLong();
            nowCounts = true;
        }
        try {
            table[id].completeNow(status);
        } catch (Throwable e) {
            // One that goes wrong must not take the others along.
            report(e);
        }
    }

    /**
     * Ends a poll: what comes after it reads the clock itself. Until then forked threads share one reading with the
     * completions that woke them: a reading for each was a tenth of their I/O's time.
     */
    public void endPoll() {
        nowCounts = false;
    }

    /**
     * Visits every request of the table that is outstanding.
     *
     * @param visitor called for each; must not submit
     */
    public void forEachOutstanding(Consumer<IoRequest> visitor) {
        IoRequest[] snapshot = table;
        for (IoRequest request : snapshot) {
            if (request != null && request.isOutstanding()) {
                visitor.accept(request);
            }
        }
    }

    /**
     * Finds a request by its number.
     *
     * @param id its {@link IoRequest#id}
     * @return the request, or null when there is none with this number
     */
    public IoRequest request(int id) {
        return table[id];
    }

    int register(IoRequest request) {
        if (!isCurrent()) {
            throw new IllegalStateException("a request is made on the thread it belongs to");
        }
        int id = freeCount > 0 ? free[--freeCount] : registered++;
        if (id == table.length) {
            table = Arrays.copyOf(table, id * 2);
            free = Arrays.copyOf(free, id * 2);
            growRing(id * 2);
        }
        table[id] = request;
        return id;
    }

    void unregister(IoRequest request) {
        if (request.isOutstanding()) {
            throw new IllegalStateException(request + " is outstanding");
        }
        table[request.id()] = null;
        free[freeCount++] = request.id();
    }

    /** As a request completes once, the ring never holds more than the table does. */
    void push(int id) {
        ring[tail++ & (ring.length - 1)] = id;
    }

    void completeFromAfar(IoRequest request, int status) {
        post(() -> request.completeHere(status));
    }

    private void growRing(int size) {
        int[] larger = new int[size];
        int count = tail - head;
        for (int i = 0; i < count; i++) {
            larger[i] = ring[(head + i) & (ring.length - 1)];
        }
        ring = larger;
        head = 0;
        tail = count;
    }
}
