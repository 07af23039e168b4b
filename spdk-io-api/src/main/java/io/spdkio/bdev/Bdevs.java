package io.spdkio.bdev;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;

import java.util.List;
import java.util.Optional;
import java.util.UUID;

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
     * Cuts a device into parts, each a device of its own named after it with {@code p0}, {@code p1} and so on ({@code
     * bdev_split_create}). The parts claim the base together. Blocks that are left over at its end belong to no part.
     *
     * @param base the name of the device below
     * @param count how many parts, at least 1; fewer are made if the device has no room for so many
     * @param partMiB the size of each in MiB; 0 for equal shares of the device
     * @return completes with the parts, in order; fails with {@link SpdkException.NotFound} when there is no such
     *     device, with {@link SpdkException.AlreadyExists} when it is split already
     */
    IoFuture<List<Bdev>> split(String base, int count, long partMiB);

    /**
     * Removes every part of a device ({@code bdev_split_delete}), each as {@link #destroy} does.
     *
     * @param base the name of the device that was split
     * @return completes when the parts are gone; fails with {@link SpdkException.NotFound} when it is not split
     */
    IoFuture<Void> removeSplit(String base);

    /**
     * Makes a store for logical volumes; the volumes are {@link LvolBdev}s. Native only.
     *
     * @param store the store
     * @return completes with the store's UUID; fails with {@link SpdkException.Unsupported} on an engine that has none
     */
    IoFuture<UUID> createLvolStore(LvolStore store);

    /**
     * Removes a store, its volumes and what is in them ({@code bdev_lvol_delete_lvstore}). Native only.
     *
     * @param name the store's name
     * @return completes when it is gone; fails with {@link SpdkException.Unsupported} on an engine that has none
     */
    IoFuture<Void> destroyLvolStore(String name);

    /**
     * Attaches to an NVMe controller and makes a device of each of its namespaces. Native only.
     *
     * @param target where it is
     * @return completes with the devices; fails with {@link SpdkException.Unsupported} on an engine that has no driver
     */
    IoFuture<List<Bdev>> attachNvme(NvmeTarget target);

    /**
     * Lets go of an NVMe controller; its devices are removed as {@link #destroy} does ({@code
     * bdev_nvme_detach_controller}). Native only.
     *
     * @param name the controller's name
     * @return completes when it is let go of; fails with {@link SpdkException.Unsupported} on an engine that has no
     *     driver
     */
    IoFuture<Void> detachNvme(String name);

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
