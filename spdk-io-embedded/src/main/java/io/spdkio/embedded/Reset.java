package io.spdkio.embedded;

import io.spdkio.spi.IoRequest;

/**
 * A reset: keeps all I/O out on every channel, has what is in the device aborted, and is done when nothing is left in
 * there. Can be aborted itself as long as it waits for that.
 */
final class Reset extends MultiStepIo {
    private final RangeLock lock;
    private boolean asked;
    private boolean quiet;

    Reset(EmbeddedChannel channel, IoRequest io) {
        super(channel, io);
        lock = RangeLock.wholeDevice(channel, this::granted);
    }

    private void granted() {
        quiet = true;
        advance();
    }

    @Override
    void submitSteps() {
        if (!asked) {
            asked = true;
            channel.bdev().rangeLocks().request(lock);
        }
    }

    @Override
    boolean isExhausted() {
        return quiet;
    }

    @Override
    void end(int result) {
        channel.bdev().rangeLocks().end(lock);
        super.end(result);
    }
}
