package io.spdkio;

/**
 * Something that does I/O through per-thread channels ({@code spdk_io_device} in {@code include/spdk/thread.h}).
 *
 * <p>Implemented by the library's handles, such as {@link io.spdkio.bdev.BdevDesc}; pass one to {@link
 * SpdkThread#ioChannel}. Devices of your own are {@link io.spdkio.bdev.BdevBackend}s.
 */
public interface IoDevice {
    /**
     * The device's identity; the key under which a thread caches its channel.
     *
     * @return the identity, the same for the device's whole life
     */
    IoDeviceId ioDeviceId();
}
