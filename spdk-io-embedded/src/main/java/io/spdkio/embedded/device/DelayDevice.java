package io.spdkio.embedded.device;

import io.spdkio.IoStatus;
import io.spdkio.Poller;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/** Completes later than its base does: the time is added when the base is done, as in SPDK. */
public final class DelayDevice extends StackedDevice {
    private static final int P99_ONE_IN = 100;

    private final LongSupplier clock;
    private volatile DelayBdev.Latencies latencies;
    private volatile long[] delayNanos;

    /**
     * Makes it.
     *
     * @param spec its options
     * @param base the device below
     * @param clock nanoseconds
     */
    public DelayDevice(DelayBdev spec, BaseDevice base, LongSupplier clock) {
        super("delay", base);
        this.clock = clock;
        update(spec.latencies());
    }

    /**
     * Changes the times for I/O that the base completes from now on.
     *
     * @param latencies the new times
     */
    public void update(DelayBdev.Latencies latencies) {
        this.latencies = latencies;
        delayNanos = nanosOf(latencies);
    }

    /**
     * The times that hold.
     *
     * @return the latencies
     */
    public DelayBdev.Latencies latencies() {
        return latencies;
    }

    /** In the order of {@link DelayChannel#lines}. */
    private static long[] nanosOf(DelayBdev.Latencies latencies) {
        return new long[] {
            latencies.averageRead().toNanos(),
            latencies.p99Read().toNanos(),
            latencies.averageWrite().toNanos(),
            latencies.p99Write().toNanos()
        };
    }

    @Override
    StackedChannel newChannel(SpdkThread thread, BaseDevice.Lower lower) {
        return new DelayChannel(thread, lower);
    }

    private record Waiting(IoRequest io, int status, long dueNanos) {}

    private final class DelayChannel extends StackedChannel {
        private final SplittableRandom random = new SplittableRandom();

        /** One line for each time, so that each is in order: average and p99 reads, average and p99 others. */
        private final List<ArrayDeque<Waiting>> lines =
                List.of(new ArrayDeque<>(), new ArrayDeque<>(), new ArrayDeque<>(), new ArrayDeque<>());

        /** Those to be aborted when their base is done with them. */
        private final Set<IoRequest> aborting = Collections.newSetFromMap(new IdentityHashMap<>());

        private int waiting;
        private final Poller poller;

        DelayChannel(SpdkThread thread, BaseDevice.Lower lower) {
            super(lower);
            // Now and not when it is needed: then the thread may be exiting, and take no new poller.
            poller = thread.registerPoller("delay", Duration.ZERO, this::completeDue);
            poller.pause();
        }

        @Override
        void completedBelow(IoRequest io, int status) {
            int line = (io.type().modifies() ? 2 : 0) + (random.nextInt(P99_ONE_IN) == 0 ? 1 : 0);
            long delay = delayNanos[line];
            if (!aborting.isEmpty() && aborting.remove(io)) {
                io.complete(status == IoStatus.SUCCESS ? IoStatus.ABORTED : status);
                return;
            }
            boolean delayed = io.type() == IoType.READ || io.type() == IoType.WRITE;
            if (delay == 0 || !delayed || status != IoStatus.SUCCESS) {
                io.complete(status);
                return;
            }
            lines.get(line).addLast(new Waiting(io, status, clock.getAsLong() + delay));
            if (waiting++ == 0) {
                poller.resume();
            }
        }

        private int completeDue() {
            int done = 0;
            long now = clock.getAsLong();
            for (ArrayDeque<Waiting> line : lines) {
                for (Waiting first = line.peekFirst();
                        first != null && first.dueNanos() - now <= 0;
                        first = line.peekFirst()) {
                    line.pollFirst();
                    left();
                    done++;
                    first.io().complete(first.status());
                }
            }
            return done;
        }

        private void left() {
            if (--waiting == 0) {
                poller.pause();
            }
        }

        @Override
        public void abort(BdevIo io) {
            for (ArrayDeque<Waiting> line : lines) {
                if (line.removeIf(held -> held.io() == io)) {
                    left();
                    io.complete(IoStatus.ABORTED);
                    return;
                }
            }
            aborting.add((IoRequest) io);
            super.abort(io);
        }

        @Override
        public void close() {
            poller.close();
            super.close();
        }
    }
}
