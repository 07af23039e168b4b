package io.spdkio.bdev;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;

import java.util.List;
import java.util.Optional;

/** The block devices of an environment. May be used from any thread. */
public interface Bdevs {
    /**
     * Makes a device.
     *
     * @param spec which kind, and its options
     * @return completes with the device; fails with {@link SpdkException.AlreadyExists} when the name is taken, with
     *     {@link SpdkException.NotFound} when its file or base device is missing
     */
    IoFuture<Bdev> create(BdevSpec spec);

    /**
     * Removes a device. Open descriptors are told with {@link BdevEvent#REMOVED}, their outstanding I/O completes or is
     * aborted, and their new I/O fails with {@code ENODEV}. What a removed device stood on, such as the file of an aio
     * device, stays.
     *
     * @param name the device's name
     * @return completes when the last descriptor is closed and the device is gone; fails with {@link
     *     SpdkException.NotFound} when there is none
     */
    IoFuture<Void> destroy(String name);

    /**
     * Gives a null device another size ({@code bdev_null_resize}). Descriptors are told with {@link BdevEvent#RESIZED}.
     *
     * @param name the device's name
     * @param sizeBytes the new size, a multiple of the block size; not smaller than now
     * @return completes when it has that size
     */
    IoFuture<Void> resize(String name, long sizeBytes);

    /**
     * Looks at the file of an aio device again and takes its size ({@code bdev_aio_rescan}). Descriptors are told with
     * {@link BdevEvent#RESIZED} if it changed.
     *
     * @param name the device's name
     * @return completes when the size is known
     */
    IoFuture<Void> rescan(String name);

    /**
     * Changes a delay device's times while it runs ({@code bdev_delay_update_latency}).
     *
     * @param name the device's name
     * @param latencies the new times
     * @return completes when they hold for new I/O
     */
    IoFuture<Void> updateDelay(String name, DelayBdev.Latencies latencies);

    /**
     * Adds a failure to what an error device injects, or ends it ({@code bdev_error_inject_error}).
     *
     * @param name the device's name
     * @param injection what to inject
     * @return completes when it holds for new I/O
     */
    IoFuture<Void> injectError(String name, ErrorBdev.Injection injection);

    /**
     * Looks a device up.
     *
     * @param name its name
     * @return the device, or empty when there is none
     */
    Optional<Bdev> find(String name);

    /**
     * Looks a device up that should be there.
     *
     * @param name its name
     * @return the device
     * @throws SpdkException.NotFound if there is none; names those there are
     */
    Bdev get(String name);

    /**
     * All devices, in the order of their creation.
     *
     * @return a snapshot
     */
    List<Bdev> list();
}
