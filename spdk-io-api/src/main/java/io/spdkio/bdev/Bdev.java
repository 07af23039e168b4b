package io.spdkio.bdev;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;

import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A block device ({@code spdk_bdev}). A handle does not own the device and keeps nothing alive.
 *
 * <p>May be used from any thread, except {@link #open}.
 */
public interface Bdev {
    /**
     * Its name, unique in the environment.
     *
     * @return the name
     */
    String name();

    /**
     * What kind of device it is ({@code spdk_bdev_get_product_name}).
     *
     * @return for instance {@code Malloc disk}
     */
    String productName();

    /**
     * Its UUID.
     *
     * @return the UUID it was given or that was made up for it
     */
    UUID uuid();

    /**
     * Its shape, as it is now.
     *
     * @return the geometry
     */
    BdevGeometry geometry();

    /**
     * Bytes in a block.
     *
     * @return a multiple of 512
     */
    default int blockSize() {
        return geometry().blockSize();
    }

    /**
     * Number of blocks, as it is now.
     *
     * @return at least 1
     */
    default long blockCount() {
        return geometry().blockCount();
    }

    /**
     * Size in bytes, as it is now.
     *
     * @return block size times block count
     */
    default long sizeBytes() {
        return geometry().sizeBytes();
    }

    /**
     * Whether the device does an operation, itself or by help of the layer above it.
     *
     * @param type the operation
     * @return true if it does
     */
    boolean supports(IoType type);

    /**
     * Who holds a claim on it.
     *
     * @return a name for a person, or empty when nobody does
     */
    Optional<String> claimedBy();

    /**
     * Whether it has been removed. A handle outlives its device.
     *
     * @return true once the removal has begun
     */
    boolean isRemoved();

    /**
     * Opens it ({@code spdk_bdev_open_ext}). Must be called on an {@link io.spdkio.SpdkThread}; the descriptor's events
     * come there, and it is closed there.
     *
     * @param mode what the descriptor may do
     * @param listener told of events on the thread that opened it, one poll later at the earliest
     * @return the descriptor
     * @throws SpdkException.Busy if it is claimed and {@code mode} is {@link OpenMode#READ_WRITE}
     * @throws SpdkException.NotFound if it was removed
     */
    BdevDesc open(OpenMode mode, Consumer<? super BdevEvent> listener);

    /**
     * Opens it without listening to events.
     *
     * @param mode what the descriptor may do
     * @return the descriptor
     */
    default BdevDesc open(OpenMode mode) {
        return open(mode, _ -> {});
    }

    /**
     * What it has done so far.
     *
     * @return the sum over all threads, as far as it is visible to the caller
     */
    BdevStatistics statistics();

    /** Sets the statistics and the histogram back to zero. */
    void resetStatistics();

    /**
     * Limits how much it does in a second, in place of earlier limits ({@code spdk_bdev_set_qos_rate_limits}).
     *
     * @param limits the limits; {@link QosLimits#NONE} ends them
     * @return completes when they hold on every thread; fails with {@link SpdkException.NotFound} when the device was
     *     removed, and with {@code EAGAIN} while another change of them is under way
     */
    IoFuture<Void> setQosLimits(QosLimits limits);

    /**
     * The limits that hold.
     *
     * @return the limits
     */
    QosLimits qosLimits();

    /**
     * Begins or ends to record the latency of every I/O ({@code spdk_bdev_histogram_enable}).
     *
     * @param enabled whether to record
     */
    void recordLatency(boolean enabled);

    /**
     * The latencies recorded.
     *
     * @return a snapshot over all threads; empty when nothing was recorded
     */
    LatencyHistogram latency();
}
