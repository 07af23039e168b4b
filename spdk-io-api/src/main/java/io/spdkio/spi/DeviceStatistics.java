package io.spdkio.spi;

import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.LatencyHistogram;

import java.util.ArrayList;
import java.util.List;

/**
 * What has been counted of a device: the sum over its channels, the closed ones among them. Any thread may ask, and may
 * see a little less than there is.
 */
public final class DeviceStatistics {
    private static final BdevStatistics NOTHING = new BdevStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private final SpinLock guard = new SpinLock();
    private final List<ChannelStatistics> channels = new ArrayList<>();
    private BdevStatistics ofClosed = NOTHING;
    private BdevStatistics baseline = NOTHING;

    /** Null while no closed channel had latencies: a histogram has some 58 KiB. */
    private LatencyHistogram latencyOfClosed;

    private volatile boolean recordsLatency;

    /** Starts at zero, without latencies. */
    public DeviceStatistics() {}

    /**
     * Begins to count a channel.
     *
     * @return where its thread counts; ends with {@link #channelClosed}
     */
    public ChannelStatistics channelOpened() {
        ChannelStatistics opened = new ChannelStatistics(this);
        try (SpinLock _ = guard.acquire()) {
            channels.add(opened);
        }
        return opened;
    }

    /**
     * Ends to count a channel; what it has counted stays. On its thread.
     *
     * @param channel from {@link #channelOpened}
     */
    public void channelClosed(ChannelStatistics channel) {
        try (SpinLock _ = guard.acquire()) {
            if (channels.remove(channel)) {
                ofClosed = ChannelStatistics.sum(ofClosed, channel.snapshot(), 1);
                if (channel.hasLatency()) {
                    latencyOfClosed = channel.addLatencyTo(latencyOfClosed());
                }
            }
        }
    }

    private LatencyHistogram latencyOfClosed() {
        return latencyOfClosed == null ? new LatencyHistogram() : latencyOfClosed;
    }

    private BdevStatistics total() {
        BdevStatistics sum = ofClosed;
        for (ChannelStatistics channel : channels) {
            sum = ChannelStatistics.sum(sum, channel.snapshot(), 1);
        }
        return sum;
    }

    /**
     * What was counted since the last reset.
     *
     * @return a snapshot
     */
    public BdevStatistics snapshot() {
        try (SpinLock _ = guard.acquire()) {
            return ChannelStatistics.sum(total(), baseline, -1);
        }
    }

    /** Sets counts and latencies back to zero. */
    public void reset() {
        try (SpinLock _ = guard.acquire()) {
            baseline = total();
            latencyOfClosed = null;
            channels.forEach(ChannelStatistics::resetLatency);
        }
    }

    /**
     * Begins or ends to record latencies.
     *
     * @param enabled whether to
     */
    public void recordLatency(boolean enabled) {
        recordsLatency = enabled;
    }

    /**
     * Whether latencies are recorded.
     *
     * @return true if so
     */
    public boolean recordsLatency() {
        return recordsLatency;
    }

    /**
     * The latencies recorded since the last reset.
     *
     * @return a snapshot
     */
    public LatencyHistogram latency() {
        LatencyHistogram sum = new LatencyHistogram();
        try (SpinLock _ = guard.acquire()) {
            sum.add(latencyOfClosed());
            channels.forEach(channel -> channel.addLatencyTo(sum));
        }
        return sum;
    }
}
