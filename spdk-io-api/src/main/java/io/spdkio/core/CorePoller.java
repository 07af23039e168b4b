package io.spdkio.core;

import io.spdkio.Poller;

import java.util.function.IntSupplier;

/** A poller, or a timer that fires once. Confined to its thread. */
final class CorePoller implements Poller, Comparable<CorePoller> {
    private final CoreThread thread;
    private final String name;
    final long periodNanos;
    final boolean once;
    private final IntSupplier function;

    long dueNanos;
    boolean closed;
    private boolean paused;
    private boolean running;
    private long runs;

    CorePoller(CoreThread thread, String name, long periodNanos, boolean once, IntSupplier function) {
        this.thread = thread;
        this.name = name;
        this.periodNanos = periodNanos;
        this.once = once;
        this.function = function;
    }

    /** Runs the function, unless it is paused or on the stack already. */
    int run() {
        if (closed || paused || running) {
            return 0;
        }
        running = true;
        runs++;
        try {
            return Math.max(0, function.getAsInt());
        } catch (Throwable e) {
            thread.report(e);
            return 1;
        } finally {
            running = false;
        }
    }

    /** For a timer: runs its task. */
    void fire() {
        int _ = function.getAsInt();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long runs() {
        return runs;
    }

    @Override
    public void pause() {
        thread.checkCurrent("poller '" + name + "'");
        if (!closed && !paused) {
            paused = true;
            thread.unschedule(this);
        }
    }

    @Override
    public void resume() {
        thread.checkCurrent("poller '" + name + "'");
        if (!closed && paused) {
            paused = false;
            thread.schedule(this);
        }
    }

    @Override
    public boolean isPaused() {
        return paused;
    }

    @Override
    public void close() {
        if (!closed) {
            thread.checkCurrent("poller '" + name + "'");
            cancel();
        }
    }

    void cancel() {
        if (!closed) {
            closed = true;
            thread.unschedule(this);
        }
    }

    @Override
    public int compareTo(CorePoller other) {
        return Long.signum(dueNanos - other.dueNanos);
    }
}
