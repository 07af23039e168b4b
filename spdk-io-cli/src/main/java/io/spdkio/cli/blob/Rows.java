package io.spdkio.cli.blob;

import io.spdkio.bdev.ByteSize;
import io.spdkio.cli.Console;

import java.util.Locale;

/** What is known of one thing, a line for each. */
final class Rows {
    private static final int KEY_COLUMNS = 17;
    private static final int NARROW = 50;
    private static final String UNITS = "KMGTPE";

    private Rows() {}

    static void print(Console console, String key, String value) {
        if (console.columns() < NARROW) {
            console.out().println(console.faint(key));
            console.out().println("  " + console.wrap(value, "  "));
            return;
        }
        String padded = key + " ".repeat(Math.max(1, KEY_COLUMNS - key.length()));
        console.out().println(console.faint(padded) + console.wrap(value, " ".repeat(padded.length())));
    }

    static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** Bytes in the largest unit that fits, with a decimal where it is not whole. */
    static String approximately(long bytes) {
        int unit = 0;
        while (unit < UNITS.length() && bytes >> (10 * (unit + 1)) > 0) {
            unit++;
        }
        long whole = 1L << (10 * unit);
        return bytes % whole == 0
                ? ByteSize.format(bytes)
                : String.format(Locale.ROOT, "%.1f %ciB", (double) bytes / whole, UNITS.charAt(unit - 1));
    }

    /** The same, and exactly. */
    static String size(long bytes) {
        return bytes < 1024 ? bytes + " B" : approximately(bytes) + " (" + count(bytes) + " bytes)";
    }

    static String clusters(long number) {
        return count(number) + (number == 1 ? " cluster" : " clusters");
    }
}
