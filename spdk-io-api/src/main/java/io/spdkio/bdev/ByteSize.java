package io.spdkio.bdev;

import java.util.Locale;

/** Sizes as people write them: powers of 1024. */
public final class ByteSize {
    private static final String UNITS = "KMGTPE";

    private ByteSize() {}

    /**
     * Reads a size.
     *
     * @param text a number with an optional unit: {@code 512}, {@code 4k}, {@code 64MiB}, {@code 1.5G}; case does not
     *     matter
     * @return bytes, not negative
     * @throws IllegalArgumentException if it is no size, no whole number of bytes, or more than 2^63 - 1
     */
    public static long parse(String text) {
        String s = text.strip().toUpperCase(Locale.ROOT);
        int end = s.length();
        if (s.endsWith("IB")) {
            end -= 2;
        } else if (s.endsWith("B")) {
            end -= 1;
        }
        int power = 0;
        if (end > 0 && UNITS.indexOf(s.charAt(end - 1)) >= 0) {
            power = UNITS.indexOf(s.charAt(end - 1)) + 1;
            end--;
        } else if (end < s.length() && s.endsWith("IB")) {
            throw bad(text);
        }
        String number = s.substring(0, end).strip();
        if (number.isEmpty()
                || !number.chars().allMatch(c -> (c >= '0' && c <= '9') || c == '.')
                || number.length() > 30) {
            throw bad(text);
        }
        try {
            if (number.indexOf('.') < 0) {
                return Math.multiplyExact(Long.parseLong(number), 1L << (10 * power));
            }
            // Not for whole numbers: loading BigDecimal alone takes tens of milliseconds at start.
            return new java.math.BigDecimal(number)
                    .multiply(java.math.BigDecimal.valueOf(1L << (10 * power)))
                    .longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw bad(text);
        }
    }

    private static IllegalArgumentException bad(String text) {
        return new IllegalArgumentException(
                "not a size: '"
                        + text
                        + "'. Write a whole number of bytes up to 2^63 - 1, with K, M, G or T for powers of 1024: 512,"
                        + " 4k, 64MiB");
    }

    /**
     * Writes a size.
     *
     * @param bytes bytes
     * @return in the largest unit that divides it, such as {@code 64 MiB} or {@code 4097 B}
     */
    public static String format(long bytes) {
        int power = 0;
        long rest = bytes;
        while (rest != 0 && rest % 1024 == 0 && power < UNITS.length()) {
            rest /= 1024;
            power++;
        }
        return rest + (power == 0 ? " B" : " " + UNITS.charAt(power - 1) + "iB");
    }
}
