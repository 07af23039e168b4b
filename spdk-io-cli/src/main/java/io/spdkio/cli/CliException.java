package io.spdkio.cli;

import picocli.CommandLine;

import java.io.Serial;

/** Ends the command with one line for the user and an exit code. */
public final class CliException extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    private final int exitCode;

    private CliException(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** The command was used wrongly. */
    public static CliException usage(String message) {
        return new CliException(CommandLine.ExitCode.USAGE, message, null);
    }

    /** The command was used wrongly; the cause says how. */
    public static CliException usage(IllegalArgumentException cause) {
        return new CliException(CommandLine.ExitCode.USAGE, EnvironmentOptions.inOptions(cause.getMessage()), cause);
    }

    /** The command was used well and failed. */
    public static CliException failed(String message) {
        return new CliException(CommandLine.ExitCode.SOFTWARE, message, null);
    }

    /** The command was used well and failed. */
    public static CliException failed(String message, Throwable cause) {
        return new CliException(CommandLine.ExitCode.SOFTWARE, message, cause);
    }

    int exitCode() {
        return exitCode;
    }
}
