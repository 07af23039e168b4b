package io.spdkio;

/**
 * A thread's own way to a device: I/O goes through it without locks ({@code spdk_io_channel}).
 *
 * <p><b>Thread:</b> confined to the {@link SpdkThread} it came from; any other gets {@link SpdkException.WrongThread}.
 *
 * <p><b>Ownership:</b> {@link SpdkThread#ioChannel} returns the same channel for the same device and counts; each
 * return must be closed once. With the last close the channel refuses new I/O, and is released when its outstanding I/O
 * has completed. Closing it once more does nothing.
 */
public interface IoChannel extends AutoCloseable {
    /**
     * The thread that this channel belongs to.
     *
     * @return the thread
     */
    SpdkThread thread();

    /**
     * The device behind it.
     *
     * @return the device's identity
     */
    IoDeviceId ioDeviceId();

    /**
     * How many I/Os have been submitted and have not completed.
     *
     * @return the number of I/Os, those of all handles of this channel
     */
    int outstanding();

    /** Gives one reference back. */
    @Override
    void close();
}
