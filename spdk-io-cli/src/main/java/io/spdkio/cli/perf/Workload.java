package io.spdkio.cli.perf;

import java.util.Locale;

/** What the I/Os are, in {@code bdevperf}'s words. */
enum Workload {
    READ(100, false),
    WRITE(0, false),
    RW(-1, false),
    RANDREAD(100, true),
    RANDWRITE(0, true),
    RANDRW(-1, true),
    VERIFY(0, false);

    /** How many of 100 I/Os read; negative when {@code --mix} says so. */
    private final int readPercent;

    private final boolean random;

    Workload(int readPercent, boolean random) {
        this.readPercent = readPercent;
        this.random = random;
    }

    int readPercent(int mix) {
        return readPercent < 0 ? mix : readPercent;
    }

    boolean isMixed() {
        return readPercent < 0;
    }

    boolean isRandom() {
        return random;
    }

    boolean writes() {
        return readPercent < 100;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
