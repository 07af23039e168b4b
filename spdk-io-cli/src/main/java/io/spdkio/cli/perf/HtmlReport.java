package io.spdkio.cli.perf;

import io.spdkio.cli.Machine;
import io.spdkio.cli.Version;

import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The result as one HTML file with plots, which needs nothing from anywhere. */
final class HtmlReport {
    private static final Pattern PLACE = Pattern.compile("\\{\\{([a-z.]+)}}");
    private static final int BARS = 40;
    private static final int TICKS_PER_HALF = 8;
    private static final double NANOS_PER_MICRO = 1000.0;

    private HtmlReport() {}

    static String of(PerfResult result) {
        PerfSettings settings = result.settings();
        Histogram latency = result.latency();
        String heading = settings.workloadText() + " on " + settings.devices();
        String date =
                ZonedDateTime.now(ZoneId.systemDefault())
                        .format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm zzz", Locale.ROOT));
        Map<String, String> values =
                Map.ofEntries(
                        Map.entry("title", escaped("spdk-io perf: " + heading)),
                        Map.entry("heading", escaped(heading)),
                        Map.entry(
                                "subheading",
                                escaped(
                                        "%s, queue depth %d, %d thread%s, api %s, %s engine"
                                                .formatted(
                                                        settings.sizeText(),
                                                        settings.queueDepth(),
                                                        settings.threads(),
                                                        settings.threads() == 1 ? "" : "s",
                                                        settings.api(),
                                                        result.engine()))),
                        Map.entry("tiles", tiles(result, latency)),
                        Map.entry("settings", settingsRows(result)),
                        Map.entry("machine", machineRows(result)),
                        Map.entry("figures", figures(result)),
                        Map.entry("footer", escaped("spdk-io " + Version.number() + ", " + date)),
                        Map.entry("data", data(result, latency)),
                        Map.entry("uplot.css", resource("uplot/uPlot.min.css")),
                        Map.entry("uplot.js", resource("uplot/uPlot.iife.min.js")));
        return PLACE.matcher(resource("report.html"))
                .replaceAll(place ->
                        Matcher.quoteReplacement(Objects.requireNonNull(values.get(place.group(1)), place.group(1))));
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(HtmlReport.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String tiles(PerfResult result, Histogram latency) {
        return tile(PerfTable.compact(result.iops()), "I/Os a second", "")
                + tile(PerfTable.compact(result.mibPerSecond()), "MiB a second", "")
                + tile(time(latency.getMean()), "mean latency", "")
                + tile(time(latency.getValueAtPercentile(99)), "p99 latency", "")
                + tile(time(latency.getValueAtPercentile(99.9)), "p99.9 latency", "")
                + tile(PerfTable.grouped(result.errors()), "errors", result.errors() > 0 ? " bad" : "");
    }

    private static String tile(String value, String label, String more) {
        return "<div class=\"card tile"
                + more
                + "\"><b>"
                + escaped(value)
                + "</b><span>"
                + escaped(label)
                + "</span></div>";
    }

    private static String settingsRows(PerfResult result) {
        PerfSettings settings = result.settings();
        return row("device", settings.devices())
                + row("workload", settings.workloadText())
                + row("I/O size", settings.sizeText())
                + row("queue depth", settings.queueDepth() + (settings.threads() > 1 ? " for each thread" : ""))
                + row("threads", Integer.toString(settings.threads()))
                + row("API", settings.api().toString())
                + row(
                        "measured",
                        PerfTable.decimals(result.seconds(), 2)
                                + " s after a warm-up of "
                                + PerfTable.plain(settings.warmUpSeconds())
                                + " s")
                + row("seed", Long.toString(settings.seed()));
    }

    private static String machineRows(PerfResult result) {
        return row("engine", result.engineText() + ": " + result.engineDescription())
                + row("why this one", result.engineReason())
                + row("processor", Machine.cpu() + ", " + Runtime.getRuntime().availableProcessors() + " cores")
                + row("kernel", Machine.kernel())
                + row("JDK", Machine.jdk());
    }

    private static String row(String key, String value) {
        return "<tr><th scope=\"row\">" + escaped(key) + "</th><td>" + escaped(value) + "</td></tr>";
    }

    private static String figures(PerfResult result) {
        StringBuilder rows = new StringBuilder("<thead><tr>");
        for (String head :
                List.of("", "I/Os", "a second", "MiB/s", "errors", "mean", "p50", "p90", "p99", "p99.9", "max")) {
            rows.append("<th scope=\"col\">").append(head).append("</th>");
        }
        rows.append("</tr></thead><tbody>");
        List<WorkerResult> workers = result.workers();
        if (workers.size() > 1) {
            for (int i = 0; i < workers.size(); i++) {
                WorkerResult worker = workers.get(i);
                figure(
                        rows,
                        "thread " + i + ", " + worker.device(),
                        worker.ios(),
                        worker.ios() / worker.seconds(),
                        result.settings().ioSizeBytes(),
                        worker.errors(),
                        worker.latency());
            }
        }
        figure(
                rows,
                "all",
                result.ios(),
                result.iops(),
                result.settings().ioSizeBytes(),
                result.errors(),
                result.latency());
        return rows.append("</tbody>").toString();
    }

    private static void figure(
            StringBuilder rows, String name, long ios, double iops, int ioSize, long errors, Histogram latency) {
        rows.append("<tr><td>").append(escaped(name)).append("</td>");
        for (String cell :
                List.of(
                        PerfTable.grouped(ios),
                        PerfTable.grouped(iops),
                        PerfTable.grouped(iops * ioSize / (1 << 20)),
                        PerfTable.grouped(errors),
                        time(latency.getMean()),
                        time(latency.getValueAtPercentile(50)),
                        time(latency.getValueAtPercentile(90)),
                        time(latency.getValueAtPercentile(99)),
                        time(latency.getValueAtPercentile(99.9)),
                        time(latency.getMaxValue()))) {
            rows.append("<td>").append(escaped(cell)).append("</td>");
        }
        rows.append("</tr>");
    }

    /** Nanoseconds for a person. */
    private static String time(double nanos) {
        if (nanos < 1e3) {
            return PerfTable.decimals(nanos, 0) + " ns";
        }
        double value = nanos < 1e6 ? nanos / 1e3 : nanos < 1e9 ? nanos / 1e6 : nanos / 1e9;
        String unit = nanos < 1e6 ? " µs" : nanos < 1e9 ? " ms" : " s";
        return PerfTable.decimals(value, value < 10 ? 2 : value < 100 ? 1 : 0) + unit;
    }

    private static String data(PerfResult result, Histogram latency) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeArrayPropertyStart("throughput");
            numbers(json, result.samples().stream().mapToDouble(Sample::atSeconds).toArray());
            numbers(json, result.samples().stream().mapToDouble(Sample::iops).toArray());
            json.writeEndArray();
            percentiles(json, latency);
            distribution(json, latency);
            json.writeEndObject();
        }
        // Inside a script element this would end it.
        return text.toString().replace("</", "<\\/");
    }

