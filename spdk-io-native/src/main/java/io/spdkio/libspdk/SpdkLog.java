package io.spdkio.libspdk;

import io.spdkio.sys.LogLines;
import io.spdkio.sys.raw.LogH;

import java.lang.System.Logger.Level;

/** The log of SPDK and of DPDK below it, handed on to {@link System.Logger} {@code io.spdkio.spdk}. */
final class SpdkLog {
    private static final System.Logger LOG = System.getLogger("io.spdkio.spdk");

    /** An error is the reason for what fails so soon after it, and not for what fails later. */
    private static final long REASON_NANOS = 1_000_000_000;

    private record Logged(String text, long nanoTime) {}

    private final LogLines lines = new LogLines();
    private volatile Logged lastError;

    /** Hands on what was logged since the last call. Any thread, one at a time. */
    void drain() {
        long lost = lines.take(this::log);
        if (lost > 0) {
            LOG.log(Level.WARNING, "{0} lines of SPDK''s log were lost for want of room", lost);
        }
    }

    private void log(int level, String file, int line, String function, String text) {
        if (level == LogH.SPDK_LOG_ERROR) {
            lastError = new Logged(text, System.nanoTime());
        }
        Level to = levelOf(level);
        if (LOG.isLoggable(to)) {
            LOG.log(to, file.isEmpty() ? text : text + " (" + file + ":" + line + " " + function + ")");
        }
    }

    private static Level levelOf(int level) {
        return switch (level) {
            case LogH.SPDK_LOG_ERROR -> Level.ERROR;
            case LogH.SPDK_LOG_WARN -> Level.WARNING;
            case LogH.SPDK_LOG_NOTICE, LogH.SPDK_LOG_INFO -> Level.DEBUG;
            default -> Level.TRACE;
        };
    }

    /** {@link #takeLastError} as the end of a message. */
    String reason() {
        String error = takeLastError();
        return error.isEmpty() ? "" : " (SPDK says: " + error + ")";
    }

    /** What SPDK has just logged as an error, and nobody has asked for; often the reason behind an error number. */
    String takeLastError() {
        drain();
        Logged error = lastError;
        lastError = null;
        return error == null || System.nanoTime() - error.nanoTime > REASON_NANOS ? "" : error.text;
    }
}
