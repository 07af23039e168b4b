package io.spdkio.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * SPDK's log and that of DPDK below it, taken line by line instead of written to standard error. Both log on any
 * thread; the lines are kept in C until somebody takes them, so that no Java runs where it may not. Any thread may call
 * these methods, one at a time.
 */
public final class LogLines {
    /** Takes lines. */
    @FunctionalInterface
    public interface Sink {
        /**
         * Told of a line.
         *
         * @param level an {@code SPDK_LOG_…} constant of {@link io.spdkio.sys.raw.LogH}
         * @param file source file; empty for a line of DPDK's
         * @param line its line
         * @param function the function that logged; may be empty
         * @param text the message, without a line end
         */
        void line(int level, String file, int line, String function, String text);
    }

    private static final long FILE = 8;
    private static final long FUNCTION = 72;
    private static final long TEXT = 136;
    private static final long BYTES = 1136;

    private final MemorySegment line = Arena.ofAuto().allocate(BYTES, 8);
    private final MemorySegment dropped = Bridge.newDropped(Arena.ofAuto());

    /** Takes the logs over; loads the library if need be. */
    public LogLines() {
        Bridge.logOpen();
    }

    /**
     * Hands out what was logged.
     *
     * @param sink called for each line
     * @return how many lines were lost since the last call for want of room
     */
    public synchronized long take(Sink sink) {
        long lost = 0;
        boolean some;
        do {
            some = Bridge.logTake(line, dropped);
            lost += dropped.get(JAVA_LONG, 0);
            if (some) {
                sink.line(
                        line.get(JAVA_INT, 0),
                        line.getString(FILE),
                        line.get(JAVA_INT, 4),
                        line.getString(FUNCTION),
                        line.getString(TEXT).stripTrailing());
            }
        } while (some);
        return lost;
    }
}
