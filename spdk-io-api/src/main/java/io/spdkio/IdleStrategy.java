package io.spdkio;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * What a thread that polls does when a poll found no work. Trades latency for processor time.
 *
 * <p>A strategy may keep state and is used by one thread. A message sent to a thread that is parked in its strategy
 * unparks it.
 */
@FunctionalInterface
public interface IdleStrategy {
    /**
     * Called after every poll.
     *
     * @param workCount how much the poll did; 0 means that it is time to idle
     */
    void idle(int workCount);

    /**
     * Never gives the processor away: the lowest latency, a whole core.
     *
     * @return a strategy without state
     */
    static IdleStrategy busySpin() {
        return work -> {
            if (work == 0) {
                Thread.onSpinWait();
            }
        };
    }

    /**
     * Lets other threads run between polls.
     *
     * @return a strategy without state
     */
    static IdleStrategy yielding() {
        return work -> {
            if (work == 0) {
                Thread.yield();
            }
        };
    }

    /**
     * Parks for a fixed time whenever there is nothing to do.
     *
     * @param period how long to park, more than zero
     * @return a strategy without state
     */
    static IdleStrategy park(Duration period) {
        long nanos = period.toNanos();
        if (nanos <= 0) {
            throw new IllegalArgumentException("park period must be positive: " + period);
        }
        return work -> {
            if (work == 0) {
                LockSupport.parkNanos(nanos);
            }
        };
    }

    /**
     * Spins for a while, then yields, then parks for ever longer, up to a millisecond. The default.
     *
     * @return a new strategy
     */
    static IdleStrategy backoff() {
        return new IdleStrategy() {
            private static final int SPINS = 200;
            private static final int YIELDS = 50;
            private static final long SHORTEST_PARK_NANOS = 2_000;
            private static final long LONGEST_PARK_NANOS = 1_000_000;

            private int idles;
            private long parkNanos = SHORTEST_PARK_NANOS;

            @Override
            public void idle(int workCount) {
                if (workCount > 0) {
                    idles = 0;
                    parkNanos = SHORTEST_PARK_NANOS;
                } else if (idles < SPINS) {
                    idles++;
                    Thread.onSpinWait();
                } else if (idles < SPINS + YIELDS) {
                    idles++;
                    Thread.yield();
                } else {
                    LockSupport.parkNanos(parkNanos);
                    parkNanos = Math.min(parkNanos * 2, LONGEST_PARK_NANOS);
                }
            }
        };
    }
}
