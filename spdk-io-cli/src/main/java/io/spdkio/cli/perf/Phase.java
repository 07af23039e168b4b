package io.spdkio.cli.perf;

/** What the threads of a run share with the one that started it. */
final class Phase {
    static final int WARM_UP = 0;
    static final int MEASURE = 1;
    static final int STOP = 2;

    /** Read by every worker after each burst of polls. */
    volatile int now = WARM_UP;

    /** The first thing that went wrong; it ends the run. */
    private volatile Throwable problem;

    synchronized void fail(Throwable first) {
        if (problem == null) {
            problem = first;
        }
        now = STOP;
    }

    Throwable problem() {
        return problem;
    }
}
