package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * One run of the command, inside this JVM.
 *
 * @param binary what went to standard output that is no text
 */
record Ran(int code, String out, String err, ByteArrayOutputStream binary) {
    Ran(int code, String out, String err) {
        this(code, out, err, new ByteArrayOutputStream());
    }

    static Ran with(String... args) {
        return inColumns(80, args);
    }

    static Ran inColumns(int columns, String... args) {
        return run(columns, new byte[0], args);
    }

    /** With something on standard input. */
    static Ran reading(byte[] input, String... args) {
        return run(80, input, args);
    }

    private static Ran run(int columns, byte[] input, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Console console =
                new Console(
                        new PrintWriter(out, true),
                        new PrintWriter(err, true),
                        false,
                        false,
                        columns,
                        false,
                        new ByteArrayInputStream(input),
                        bytes);
        int code = SpdkIo.run(console, args);
        return new Ran(code, out.toString(), err.toString(), bytes);
    }

    byte[] bytes() {
        return binary.toByteArray();
    }

    Ran succeeded() {
        assertThat(err).as("standard error").isEmpty();
        assertThat(code).as("exit code").isZero();
        return this;
    }

    /** Ended with a code and one line that says all of this, and no stack trace. */
    Ran endedWith(int expected, String... words) {
        assertThat(err.lines().toList()).as("standard error").hasSize(1);
        assertThat(err).startsWith("spdk-io").contains(words).doesNotContain("\tat ", "Exception");
        assertThat(code).as("exit code").isEqualTo(expected);
        return this;
    }
}
