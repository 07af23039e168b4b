package io.spdkio.embedded.rpc;

import static io.spdkio.embedded.rpc.RpcMethods.done;
import static io.spdkio.embedded.rpc.RpcMethods.object;

import io.spdkio.Errno;
import io.spdkio.SpdkException.RpcFailed;
import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.LatencyHistogram;
import io.spdkio.bdev.QosLimits;
import io.spdkio.embedded.EmbeddedBdev;
import io.spdkio.embedded.EmbeddedEngine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** What every device has ({@code lib/bdev/bdev_rpc.c} of SPDK). A tick is a nanosecond. */
final class BdevMethods {
    private static final long TICKS_A_SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final int HISTOGRAM_GRANULARITY = 7;
    private static final int BUCKETS_IN_RANGE = 1 << HISTOGRAM_GRANULARITY;

    /** Every latency that a positive {@code long} holds. */
    private static final int HISTOGRAM_MAX_RANGE = Long.SIZE - 1 - HISTOGRAM_GRANULARITY;

    private final RpcMethods methods;
    private final EmbeddedEngine engine;
    private final LongSupplier clock;

    BdevMethods(RpcMethods methods, EmbeddedEngine engine, LongSupplier clock) {
        this.methods = methods;
        this.engine = engine;
        this.clock = clock;
    }

    void addTo(RpcMethods table) {
        int bad = RpcFailed.INTERNAL_ERROR;
        table.add("bdev_get_bdevs", bad, this::getBdevs);
        table.add("bdev_get_iostat", bad, this::getIostat);
        table.add("bdev_reset_iostat", bad, this::resetIostat);
        table.add("bdev_set_qos_limit", bad, this::setQosLimit);
        table.add("bdev_enable_histogram", bad, this::enableHistogram);
        table.add("bdev_get_histogram", bad, this::getHistogram);
    }

    private CompletionStage<?> getBdevs(RpcParams params) {
        var name = params.optionalString("name");
        long timeout = params.uint64("timeout", 0);
        params.end();
        if (timeout != 0) {
            throw params.failed(-Errno.EOPNOTSUPP, "engine 'embedded' does not wait for devices");
        }
        List<EmbeddedBdev> described = name.map(it -> List.of(methods.bdev(it))).orElseGet(engine::bdevs);
        return done(described.stream().<Object>map(BdevDescription::of).toList());
    }

    // ---- statistics

    private CompletionStage<?> getIostat(RpcParams params) {
        var name = params.optionalString("name");
        boolean perChannel = params.flag("per_channel", false);
        String resetMode = params.optionalString("reset_mode").orElse("none");
        var names = params.has("names") ? params.strings("names") : null;
        boolean resets = resets(params, "reset_mode", resetMode);
        params.end();
        if (name.isPresent() && names != null) {
            throw params.failed(-Errno.EINVAL, "give name or names, not both");
        }
        if (perChannel) {
            boolean one = name.isPresent() || (names != null && names.size() == 1);
            throw params.failed(
                    one ? -Errno.EOPNOTSUPP : -Errno.EINVAL,
                    one ? "engine 'embedded' sums up the channels" : "per_channel is for one bdev");
        }
        List<String> asked = name.map(List::of).orElse(names);
        List<EmbeddedBdev> bdevs = asked == null ? engine.bdevs() : asked.stream().map(methods::bdev).toList();
        List<Object> entries = new ArrayList<>();
        for (EmbeddedBdev bdev : bdevs) {
            entries.add(iostat(bdev));
            if (resets) {
                bdev.statistics().reset();
            }
        }
        return done(object("tick_rate", TICKS_A_SECOND, "ticks", clock.getAsLong(), "bdevs", entries));
    }

    private static Map<String, Object> iostat(EmbeddedBdev bdev) {
        BdevStatistics statistics = bdev.statistics().snapshot();
        return object(
                "name",
                bdev.name(),
                "bytes_read",
                statistics.readBytes(),
                "num_read_ops",
                statistics.readOps(),
                "bytes_written",
                statistics.writeBytes(),
                "num_write_ops",
                statistics.writeOps(),
                "bytes_unmapped",
                statistics.unmapBytes(),
                "num_unmap_ops",
                statistics.unmapOps(),
                "read_latency_ticks",
                statistics.readNanos(),
                "write_latency_ticks",
                statistics.writeNanos());
    }

