package io.spdkio.core;

import io.spdkio.IoFuture;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LatencyHistogram;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.spi.EngineBdev;

import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/** A handle of the engine's device. */
record CoreBdev(CoreEnv env, EngineBdev device) implements Bdev {
    @Override
    public String name() {
        return device.name();
    }

    @Override
    public String productName() {
        return device.productName();
    }

    @Override
    public UUID uuid() {
        return device.uuid();
    }

    @Override
    public BdevGeometry geometry() {
        return device.geometry();
    }

    @Override
    public boolean supports(IoType type) {
        return device.supports(Objects.requireNonNull(type, "type"));
    }

    @Override
    public Optional<String> claimedBy() {
        return device.claimedBy();
    }

    @Override
    public boolean isRemoved() {
        return device.isRemoved();
    }

    @Override
    public BdevDesc open(OpenMode mode, Consumer<? super BdevEvent> listener) {
        return env.open(this, mode, listener);
    }

    @Override
    public BdevStatistics statistics() {
        return device.statistics().snapshot();
    }

    @Override
    public void resetStatistics() {
        device.statistics().reset();
    }

    @Override
    public IoFuture<Void> setQosLimits(QosLimits limits) {
        Objects.requireNonNull(limits, "limits");
        return Control.run(env, () -> device.setQosLimits(limits), _ -> null);
    }

    @Override
    public QosLimits qosLimits() {
        return device.qosLimits();
    }

    @Override
    public void recordLatency(boolean enabled) {
        device.statistics().recordLatency(enabled);
    }

    @Override
    public LatencyHistogram latency() {
        return device.statistics().latency();
    }

    @Override
    public String toString() {
        return "Bdev["
                + name()
                + ", "
                + productName()
                + ", "
                + geometry().blockCount()
                + " x "
                + geometry().blockSize()
                + "]";
    }
}
