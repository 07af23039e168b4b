package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineBdev;

/** A thread's channel to a descriptor. */
final class CoreChannel extends IoPort implements SharedChannel {
    private final CoreBdevDesc desc;
    private final EngineBdev device;
    private final Handles handles = new Handles(this);

    CoreChannel(CoreThread thread, CoreBdevDesc desc) {
        super(thread, desc.device().geometry().blockSize());
        this.desc = desc;
        this.device = desc.device();
        desc.channelOpened(this);
        try {
            leadTo(desc.engineDesc().openChannel(thread.engineThread()));
        } catch (Throwable e) {
            // The descriptor may have been closed meanwhile, and have sent word to close this.
            neverOpened();
            desc.channelReleased(this);
            throw e;
        }
    }

    /** What a handle leads to; it has to be a channel to this descriptor. */
    static CoreChannel of(IoChannel channel, CoreBdevDesc desc) {
        SharedChannel shared = SharedChannel.of(channel);
        if (shared instanceof CoreChannel core && core.desc == desc) {
            return core;
        }
        throw new IllegalArgumentException(
                "the channel leads to "
                        + shared.target()
                        + (shared instanceof CoreChannel ? " through another descriptor" : "")
                        + "; get this one's with SpdkThread.ioChannel(desc)");
    }

    @Override
    public Handles handles() {
        return handles;
    }

    @Override
    public IoDeviceId ioDeviceId() {
        return desc.ioDeviceId();
    }

    @Override
    public String target() {
        return "'" + desc.bdev().name() + "'";
    }

    @Override
    long sizeBytes() {
        return device.geometry().sizeBytes();
    }

    @Override
    void checkOpen() {
        desc.checkOpen();
    }

    @Override
    void checkMode(IoType type) {
        desc.checkMode(type);
    }

    @Override
    void checkCompareAndWriteUnit(long blocks) {
        int unit = device.geometry().compareAndWriteUnitBlocks();
        if (blocks > unit) {
            throw new IllegalArgumentException(
                    "compareAndWrite of %,d blocks on %s: the device does at most %,d at once, see BdevGeometry"
                            .formatted(blocks, target(), unit));
        }
    }

    @Override
    int refusal(IoType type) {
        if (desc.isRemoved()) {
            return -Errno.ENODEV;
        }
        return desc.supports(type) ? 0 : -Errno.EOPNOTSUPP;
    }

    @Override
    void released() {
        thread().forget(this);
        desc.channelReleased(this);
    }
}