    private static void numbers(JsonGenerator json, double[] values) {
        json.writeStartArray();
        for (double value : values) {
            json.writeNumber(Math.round(value * 1000) / 1000.0);
        }
        json.writeEndArray();
    }

    /** The first list is log10 of 1 in how many I/Os, so that 90 %, 99 %, 99.9 % are equally far apart. */
    private static void percentiles(JsonGenerator json, Histogram latency) {
        List<Double> rarity = new ArrayList<>();
        List<Double> micros = new ArrayList<>();
        for (HistogramIterationValue value : latency.percentiles(TICKS_PER_HALF)) {
            double above = 100 - value.getPercentileLevelIteratedTo();
            if (above > 0) {
                rarity.add(Math.log10(100 / above));
                micros.add(Math.max(1, value.getValueIteratedTo()) / NANOS_PER_MICRO);
            }
        }
        json.writeArrayPropertyStart("percentiles");
        numbers(json, rarity.stream().mapToDouble(d -> d).toArray());
        numbers(json, micros.stream().mapToDouble(d -> d).toArray());
        json.writeEndArray();
    }

    private static void distribution(JsonGenerator json, Histogram latency) {
        long total = Math.max(1, latency.getTotalCount());
        long low = Math.max(1, latency.getMinValue());
        long high = Math.max(low + 1, latency.getValueAtPercentile(99));
        List<Long> edges = new ArrayList<>();
        double ratio = Math.pow((double) high / low, 1.0 / BARS);
        for (int i = 0; i <= BARS; i++) {
            long edge = Math.round(low * Math.pow(ratio, i));
            if (edges.isEmpty() || edge > edges.getLast()) {
                edges.add(edge);
            }
        }
        json.writeObjectPropertyStart("distribution");
        json.writeName("edges");
        numbers(json, edges.stream().mapToDouble(e -> e / NANOS_PER_MICRO).toArray());
        json.writeName("percent");
        double[] percent = new double[edges.size()];
        for (HistogramIterationValue value : latency.recordedValues()) {
            int bar = 0;
            while (bar + 1 < edges.size() && value.getValueIteratedTo() >= edges.get(bar + 1)) {
                bar++;
            }
            percent[bar] += 100.0 * value.getCountAddedInThisIterationStep() / total;
        }
        numbers(json, percent);
        json.writeEndObject();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
