package io.spdkio.bdev;

import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * A device over several others ({@code bdev_raid}). It claims them.
 *
 * @param name its name
 * @param level how the data is spread over the bases
 * @param stripSizeKiB {@link Level#RAID0} and {@link Level#CONCAT}: how much lies in one piece on a base, in KiB, a
 *     power of two; 0 for {@link Level#RAID1}
 * @param bases the names of the devices below, in order, all of one block size, which is a power of two unless the
 *     level is {@link Level#RAID1}; at least 1 device, for {@link Level#RAID1} 2
 * @param uuid its UUID, or empty for a random one
 */
public record RaidBdev(String name, Level level, int stripSizeKiB, List<String> bases, Optional<UUID> uuid)
        implements BdevSpec {
    private static final int MAX_BASES = 255;

    /** How data is spread. */
    public enum Level {
        /** Strips go to the bases in turn; the smallest base limits all. Lost with the first base that is lost. */
        RAID0("raid0"),
        /** One base after the other, each up to its last whole strip. Lost with the first base that is lost. */
        CONCAT("concat"),
        /** The same data on every base. Goes on as long as one is left. */
        RAID1("raid1");

        private final String label;

        Level(String label) {
            this.label = label;
        }

        /**
         * The name in SPDK's methods.
         *
         * @return for instance {@code raid0}
         */
        public String label() {
            return label;
        }
    }

    /** Checks the names and ranges. */
    public RaidBdev {
        BdevSpec.requireName(name);
        bases = List.copyOf(bases);
        bases.forEach(BdevSpec::requireName);
        int fewest = level == Level.RAID1 ? 2 : 1;
        if (bases.size() < fewest || bases.size() > MAX_BASES) {
            throw new IllegalArgumentException(
                    level.label() + " stands on " + fewest + " to " + MAX_BASES + " devices, not " + bases.size());
        }
        if (bases.stream().distinct().count() < bases.size()) {
            throw new IllegalArgumentException("a device is named twice: " + bases);
        }
        if (level == Level.RAID1) {
            if (stripSizeKiB != 0) {
                throw new IllegalArgumentException("raid1 has no strips; leave their size at 0, not " + stripSizeKiB);
            }
        } else if (stripSizeKiB < 1 || Integer.bitCount(stripSizeKiB) != 1) {
            throw new IllegalArgumentException(
                    "a strip has a power of two of KiB, for instance 64, not " + stripSizeKiB);
        }
    }

    /**
     * Strips over several devices in turn.
     *
     * @param name its name
     * @param stripSizeKiB the size of a strip in KiB, a power of two
     * @param bases the names of the devices below
     * @return the spec
     */
    public static RaidBdev raid0(String name, int stripSizeKiB, List<String> bases) {
        return new RaidBdev(name, Level.RAID0, stripSizeKiB, bases, Optional.empty());
    }

    /**
     * Devices one after the other.
     *
     * @param name its name
     * @param stripSizeKiB each base counts up to a multiple of so many KiB, a power of two
     * @param bases the names of the devices below
     * @return the spec
     */
    public static RaidBdev concat(String name, int stripSizeKiB, List<String> bases) {
        return new RaidBdev(name, Level.CONCAT, stripSizeKiB, bases, Optional.empty());
    }

    /**
     * A mirror.
     *
     * @param name its name
     * @param bases the names of the devices below
     * @return the spec
     */
    public static RaidBdev raid1(String name, List<String> bases) {
        return new RaidBdev(name, Level.RAID1, 0, bases, Optional.empty());
    }
}
