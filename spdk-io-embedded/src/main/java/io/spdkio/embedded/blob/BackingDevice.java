package io.spdkio.embedded.blob;

import io.spdkio.embedded.BaseDevice;

/** The device that a blob is a clone of. */
record BackingDevice(BaseDevice device) {
    long sizeBytes() {
        return device.geometry().sizeBytes();
    }

    int blockSize() {
        return device.geometry().blockSize();
    }
}
