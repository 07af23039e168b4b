package io.spdkio.tck;

import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.PassthruBdev;

import java.time.Duration;

/** {@link BlockIoTck} on a stack of every device that stands on another. */
public abstract class StackedBlockIoTck extends BlockIoTck {
    /** For the subclasses. */
    protected StackedBlockIoTck() {}

    @Override
    protected Bdev makeDevice(long blocks, int blockSize) {
        String base = malloc(blocks, blockSize).name();
        String passthru = create(PassthruBdev.over(newName("passthru"), base)).name();
        String error = create(ErrorBdev.over(newName("error"), passthru)).name();
        return create(DelayBdev.of(newName("delay"), error, Duration.ofNanos(1_000)));
    }
}
