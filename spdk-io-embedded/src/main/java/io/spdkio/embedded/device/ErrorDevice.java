package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;

/** Fails, keeps or corrupts I/O by rules. */
public final class ErrorDevice extends StackedDevice {
    private final List<Rule> rules = new CopyOnWriteArrayList<>();

    /**
     * Makes it.
     *
     * @param spec its options
     * @param base the device below
     */
    public ErrorDevice(ErrorBdev spec, BaseDevice base) {
        super("error", base);
        spec.injections().forEach(this::inject);
    }

    /**
     * Adds a rule, or ends all.
     *
     * @param injection the rule
     */
    public void inject(ErrorBdev.Injection injection) {
        if (injection.types().isEmpty()) {
            rules.clear();
        } else {
            rules.add(new Rule(injection));
        }
    }

    /** A rule with what is left of it. */
    private static final class Rule {
        private final ErrorBdev.Injection injection;
        private final SplittableRandom random;
        private long left;

        Rule(ErrorBdev.Injection injection) {
            this.injection = injection;
            this.random = new SplittableRandom(injection.seed());
            this.left = injection.count();
        }

        synchronized boolean hits(IoType type, int outstanding) {
            if (left == 0
                    || !injection.types().contains(type)
                    || outstanding < injection.queueDepth()
                    || (injection.rate() < 1 && random.nextDouble() >= injection.rate())) {
                return false;
            }
            left--;
            return true;
        }

        synchronized long nextLong(long bound) {
            return random.nextLong(bound);
        }
    }

    @Override
    StackedChannel newChannel(SpdkThread thread, BaseDevice.Lower lower) {
        return new ErrorChannel(lower);
    }

    private final class ErrorChannel extends StackedChannel {
        private final BaseDevice.Lower lower;
        private final java.util.Set<BdevIo> pending =
                java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        private int outstanding;

        ErrorChannel(BaseDevice.Lower lower) {
            super(lower);
            this.lower = lower;
        }

        @Override
        public void submit(BdevIo io) {
            outstanding++;
            for (Rule rule : rules) {
                if (rule.hits(io.type(), outstanding)) {
                    misbehave(io, rule);
                    return;
                }
            }
            forward(io);
        }

        private void misbehave(BdevIo io, Rule rule) {
            switch (rule.injection.mode()) {
                case FAILURE -> complete(io, IoStatus.INTERNAL_ERROR);
                case NOMEM -> complete(io, -Errno.ENOMEM);
                case PENDING -> pending.add(io);
                case CORRUPT_DATA -> corrupt(io, rule);
            }
        }

        private void complete(BdevIo io, int status) {
            outstanding--;
            io.complete(status);
        }

        private void corrupt(BdevIo io, Rule rule) {
            if (io.segmentCount() == 0) {
                forward(io);
                return;
            }
            MemorySegment copy = Arena.ofAuto().allocate(io.lengthBytes(), 4096);
            long victim = rule.nextLong(io.lengthBytes());
            byte mask = (byte) (1 + rule.nextLong(255));
            if (io.type() == IoType.READ) {
                lower.submit(
                        (IoRequest) io,
                        copy,
                        (request, status) -> {
                            flip(copy, victim, mask);
                            request.copyFrom(copy, 0);
                            completedBelow(request, status);
                        });
            } else {
                // The caller's buffer is not ours to change: the corrupted data are a copy.
                io.copyTo(copy, 0);
                flip(copy, victim, mask);
                lower.submit((IoRequest) io, copy, this::completedBelow);
            }
        }

        private static void flip(MemorySegment memory, long at, byte mask) {
            byte before = memory.get(ValueLayout.JAVA_BYTE, at);
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) (before ^ mask));
        }

        @Override
        void completedBelow(IoRequest io, int status) {
            complete(io, status);
        }

        @Override
        public void abort(BdevIo io) {
            if (pending.remove(io)) {
                complete(io, IoStatus.ABORTED);
            } else {
                super.abort(io);
            }
        }
    }
}
