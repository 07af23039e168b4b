package io.spdkio.cli.perf;

import io.spdkio.cli.Console;

import java.util.Locale;

/** The line that changes while a run goes on, when somebody watches. */
final class LiveLine implements PerfRun.Watcher {
    private static final int SAMPLES_PER_LINE = 2;

    private final Console console;
    private final PerfSettings settings;
    private final boolean debug;
    private int samples;
    private boolean shown;

    LiveLine(Console console, PerfSettings settings, boolean debug) {
        this.console = console;
        this.settings = settings;
        this.debug = debug;
    }

    @Override
    public void onFirstIo() {
        if (debug) {
            String cpu =
                    ProcessHandle.current()
                            .info()
                            .totalCpuDuration()
                            .map(spent -> ", after " + spent.toMillis() + " ms of processor time")
                            .orElse("");
            console.err().println("first I/O completed at " + System.currentTimeMillis() + " ms" + cpu);
        }
    }

    @Override
    public void onSample(double iops, double seconds, boolean warmingUp) {
        if (!console.errIsTerminal() || ++samples % SAMPLES_PER_LINE != 0) {
            return;
        }
        double mib = iops * settings.ioSizeBytes() / (1 << 20);
        String line =
                warmingUp
                        ? String.format(Locale.ROOT, "warming up  %s IOPS", PerfTable.compact(iops))
                        : String.format(
                                Locale.ROOT,
                                "%5.1f of %s s  %s IOPS  %s MiB/s",
                                seconds,
                                PerfTable.plain(settings.seconds()),
                                PerfTable.compact(iops),
                                PerfTable.compact(mib));
        String cut = line.length() >= console.columns() ? line.substring(0, console.columns() - 1) : line;
        console.err().print("\r" + cut + "\u001b[K");
        console.err().flush();
        shown = true;
    }

    void erase() {
        if (shown) {
            console.err().print("\r\u001b[K");
            console.err().flush();
            shown = false;
        }
    }
}
