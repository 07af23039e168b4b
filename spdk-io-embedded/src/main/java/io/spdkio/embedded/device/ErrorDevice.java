package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;
import io.spdkio.spi.SpinLock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;

/** Fails, keeps or corrupts I/O by rules, of which each type of I/O has one at most. */
public final class ErrorDevice extends StackedDevice {
    private final Map<IoType, Rule> rules = new ConcurrentHashMap<>();

    /**
     * Makes it.
     *
     * @param spec its options
     * @param base the device below
     */
    public ErrorDevice(ErrorBdev spec, BaseDevice base) {
        super("Error Injection Disk", base);
        spec.injections().forEach(this::inject);
    }

    /**
     * Sets the rule of some types, or ends all.
     *
     * @param injection the rule
     */
    public void inject(ErrorBdev.Injection injection) {
        if (injection.types().isEmpty()) {
            rules.clear();
        }
        injection.types().forEach(type -> rules.put(type, new Rule(injection)));
    }

    /**
     * Ends the rules of some types.
     *
     * @param types the types
     */
    public void end(Set<IoType> types) {
        rules.keySet().removeAll(types);
    }

    /** A rule with what is left of it. */
    private static final class Rule {
        private final ErrorBdev.Injection injection;
        private final SplittableRandom random;
        private final SpinLock guard = new SpinLock();
        private long left;

        Rule(ErrorBdev.Injection injection) {
            this.injection = injection;
            this.random = new SplittableRandom(injection.seed());
            this.left = injection.count();
        }

        boolean hits(int atBase) {
            try (SpinLock _ = guard.acquire()) {
                if (left == 0
                        || atBase < injection.queueDepth()
                        || (injection.rate() < 1 && random.nextDouble() >= injection.rate())) {
                    return false;
                }
                left--;
                return true;
            }
        }

        /** Changes the byte, if the data has that many. */
        void corrupt(BdevIo io) {
            long at = injection.corruptOffsetBytes();
            for (int i = 0; i < io.segmentCount(); i++) {
                MemorySegment piece = io.segment(i);
                if (at < piece.byteSize()) {
                    byte before = piece.get(ValueLayout.JAVA_BYTE, at);
                    piece.set(ValueLayout.JAVA_BYTE, at, (byte) (before ^ injection.corruptValue()));
                    return;
                }
                at -= piece.byteSize();
            }
        }
    }

    @Override
    StackedChannel newChannel(SpdkThread thread, BaseDevice.Lower lower) {
        return new ErrorChannel(lower);
    }

    private final class ErrorChannel extends StackedChannel {
        private final BaseDevice.Lower lower;
        private final Set<BdevIo> pending = Collections.newSetFromMap(new IdentityHashMap<>());
        private int atBase;

        ErrorChannel(BaseDevice.Lower lower) {
            super(lower);
            this.lower = lower;
        }

        @Override
        public void submit(BdevIo io) {
            Rule rule = rules.get(io.type());
            if (rule == null || !rule.hits(atBase)) {
                toBase(io);
                return;
            }
            switch (rule.injection.mode()) {
                case FAILURE -> io.complete(IoStatus.INTERNAL_ERROR);
                case NOMEM -> io.complete(-Errno.ENOMEM);
                case PENDING -> pending.add(io);
                case CORRUPT_DATA -> corrupt(io, rule);
            }
        }

        private void toBase(BdevIo io) {
            atBase++;
            forward(io);
        }

        /** What is written is changed in the caller's buffer, as SPDK does. */
        private void corrupt(BdevIo io, Rule rule) {
            if (io.type() != IoType.READ) {
                rule.corrupt(io);
                toBase(io);
                return;
            }
            atBase++;
            lower.submit(
                    (IoRequest) io,
                    (request, status) -> {
                        if (status == IoStatus.SUCCESS) {
                            rule.corrupt(request);
                        }
                        completedBelow(request, status);
                    });
        }

        @Override
        void completedBelow(IoRequest io, int status) {
            atBase--;
            io.complete(status);
        }

        @Override
        public void abort(BdevIo io) {
            if (pending.remove(io)) {
                io.complete(IoStatus.ABORTED);
            } else {
                super.abort(io);
            }
        }
    }
}
