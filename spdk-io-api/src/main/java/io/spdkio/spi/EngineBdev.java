package io.spdkio.spi;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;

import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** The engine's device; see {@link io.spdkio.bdev.Bdev} for its methods' meaning. Any thread. */
public interface EngineBdev {
    /**
     * Its name.
     *
     * @return the name
     */
    String name();

    /**
     * What kind of device it is.
     *
     * @return the product name
     */
    String productName();

    /**
     * Its UUID.
     *
     * @return the UUID
     */
    UUID uuid();

    /**
     * Its shape now. Read for every I/O.
     *
     * @return the geometry
     */
    BdevGeometry geometry();

    /**
     * Whether it does an operation, by itself or emulated.
     *
     * @param type the operation
     * @return true if it does
     */
    boolean supports(IoType type);

    /**
     * Who claims it.
     *
     * @return a name for a person, or empty
     */
    Optional<String> claimedBy();

    /**
     * Whether its removal has begun.
     *
     * @return true from then on
     */
    boolean isRemoved();

    /**
     * Opens it.
     *
     * @param thread the calling thread, which the descriptor belongs to
     * @param mode what for
     * @param sink told of events, on any thread; must not block
     * @return the descriptor
     */
    EngineDesc open(EngineThread thread, OpenMode mode, Consumer<BdevEvent> sink);

    /**
     * What is counted of it.
     *
     * @return the same object always
     */
    DeviceStatistics statistics();

    /**
     * Sets its limits.
     *
     * @param limits the limits, rounded
     * @return completes when they hold on every thread
     */
    default CompletionStage<Void> setQosLimits(QosLimits limits) {
        return CompletableFuture.failedFuture(
                new SpdkException.Unsupported("this engine has no QoS limits", -Errno.EOPNOTSUPP));
    }

    /**
     * Its limits.
     *
     * @return what holds
     */
    default QosLimits qosLimits() {
        return QosLimits.NONE;
    }
}
