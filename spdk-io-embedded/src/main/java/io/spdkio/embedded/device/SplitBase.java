package io.spdkio.embedded.device;

import io.spdkio.bdev.BdevEvent;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.List;

/** The device that parts stand on: opened and claimed once, as long as there is a part. */
public final class SplitBase {
    private final BaseDevice base;
    private final Runnable closed;
    private final SpinLock guard = new SpinLock();
    private final List<SplitPart> parts = new ArrayList<>();
    private volatile boolean removed;

    /** The parts that are not closed, and whoever makes them. */
    private int holders = 1;

    /**
     * Takes a device to be split. Whoever calls this makes the parts and then calls {@link #release}.
     *
     * @param base the device
     * @param closed told when the last part is gone and the device has been let go of
     */
    public SplitBase(BaseDevice base, Runnable closed) {
        this.base = base;
        this.closed = closed;
        base.listen(this::changed);
    }

    private void changed(BdevEvent event) {
        if (event != BdevEvent.REMOVED) {
            return; // the parts stay as they are
        }
        List<SplitPart> told;
        try (SpinLock _ = guard.acquire()) {
            removed = true;
            told = List.copyOf(parts);
        }
        told.forEach(SplitPart::remove);
    }

    /**
     * Makes a part.
     *
     * @param firstBlock where it begins
     * @param blockCount how long it is
     * @return the part
     */
    public SplitPart part(long firstBlock, long blockCount) {
        SplitPart part = new SplitPart(this, firstBlock, blockCount);
        try (SpinLock _ = guard.acquire()) {
            holders++;
            parts.add(part);
        }
        return part;
    }

    BaseDevice base() {
        return base;
    }

    boolean isRemoved() {
        return removed;
    }

    /** One that held it does no longer. */
    public void release() {
        try (SpinLock _ = guard.acquire()) {
            if (--holders > 0) {
                return;
            }
        }
        base.close();
        closed.run();
    }
}
