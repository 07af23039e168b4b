package io.spdkio.bdev;

import io.spdkio.SpdkThread;

/**
 * A device written in Java ({@code struct spdk_bdev_fn_table} in {@code include/spdk/bdev_module.h}). The embedded
 * engine's own devices are written against this interface too.
 *
 * <p>The layer above has checked every range and splits what is larger than the {@link #geometry} allows. It emulates
 * compare, compareAndWrite, copy and writeZeroes by reads and writes for a backend that does not support them. It also
 * keeps the statistics.
 */
public interface BdevBackend {
    /**
     * What kind of device this is.
     *
     * @return for instance {@code Malloc disk}
     */
    String productName();

    /**
     * The device's shape when it is registered; later changes go through {@link Registration#resize}.
     *
     * @return the geometry
     */
    BdevGeometry geometry();

    /**
     * Whether it does an operation itself. {@link IoType#READ} must be among them. {@link IoType#ABORT} and {@link
     * IoType#RESET} are not asked for: see {@link Channel}.
     *
     * @param type an operation
     * @return true if {@link Channel#submit} takes it
     */
    boolean supports(IoType type);

    /**
     * Called once, when the device has been registered. May be called on any thread.
     *
     * @param registration how to tell the layer above of changes
     */
    default void registered(Registration registration) {}

    /**
     * Makes the channel of a thread.
     *
     * @param thread the thread, which is the caller's
     * @return a new channel
     */
    Channel openChannel(SpdkThread thread);

    /** Called once, when the device has been removed and all channels are closed. May be called on any thread. */
    default void close() {}

    /** A thread's way to the backend. All methods are called on that thread. */
    interface Channel {
        /**
         * Takes an I/O. It must be {@linkplain BdevIo#complete completed} exactly once: now, or later from any thread.
         * {@code -ENOMEM} means that the channel's resources are used up; the layer above submits it again after
         * another has completed.
         *
         * @param io the I/O, to be let go after completion
         */
        void submit(BdevIo io);

        /**
         * Tries to abort an outstanding I/O. If that works it is completed with {@link io.spdkio.IoStatus#ABORTED}, now
         * or later.
         *
         * @param io an I/O that was submitted and has not completed
         */
        default void abort(BdevIo io) {}

        /** Called when the last reference is gone and no I/O is outstanding. */
        default void close() {}
    }

    /** The registered device, seen from its backend. Methods may be called from any thread. */
    interface Registration {
        /**
         * Tells that the device has another size.
         *
         * @param blockCount number of blocks
         * @throws io.spdkio.SpdkException.Busy if it is less than before and the device is open
         */
        void resize(long blockCount);

        /** Tells that the device is gone, as {@link Bdevs#destroy} does. */
        void remove();
    }
}
