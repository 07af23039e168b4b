package io.spdkio.embedded.device;

import io.spdkio.SpdkThread;
import io.spdkio.embedded.BaseDevice;

/** Hands everything on. */
public final class PassthruDevice extends StackedDevice {
    /**
     * Makes it.
     *
     * @param base the device below
     */
    public PassthruDevice(BaseDevice base) {
        super("passthru", base);
    }

    @Override
    StackedChannel newChannel(SpdkThread thread, BaseDevice.Lower lower) {
        return new StackedChannel(lower);
    }
}
