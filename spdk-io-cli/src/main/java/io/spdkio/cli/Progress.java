package io.spdkio.cli;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

import java.util.function.LongConsumer;

/** A bar on standard error when somebody watches. */
public final class Progress implements LongConsumer, AutoCloseable {
    private static final int INTERVAL_MILLIS = 100;

    private final ProgressBar bar;

    /**
     * Begins.
     *
     * @param total how many bytes there will be; {@link Long#MAX_VALUE} when nobody knows
     */
    public Progress(Console console, String task, long total) {
        bar =
                console.errIsTerminal()
                        ? new ProgressBarBuilder()
                                .setTaskName(task)
                                .setInitialMax(total == Long.MAX_VALUE ? -1 : total)
                                .setUnit(" MiB", 1 << 20)
                                .setUpdateIntervalMillis(INTERVAL_MILLIS)
                                .setStyle(ProgressBarStyle.ASCII)
                                .showSpeed()
                                .setConsumer(new ConsoleProgressBarConsumer(System.err, console.columns() - 1))
                                .build()
                        : null;
    }

    @Override
    public void accept(long bytes) {
        if (bar != null) {
            bar.stepTo(bytes);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
