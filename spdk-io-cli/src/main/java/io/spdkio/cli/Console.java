package io.spdkio.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Where the command writes, and what is known about it.
 *
 * @param out standard output
 * @param err standard error
 * @param outIsTerminal whether somebody watches standard output
 * @param errIsTerminal whether somebody watches standard error
 * @param columns how wide the terminal is
 * @param color whether colors are welcome
 * @param in standard input
 * @param bytes standard output for what is no text; {@code out} is flushed before
 */
public record Console(
        PrintWriter out,
        PrintWriter err,
        boolean outIsTerminal,
        boolean errIsTerminal,
        int columns,
        boolean color,
        InputStream in,
        OutputStream bytes) {
    /** The width when nothing is known, and the narrowest that is written for. */
    private static final int DEFAULT_COLUMNS = 80;

    private static final int MIN_COLUMNS = 30;

    /** The launcher lists here which of 1 and 2 are terminals: Java can't tell them apart. */
    private static final String TTY_VARIABLE = "SPDKIO_TTY";

    @SuppressWarnings("SystemConsoleNull") // JDK 25 returns null again where there is no terminal
    static Console ofProcess() {
        Map<String, String> environment = System.getenv();
        String tty = environment.get(TTY_VARIABLE);
        if (tty == null) {
            tty = System.console() != null && System.console().isTerminal() ? "12" : "";
        }
        boolean out = tty.contains("1");
        boolean err = tty.contains("2");
        boolean color =
                (out || err)
                        && environment.getOrDefault("NO_COLOR", "").isEmpty()
                        && !"dumb".equals(environment.get("TERM"));
        return new Console(
                writer(FileDescriptor.out, System.out.charset()),
                writer(FileDescriptor.err, System.err.charset()),
                out,
                err,
                columns(environment.get("COLUMNS")),
                color,
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out));
    }

    /** A console without streams of bytes. */
    public Console(
            PrintWriter out,
            PrintWriter err,
            boolean outIsTerminal,
            boolean errIsTerminal,
            int columns,
            boolean color) {
        this(
                out,
                err,
                outIsTerminal,
                errIsTerminal,
                columns,
                color,
                InputStream.nullInputStream(),
                OutputStream.nullOutputStream());
    }

    private static PrintWriter writer(FileDescriptor to, Charset charset) {
        // The POSIX locale says US-ASCII, where everything that shows text today shows UTF-8.
        Charset encoding = charset.equals(StandardCharsets.US_ASCII) ? StandardCharsets.UTF_8 : charset;
        return new PrintWriter(new PrintStream(new FileOutputStream(to), true, encoding), true, encoding);
    }

    static int columns(String text) {
        if (text == null || !text.matches("\\d{1,4}")) {
            return DEFAULT_COLUMNS;
        }
        int columns = Integer.parseInt(text);
        return columns == 0 ? DEFAULT_COLUMNS : Math.max(MIN_COLUMNS, columns);
    }

    /** Words that stand out. */
    public String bold(String text) {
        return color ? "\u001b[1m" + text + "\u001b[0m" : text;
    }

    /** Words that step back. */
    public String faint(String text) {
        return color ? "\u001b[2m" + text + "\u001b[0m" : text;
    }

    /** Words in a color of the terminal's palette: 31 red, 32 green, 33 yellow. */
    public String colored(int code, String text) {
        return color ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }

    /** Breaks text at spaces so that it fits the terminal. */
    public String wrap(String text, String indent) {
        int width = Math.max(20, Math.min(columns, 100) - indent.length());
        StringBuilder wrapped = new StringBuilder();
        int column = 0;
        for (String word : text.split(" ")) {
            if (column > 0 && column + 1 + word.length() > width) {
                wrapped.append('\n').append(indent);
                column = 0;
            } else if (column > 0) {
                wrapped.append(' ');
                column++;
            }
            wrapped.append(word);
            column += word.length();
        }
        return wrapped.toString();
    }
}
