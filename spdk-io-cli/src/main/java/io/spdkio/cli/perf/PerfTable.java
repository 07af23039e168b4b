package io.spdkio.cli.perf;

import io.spdkio.cli.Console;

import org.HdrHistogram.Histogram;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The result as text: tables where there are 72 columns, else a list. */
final class PerfTable {
    private static final int TABLE_COLUMNS = 72;
    private static final double NANOS_PER_MICRO = 1000.0;

    private final Console console;

    PerfTable(Console console) {
        this.console = console;
    }

    String of(PerfResult result) {
        StringBuilder text = new StringBuilder();
        PerfSettings settings = result.settings();
        String summary =
                "%s, %s, %s, queue depth %d, %d thread%s, api %s, engine %s, %s s"
                        .formatted(
                                settings.devices(),
                                settings.workloadText(),
                                settings.sizeText(),
                                settings.queueDepth(),
                                settings.threads(),
                                settings.threads() == 1 ? "" : "s",
                                settings.api(),
                                result.engineText(),
                                decimals(result.seconds(), 2));
        text.append(console.wrap(summary, "")).append("\n\n");
        Histogram latency = result.latency();
        if (console.columns() >= TABLE_COLUMNS) {
            tables(text, result, latency);
        } else {
            list(text, result, latency);
        }
        return text.toString();
    }

    private void tables(StringBuilder text, PerfResult result, Histogram latency) {
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"", "IOPS", "MiB/s", "errors", "heap bytes/IO"});
        if (result.workers().size() > 1) {
            for (int i = 0; i < result.workers().size(); i++) {
                WorkerResult worker = result.workers().get(i);
                double iops = worker.ios() / worker.seconds();
                rows.add(
                        new String[] {
                            "thread " + i + "  " + shortened(worker.device(), 20),
                            grouped(iops),
                            grouped(iops * result.settings().ioSizeBytes() / (1 << 20)),
                            grouped(worker.errors()),
                            ""
                        });
            }
        }
        rows.add(
                new String[] {
                    result.workers().size() > 1 ? "all" : "throughput",
                    grouped(result.iops()),
                    grouped(result.mibPerSecond()),
                    grouped(result.errors()),
                    decimals(result.allocatedBytesPerIo(), 2)
                });
        append(text, rows);
        text.append('\n');
        rows.clear();
        rows.add(new String[] {"", "mean", "p50", "p90", "p99", "p99.9", "max"});
        rows.add(
                new String[] {
                    "latency, us",
                    micros(latency.getMean()),
                    micros(latency.getValueAtPercentile(50)),
                    micros(latency.getValueAtPercentile(90)),
                    micros(latency.getValueAtPercentile(99)),
                    micros(latency.getValueAtPercentile(99.9)),
                    micros(latency.getMaxValue())
                });
        append(text, rows);
    }

    private void append(StringBuilder text, List<String[]> rows) {
        int columns = rows.getFirst().length;
        int[] widths = new int[columns];
        for (String[] row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            StringBuilder line = new StringBuilder(pad(rows.get(r)[0], -widths[0]));
            for (int i = 1; i < columns; i++) {
                line.append("  ").append(pad(rows.get(r)[i], Math.max(8, widths[i])));
            }
            String padded = line.toString().stripTrailing();
            text.append(r == 0 ? console.faint(padded) : r == rows.size() - 1 ? console.bold(padded) : padded);
            text.append('\n');
        }
    }

    private void list(StringBuilder text, PerfResult result, Histogram latency) {
        pair(text, "IOPS", grouped(result.iops()));
        pair(text, "MiB/s", grouped(result.mibPerSecond()));
        pair(text, "errors", grouped(result.errors()));
        pair(text, "heap B/IO", decimals(result.allocatedBytesPerIo(), 2));
        text.append(console.faint("latency, us")).append('\n');
        pair(text, "  mean", micros(latency.getMean()));
        pair(text, "  p50", micros(latency.getValueAtPercentile(50)));
        pair(text, "  p90", micros(latency.getValueAtPercentile(90)));
        pair(text, "  p99", micros(latency.getValueAtPercentile(99)));
        pair(text, "  p99.9", micros(latency.getValueAtPercentile(99.9)));
        pair(text, "  max", micros(latency.getMaxValue()));
    }

    private static void pair(StringBuilder text, String key, String value) {
        text.append(pad(key, -10)).append(pad(value, 16)).append('\n');
    }

    private static String pad(String text, int width) {
        String spaces = " ".repeat(Math.max(0, Math.abs(width) - text.length()));
        return width < 0 ? text + spaces : spaces + text;
    }

    private static String shortened(String text, int length) {
        return text.length() <= length ? text : text.substring(0, length - 3) + "...";
    }

    static String grouped(double number) {
        return String.format(Locale.ROOT, "%,.0f", number);
    }

    static String decimals(double number, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", number);
    }

    /** Three digits or more. */
    static String micros(double nanos) {
        double micros = nanos / NANOS_PER_MICRO;
        return decimals(micros, micros < 10 ? 2 : micros < 1000 ? 1 : 0);
    }

    static String plain(double number) {
        return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
    }

    static String compact(double number) {
        return number >= 1e6
                ? decimals(number / 1e6, 2) + "M"
                : number >= 1e3 ? decimals(number / 1e3, 1) + "k" : decimals(number, 0);
    }
}
