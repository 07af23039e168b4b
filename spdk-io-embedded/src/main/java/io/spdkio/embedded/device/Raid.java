package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.spi.IoRequest;

import java.util.List;

/** What the levels of RAID share. */
public final class Raid {
    private Raid() {}

    /** A device over several others. */
    public interface Device extends BdevBackend {
        /**
         * What it was made from.
         *
         * @return the spec
         */
        RaidBdev spec();

        /**
         * Which of its bases it still has.
         *
         * @return a base, or null in the place of one that was lost
         */
        List<BaseDevice> bases();

        /**
         * How much of a base it uses.
         *
         * @param base one of its bases
         * @return blocks
         */
        long dataBlocks(BaseDevice base);
    }

    /**
     * Makes a device.
     *
     * @param spec its options
     * @param bases the devices below, opened; closed by the device, or by the caller when this throws
     * @return the device
     */
    public static Device over(RaidBdev spec, List<BaseDevice> bases) {
        int blockSize = bases.getFirst().geometry().blockSize();
        for (BaseDevice base : bases) {
            if (base.geometry().blockSize() != blockSize) {
                throw SpdkException.withMessage(
                        "raid '%s': '%s' has blocks of %,d bytes and '%s' of %,d; take devices with equal blocks"
                                .formatted(
                                        spec.name(),
                                        bases.getFirst().name(),
                                        blockSize,
                                        base.name(),
                                        base.geometry().blockSize()),
                        -Errno.EINVAL);
            }
        }
        return spec.level() == RaidBdev.Level.RAID1
                ? new MirrorDevice(spec, bases)
                : new StripDevice(spec, bases, stripBlocks(spec, blockSize));
    }

    private static int stripBlocks(RaidBdev spec, int blockSize) {
        return Math.toIntExact(spec.stripSizeKiB() * 1024L / blockSize);
    }

    /** Completes an I/O when as many others as it takes have ended, with the first failure among them. */
    static final class Join implements EmbeddedThread.ChildHandler {
        private int missing;
        private int result;

        Join(int count) {
            missing = count;
        }

        @Override
        public void childDone(IoRequest parent, int status) {
            if (result == 0) {
                result = status;
            }
            if (--missing == 0) {
                parent.complete(result);
            }
        }
    }
}