    private CompletionStage<?> resetIostat(RpcParams params) {
        var name = params.optionalString("name");
        boolean resets = resets(params, "mode", params.optionalString("mode").orElse("all"));
        params.end();
        if (resets) {
            name.map(it -> List.of(methods.bdev(it))).orElseGet(engine::bdevs).forEach(it -> it.statistics().reset());
        }
        return done(true);
    }

    private static boolean resets(RpcParams params, String parameter, String mode) {
        return switch (mode) {
            case "all" -> true;
            case "none" -> false;
            case "maxmin", "error" ->
                    throw params.failed(-Errno.EOPNOTSUPP, "engine 'embedded' resets all statistics or none");
            default -> throw params.bad("parameter '" + parameter + "' is all, none, maxmin or error, not " + mode);
        };
    }

    // ---- limits

    private CompletionStage<?> setQosLimit(RpcParams params) {
        String name = params.string("name");
        long none = -1;
        long ios = params.uint64("rw_ios_per_sec", none);
        long readWrite = params.uint64("rw_mbytes_per_sec", none);
        long read = params.uint64("r_mbytes_per_sec", none);
        long write = params.uint64("w_mbytes_per_sec", none);
        params.end();
        EmbeddedBdev bdev = methods.bdev(name);
        if ((ios & readWrite & read & write) == none) {
            throw params.failed(-Errno.EINVAL, "no limit is given");
        }
        QosLimits old = bdev.qosLimits();
        return params.withCode(
                RpcFailed.INVALID_PARAMS,
                () ->
                        bdev.setQosLimits(
                                        new QosLimits(
                                                ios == none ? old.readWriteIosPerSecond() : ios,
                                                readWrite == none ? old.readWriteMiBPerSecond() : readWrite,
                                                read == none ? old.readMiBPerSecond() : read,
                                                write == none ? old.writeMiBPerSecond() : write))
                                .thenApply(_ -> true));
    }

    // ---- latencies

    private CompletionStage<?> enableHistogram(RpcParams params) {
        String name = params.string("name");
        boolean enabled = params.flag("enable");
        boolean oneType = params.optionalString("opc").isPresent();
        int granularity = params.uint8("granularity", HISTOGRAM_GRANULARITY);
        params.uint64("min_nsec", 0); // all latencies are counted, so that those between are
        params.uint64("max_nsec", 0);
        params.end();
        EmbeddedBdev bdev = methods.bdev(name);
        if (oneType || granularity != HISTOGRAM_GRANULARITY) {
            throw params.failed(
                    -Errno.EOPNOTSUPP,
                    "engine 'embedded' counts I/O of every type, with a granularity of " + HISTOGRAM_GRANULARITY);
        }
        bdev.statistics().recordLatency(enabled);
        return done(true);
    }

    private CompletionStage<?> getHistogram(RpcParams params) {
        String name = params.string("name");
        params.end();
        EmbeddedBdev bdev = methods.bdev(name);
        if (!bdev.statistics().recordsLatency()) {
            throw params.failed(RpcFailed.INTERNAL_ERROR, "bdev '" + name + "' records no latencies");
        }
        return done(
                object(
                        "histogram",
                        Base64.getEncoder().encodeToString(buckets(bdev.statistics().latency())),
                        "granularity",
                        (long) HISTOGRAM_GRANULARITY,
                        "min_range",
                        0L,
                        "max_range",
                        (long) HISTOGRAM_MAX_RANGE,
                        "tsc_rate",
                        TICKS_A_SECOND));
    }

    /** The counts as SPDK keeps them: 64 bits each, in the machine's order, range by range. */
    private static byte[] buckets(LatencyHistogram histogram) {
        ByteBuffer bytes =
                ByteBuffer.allocate((HISTOGRAM_MAX_RANGE + 1) * BUCKETS_IN_RANGE * Long.BYTES)
                        .order(ByteOrder.nativeOrder());
        histogram.forEach((from, _, count) -> {
            int range = Math.max(0, Long.SIZE - HISTOGRAM_GRANULARITY - Long.numberOfLeadingZeros(from | 1));
            int index = (int) (from >> Math.max(0, range - 1)) & (BUCKETS_IN_RANGE - 1);
            bytes.putLong((range * BUCKETS_IN_RANGE + index) * Long.BYTES, count);
        });
        return bytes.array();
    }
}
