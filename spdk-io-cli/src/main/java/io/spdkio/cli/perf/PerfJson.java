package io.spdkio.cli.perf;

import io.spdkio.cli.Json;

import org.HdrHistogram.Histogram;

/** The result as JSON. */
final class PerfJson {
    private static final double NANOS_PER_MICRO = 1000.0;

    private PerfJson() {}

    static String of(PerfResult result) {
        PerfSettings settings = result.settings();
        Histogram latency = result.latency();
        return Json.of(json -> {
            json.writeStringProperty("engine", result.engine());
            json.writeStringProperty("bdev", settings.devices());
            json.writeStringProperty("rw", settings.workload().toString());
            json.writeStringProperty("api", settings.api().toString());
            json.writeNumberProperty("ioSizeBytes", settings.ioSizeBytes());
            json.writeNumberProperty("queueDepth", settings.queueDepth());
            json.writeNumberProperty("threads", settings.threads());
            json.writeNumberProperty("seconds", rounded(result.seconds()));
            json.writeNumberProperty("ios", result.ios());
            json.writeNumberProperty("iops", rounded(result.iops()));
            json.writeNumberProperty("mibPerSecond", rounded(result.mibPerSecond()));
            json.writeNumberProperty("errors", result.errors());
            json.writeNumberProperty("allocatedBytesPerIo", result.allocatedBytesPerIo());
            json.writeObjectPropertyStart("latencyMicros");
            json.writeNumberProperty("mean", micros(latency.getMean()));
            json.writeNumberProperty("p50", micros(latency.getValueAtPercentile(50)));
            json.writeNumberProperty("p90", micros(latency.getValueAtPercentile(90)));
            json.writeNumberProperty("p99", micros(latency.getValueAtPercentile(99)));
            json.writeNumberProperty("p999", micros(latency.getValueAtPercentile(99.9)));
            json.writeNumberProperty("max", micros(latency.getMaxValue()));
            json.writeEndObject();
        });
    }

    private static double micros(double nanos) {
        return rounded(nanos / NANOS_PER_MICRO);
    }

    private static double rounded(double number) {
        return Math.round(number * 1000) / 1000.0;
    }
}
