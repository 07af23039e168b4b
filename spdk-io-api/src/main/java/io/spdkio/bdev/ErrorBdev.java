package io.spdkio.bdev;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A device that fails on purpose ({@code bdev_error}). It claims its base.
 *
 * @param name its name
 * @param base the name of the device below
 * @param injections what fails from the start; {@link Bdevs#injectError} adds to it
 */
public record ErrorBdev(String name, String base, List<Injection> injections) implements BdevSpec {
    /** Checks the names. */
    public ErrorBdev {
        BdevSpec.requireName(name);
        BdevSpec.requireName(base);
        injections = List.copyOf(injections);
    }

    /**
     * A device that fails nothing yet.
     *
     * @param name its name
     * @param base the name of the device below
     * @return the spec
     */
    public static ErrorBdev over(String name, String base) {
        return new ErrorBdev(name, base, List.of());
    }

    /** What happens to an I/O that is hit. */
    public enum Mode {
        /** It completes with an error and the base never sees it. */
        FAILURE,
        /**
         * It stays outstanding until the device is reset or removed. SPDK's abort does not reach it; embedded's does.
         */
        PENDING,
        /** It succeeds, but a byte of its data is changed: of what was read, or in the buffer before it is written. */
        CORRUPT_DATA,
        /** It completes with {@code -ENOMEM}, as a device whose resources are used up; the layer above tries again. */
        NOMEM
    }

    /**
     * A rule. A device has one for each type of I/O: a new one takes the place of the old one.
     *
     * @param types the operations it applies to, of {@link #TYPES}; each is counted by itself. Empty ends all rules
     * @param mode what happens
     * @param count how many I/Os of each type it hits before it ends, at least 1. SPDK counts in 32 bits: more than
     *     4,294,967,295 becomes that
     * @param rate the share of I/Os it hits, more than 0 to 1; less than 1 only with {@link Mode#FAILURE} and {@link
     *     Mode#NOMEM}, and without a queue depth. SPDK has no such thing: the library chooses the I/Os
     * @param seed makes that choice repeatable
     * @param queueDepth hit only while at least so many I/Os of the channel are at the base; 0 for always
     * @param corruptOffsetBytes for {@link Mode#CORRUPT_DATA}: which byte of the I/O's data is changed; none if it has
     *     less
     * @param corruptValue for {@link Mode#CORRUPT_DATA}: what that byte is combined with by exclusive or, 1 to 255
     */
    public record Injection(
            Set<IoType> types,
            Mode mode,
            long count,
            double rate,
            long seed,
            int queueDepth,
            long corruptOffsetBytes,
            int corruptValue) {
        /** The operations that can be made to fail. */
        public static final Set<IoType> TYPES =
                Collections.unmodifiableSet(EnumSet.of(IoType.READ, IoType.WRITE, IoType.UNMAP, IoType.FLUSH));

        private static final long MAX_COUNT = 0xffff_ffffL;

        /** Checks the ranges. */
        public Injection {
            types = Set.copyOf(types);
            for (IoType type : types) {
                if (!TYPES.contains(type)) {
                    throw new IllegalArgumentException(
                            type.label() + " can't be made to fail; read, write, unmap and flush can");
                }
            }
            if (count < 1) {
                throw new IllegalArgumentException("an injection hits at least one I/O, not " + count);
            }
            count = Math.min(count, MAX_COUNT);
            if (!(rate > 0 && rate <= 1)) {
                throw new IllegalArgumentException("rate " + rate + " is not more than 0 and up to 1");
            }
            if (rate < 1 && mode != Mode.FAILURE && mode != Mode.NOMEM) {
                throw new IllegalArgumentException(
                        "a rate of " + rate + " with " + mode + ": only FAILURE and NOMEM can hit a share of I/Os");
            }
            if (queueDepth < 0) {
                throw new IllegalArgumentException("queue depth " + queueDepth + " is negative");
            }
            if (rate < 1 && queueDepth != 0) {
                throw new IllegalArgumentException(
                        "a rate of " + rate + " with queue depth " + queueDepth + ": give one of the two");
            }
            if (corruptOffsetBytes < 0) {
                throw new IllegalArgumentException("the byte to corrupt, " + corruptOffsetBytes + ", is negative");
            }
            if (corruptValue < 1 || corruptValue > 255) {
                throw new IllegalArgumentException(
                        "the value to corrupt with is 1 to 255, not " + corruptValue + "; 0 would change nothing");
            }
        }

        /**
         * A rule that, where it corrupts, turns over the first byte.
         *
         * @param types the operations it applies to
         * @param mode what happens
         * @param count how many I/Os of each type it hits
         * @param rate the share of I/Os it hits
         * @param seed makes the choice repeatable
         * @param queueDepth hit only while at least so many I/Os are at the base
         */
        public Injection(Set<IoType> types, Mode mode, long count, double rate, long seed, int queueDepth) {
            this(types, mode, count, rate, seed, queueDepth, 0, 0xff);
        }

        /**
         * Hits the next I/Os of a type.
         *
         * @param type the operation
         * @param mode what happens
         * @param count how many
         * @return the rule
         */
        public static Injection next(IoType type, Mode mode, long count) {
            return new Injection(Set.of(type), mode, count, 1, 0, 0);
        }

        /**
         * Hits a share of all I/Os of a type, for ever.
         *
         * @param type the operation
         * @param mode {@link Mode#FAILURE} or {@link Mode#NOMEM}
         * @param rate the share, more than 0 to 1
         * @param seed makes the choice repeatable
         * @return the rule
         */
        public static Injection rate(IoType type, Mode mode, double rate, long seed) {
            return new Injection(Set.of(type), mode, MAX_COUNT, rate, seed, 0);
        }

        /**
         * Corrupts the data of the next I/Os of a type.
         *
         * @param type read or write
         * @param count how many
         * @param offsetBytes which byte of an I/O's data
         * @param value what it is combined with by exclusive or, 1 to 255
         * @return the rule
         */
        public static Injection corrupt(IoType type, long count, long offsetBytes, int value) {
            return new Injection(Set.of(type), Mode.CORRUPT_DATA, count, 1, 0, 0, offsetBytes, value);
        }

        /**
         * Ends all rules. I/O that is pending stays so.
         *
         * @return the rule
         */
        public static Injection none() {
            return new Injection(Set.of(), Mode.FAILURE, 1, 1, 0, 0);
        }
    }
}
