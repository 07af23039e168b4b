package io.spdkio.bdev;

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
        /** It stays outstanding until it is aborted or the device is reset. */
        PENDING,
        /** It succeeds, but a byte of its data is changed on the way: silent corruption. */
        CORRUPT_DATA,
        /** It completes with {@code -ENOMEM}, as a device whose resources are used up; the layer above tries again. */
        NOMEM
    }

    /**
     * A rule.
     *
     * @param types the operations it applies to; empty ends all rules
     * @param mode what happens
     * @param count how many I/Os it hits before it ends
     * @param rate the share of I/Os it hits, more than 0 to 1
     * @param seed makes the choice of I/Os and bytes repeatable
     * @param queueDepth for {@link Mode#FAILURE}: hit only while at least so many I/Os are outstanding on the channel;
     *     0 for always
     */
    public record Injection(Set<IoType> types, Mode mode, long count, double rate, long seed, int queueDepth) {
        /** Checks the ranges. */
        public Injection {
            types = Set.copyOf(types);
            if (count < 1) {
                throw new IllegalArgumentException("an injection hits at least one I/O, not " + count);
            }
            if (!(rate > 0 && rate <= 1)) {
                throw new IllegalArgumentException("rate " + rate + " is not more than 0 and up to 1");
            }
            if (queueDepth < 0) {
                throw new IllegalArgumentException("queue depth " + queueDepth + " is negative");
            }
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
         * @param mode what happens
         * @param rate the share, more than 0 to 1
         * @param seed makes the choice repeatable
         * @return the rule
         */
        public static Injection rate(IoType type, Mode mode, double rate, long seed) {
            return new Injection(Set.of(type), mode, Long.MAX_VALUE, rate, seed, 0);
        }

        /**
         * Ends all rules. I/O that is pending stays so until it is aborted or the device is reset.
         *
         * @return the rule
         */
        public static Injection none() {
            return new Injection(Set.of(), Mode.FAILURE, 1, 1, 0, 0);
        }
    }
}
