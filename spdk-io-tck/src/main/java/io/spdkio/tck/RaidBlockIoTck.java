package io.spdkio.tck;

import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.RaidBdev;

import java.util.List;

/** {@link BlockIoTck} on a mirror of two unlike devices, the first of which has strips where it can. */
public abstract class RaidBlockIoTck extends BlockIoTck {
    private static final int STRIP_KIB = 4;

    /** For the subclasses. */
    protected RaidBlockIoTck() {}

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        String exact = malloc(blocks, blockSize).name();
        String other =
                Integer.bitCount(blockSize) == 1 && blockSize <= STRIP_KIB * 1024
                        ? stripped(blocks, blockSize)
                        : malloc(blocks, blockSize).name();
        return create(RaidBdev.raid1(newName("raid"), List.of(other, exact)));
    }

    private String stripped(long blocks, int blockSize) {
        long stripBlocks = STRIP_KIB * 1024L / blockSize;
        long ofEach = Math.ceilDiv(blocks, 3 * stripBlocks) * stripBlocks;
        List<String> bases =
                List.of(
                        malloc(ofEach, blockSize).name(),
                        malloc(ofEach + 1, blockSize).name(),
                        malloc(ofEach, blockSize).name());
        return create(RaidBdev.raid0(newName("raid"), STRIP_KIB, bases)).name();
    }
}
