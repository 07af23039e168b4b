package io.spdkio.cli.perf;

import java.util.Locale;

/** Which of the library's ways to do I/O is measured. */
enum Api {
    /** {@code IoQueue}: slots and a completion handler. */
    QUEUE,
    /** {@code BdevDesc.read} and its future. */
    FUTURES,
    /** A forked virtual thread for each I/O in flight, which joins it. */
    DIRECT;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
