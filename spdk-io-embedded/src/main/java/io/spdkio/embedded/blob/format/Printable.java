package io.spdkio.embedded.blob.format;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;

/** Bytes that somebody else wrote, for a person to look at: nothing in them can change how a terminal behaves. */
public final class Printable {
    private static final int MAX_HEX_BYTES = 32;
    private static final int MAX_TEXT_CHARS = 256;

    private Printable() {}

    /**
     * The text that bytes are, without the zeroes after it.
     *
     * @param bytes any
     * @return the text; empty when it is not UTF-8, or has control characters
     */
    public static Optional<String> text(byte[] bytes) {
        int end = bytes.length;
        while (end > 0 && bytes[end - 1] == 0) {
            end--;
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, end)).toString();
            return text.codePoints().allMatch(Printable::isHarmless) ? Optional.of(text) : Optional.empty();
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }

    /**
     * Text without what a terminal would obey.
     *
     * @param text any
     * @return the same with a question mark for each control character
     */
    public static String harmless(String text) {
        StringBuilder shown = new StringBuilder(text.length());
        text.codePoints().forEach(c -> shown.appendCodePoint(isHarmless(c) ? c : '?'));
        return shown.toString();
    }

    private static boolean isHarmless(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            default -> true;
        };
    }

    /**
     * Bytes as text in quotes, or else in hexadecimal; what is long is cut.
     *
     * @param bytes any
     * @return one line
     */
    public static String shown(byte[] bytes) {
        if (bytes.length == 0) {
            return "empty";
        }
        Optional<String> text = text(bytes).filter(t -> !t.isEmpty());
        if (text.isPresent()) {
            String all = text.get();
            return all.length() <= MAX_TEXT_CHARS
                    ? "'" + all + "'"
                    : "'" + all.substring(0, MAX_TEXT_CHARS) + "'... (" + bytes.length + " bytes)";
        }
        String hex = HexFormat.of().formatHex(bytes, 0, Math.min(bytes.length, MAX_HEX_BYTES));
        return "hex " + hex + (bytes.length > MAX_HEX_BYTES ? "... (" + bytes.length + " bytes)" : "");
    }
}
