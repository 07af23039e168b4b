package io.spdkio.spi;

import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LatencyHistogram;

/**
 * What an engine counts of one channel: written by its thread, read by any, which may see a little less than there is.
 */
public final class ChannelStatistics {
    private final DeviceStatistics device;
    private long readOps;
    private long readBytes;
    private long readNanos;
    private long writeOps;
    private long writeBytes;
    private long writeNanos;
    private long unmapOps;
    private long unmapBytes;
    private long otherOps;
    private long errors;

    /** Null until the first latency is recorded: it has some 58 KiB. */
    private volatile LatencyHistogram latency;

    ChannelStatistics(DeviceStatistics device) {
        this.device = device;
    }

    /**
     * Counts a completion, and its latency if those are recorded.
     *
     * @param type the operation
     * @param bytes its length
     * @param status its {@link io.spdkio.IoStatus}
     * @param nanos how long it took
     */
    public void count(IoType type, long bytes, int status, long nanos) {
        if (device.recordsLatency()) {
            recordLatency(nanos);
        }
        if (status != 0) {
            errors++;
            return;
        }
        switch (type) {
            case READ -> {
                readOps++;
                readBytes += bytes;
                readNanos += nanos;
            }
            case WRITE, WRITE_ZEROES -> {
                writeOps++;
                writeBytes += bytes;
                writeNanos += nanos;
            }
            case UNMAP -> {
                unmapOps++;
                unmapBytes += bytes;
            }
            default -> otherOps++;
        }
    }

    private void recordLatency(long nanos) {
        LatencyHistogram histogram = latency;
        if (histogram == null) {
            histogram = new LatencyHistogram();
            latency = histogram;
        }
        histogram.record(nanos);
    }

    boolean hasLatency() {
        return latency != null;
    }

    LatencyHistogram addLatencyTo(LatencyHistogram sum) {
        LatencyHistogram histogram = latency;
        return histogram == null ? sum : sum.add(histogram);
    }

    void resetLatency() {
        LatencyHistogram histogram = latency;
        if (histogram != null) {
            histogram.reset();
        }
    }

    BdevStatistics snapshot() {
        return new BdevStatistics(
                readOps,
                readBytes,
                readNanos,
                writeOps,
                writeBytes,
                writeNanos,
                unmapOps,
                unmapBytes,
                otherOps,
                errors);
    }

    /** Adds, or with sign -1 subtracts. */
    static BdevStatistics sum(BdevStatistics a, BdevStatistics b, int sign) {
        return new BdevStatistics(
                a.readOps() + sign * b.readOps(),
                a.readBytes() + sign * b.readBytes(),
                a.readNanos() + sign * b.readNanos(),
                a.writeOps() + sign * b.writeOps(),
                a.writeBytes() + sign * b.writeBytes(),
                a.writeNanos() + sign * b.writeNanos(),
                a.unmapOps() + sign * b.unmapOps(),
                a.unmapBytes() + sign * b.unmapBytes(),
                a.otherOps() + sign * b.otherOps(),
                a.errors() + sign * b.errors());
    }
}
