package io.spdkio.libspdk;

import io.spdkio.sys.raw.EnvH;

/**
 * SPDK's ticks as {@link System#nanoTime}: the ticks come with each poll, and asking the system for the time of each
 * was an eighth of a null read's. Set anew every millisecond, so that the two do not drift apart. Confined to a thread.
 */
final class TickClock {
    private static final long RESETS_PER_SECOND = 1000;

    private final long resetTicks;
    private final double nanosPerTick;
    private long anchorTicks;
    private long anchorNanos = System.nanoTime();
    private long latest = anchorNanos;

    TickClock() {
        long ticksPerSecond = EnvH.spdk_get_ticks_hz();
        resetTicks = ticksPerSecond / RESETS_PER_SECOND;
        nanosPerTick = 1e9 / ticksPerSecond;
    }

    /** The time of a tick that has just been. Never goes back. */
    long nanosAt(long ticks) {
        long since = ticks - anchorTicks;
        if (since > resetTicks || since < 0) {
            anchorTicks = ticks;
            anchorNanos = System.nanoTime();
            since = 0;
        }
        long nanos = anchorNanos + (long) (since * nanosPerTick);
        if (nanos - latest > 0) {
            latest = nanos;
        }
        return latest;
    }
}
