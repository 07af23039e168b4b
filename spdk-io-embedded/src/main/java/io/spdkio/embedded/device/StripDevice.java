package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;

import java.util.Arrays;
import java.util.List;

/**
 * Strips of blocks over several devices: in turn (raid0), or one device after the other (concat). The layer above cuts
 * I/O at the strips, so that each lies on one base. Gone with the first base that goes.
 */
final class StripDevice implements Raid.Device {
    private final RaidBdev spec;
    private final List<BaseDevice> bases;
    private final int stripBlocks;

    /** For concat: where each base begins. */
    private final long[] starts;

    private final BaseWatch watch = new BaseWatch(this::tell);

    StripDevice(RaidBdev spec, List<BaseDevice> bases, int stripBlocks) {
        this.spec = spec;
        this.bases = bases;
        this.stripBlocks = stripBlocks;
        this.starts = new long[bases.size()];
        for (int i = 1; i < starts.length; i++) {
            starts[i] = starts[i - 1] + wholeStrips(bases.get(i - 1));
        }
        if (blockCount() == 0) {
            throw SpdkException.withMessage(
                    "raid '%s': a device below has less than a strip of %,d KiB"
                            .formatted(spec.name(), spec.stripSizeKiB()),
                    -Errno.EINVAL);
        }
        bases.forEach(base -> base.listen(watch::baseChanged));
    }

    private boolean inTurn() {
        return spec.level() == RaidBdev.Level.RAID0;
    }

    private long wholeStrips(BaseDevice base) {
        return base.geometry().blockCount() / stripBlocks * stripBlocks;
    }

    private long blockCount() {
        return inTurn()
                ? bases.stream().mapToLong(this::wholeStrips).min().orElseThrow() * bases.size()
                : starts[starts.length - 1] + wholeStrips(bases.getLast());
    }

    private void tell(Registration target, BdevEvent event) {
        if (event == BdevEvent.REMOVED) {
            target.remove();
        } else if (inTurn() && blockCount() > 0) {
            target.resize(blockCount());
        }
    }

    @Override
    public void registered(Registration target) {
        watch.registered(target);
    }

    @Override
    public RaidBdev spec() {
        return spec;
    }

    @Override
    public List<BaseDevice> bases() {
        return bases;
    }

    @Override
    public long dataBlocks(BaseDevice base) {
        return inTurn() ? blockCount() / bases.size() : wholeStrips(base);
    }

    @Override
    public String productName() {
        return "Raid Volume";
    }

    @Override
    public BdevGeometry geometry() {
        boolean cuts = !inTurn() || bases.size() > 1;
        BdevGeometry first = bases.getFirst().geometry();
        int alignment = bases.stream().mapToInt(base -> base.geometry().bufferAlignmentBytes()).max().orElseThrow();
        return new BdevGeometry(first.blockSize(), blockCount(), cuts ? stripBlocks : 0, cuts, 0, 0, alignment, 1);
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ, WRITE, UNMAP, FLUSH -> bases.stream().allMatch(base -> base.supports(type));
            case WRITE_ZEROES, COMPARE, COMPARE_AND_WRITE, COPY, RESET, ABORT -> false;
        };
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return new StripChannel(BaseDevice.openAll(bases, thread));
    }

    @Override
    public void close() {
        bases.forEach(BaseDevice::close);
    }

    private final class StripChannel implements Channel {
        private final List<BaseDevice.Lower> lowers;

        StripChannel(List<BaseDevice.Lower> lowers) {
            this.lowers = lowers;
        }

        @Override
        public void submit(BdevIo io) {
            if (io.type() == IoType.FLUSH) {
                // Whatever part of it is asked for: what is durable beyond that does no harm.
                Raid.Join join = new Raid.Join(lowers.size());
                lowers.forEach(lower -> lower.flush((IoRequest) io, join));
                return;
            }
            long at = io.offsetBlocks();
            int index;
            long there;
            if (inTurn()) {
                long strip = at / stripBlocks;
                index = (int) (strip % lowers.size());
                there = strip / lowers.size() * stripBlocks + at % stripBlocks;
            } else {
                int found = Arrays.binarySearch(starts, at);
                index = found >= 0 ? lastBeginningAt(found) : -found - 2;
                there = at - starts[index];
            }
            lowers.get(index).submit((IoRequest) io, there - at, (whole, status) -> whole.complete(status));
        }

        /** Bases with less than a strip begin where the next one does. */
        private int lastBeginningAt(int index) {
            int last = index;
            while (last + 1 < starts.length && starts[last + 1] == starts[index]) {
                last++;
            }
            return last;
        }

        @Override
        public void abort(BdevIo io) {
            lowers.forEach(lower -> lower.abort((IoRequest) io));
        }

        @Override
        public void close() {
            lowers.forEach(BaseDevice.Lower::close);
        }
    }
}
