package io.spdkio.cli;

import io.spdkio.SpdkEnv;
import io.spdkio.cli.blob.BlobCommand;
import io.spdkio.cli.dd.DdCommand;
import io.spdkio.cli.perf.PerfCommand;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The {@code spdk-io} command. */
@Command(
        name = "spdk-io",
        description = "Fast block I/O: measure, copy and look at block devices, on SPDK or on an engine in Java.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Device specs are explained in spdk-io perf --help. Exit codes: 0 done, 1 failed, 2 used wrongly.",
            "",
            "Examples:",
            "  spdk-io perf --bdev malloc:64MiB",
            "  spdk-io dd --if disk.img --of file:/dev/nvme0n1 --verify",
            "  spdk-io run Program.java     a program of one file, with the library",
            "  source <(spdk-io completion)",
        })
public final class SpdkIo implements Runnable {
    @Spec private CommandSpec spec;

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show stack traces, and when things happened.")
    private boolean debug;

    /** Runs the command and ends the process with its exit code. */
    public static void main(String... args) {
        if (args.length > 1) {
            Thread.ofPlatform().name("look for engines").daemon().start(SpdkIo::lookForEngines);
        }
        Console console = Console.ofProcess();
        int code = run(console, args);
        console.out().flush();
        console.err().flush();
        // Not System.exit: a failed write of the output is no success.
        System.exit(console.out().checkError() && code == 0 ? CommandLine.ExitCode.SOFTWARE : code);
    }

    /** Loads and links what the engines need while the command line is read: a third off the time to the first I/O. */
    private static void lookForEngines() {
        try {
            var _ = SpdkEnv.engines();
        } catch (RuntimeException | Error e) {
            // Found again, and reported, when an engine is needed.
        }
    }

    /** Runs the command and returns its exit code. */
    static int run(Console console, String... args) {
        if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-V"))) {
            // As picocli does it, but without reading every command's options.
            for (String line : new Version().getVersion()) {
                console.out().println(line);
            }
            return CommandLine.ExitCode.OK;
        }
        return commandLine(console, args).execute(args);
    }

    private static final Map<String, Function<Console, Object>> COMMANDS = commands();

    private static Map<String, Function<Console, Object>> commands() {
        Map<String, Function<Console, Object>> commands = new LinkedHashMap<>();
        commands.put("perf", PerfCommand::new);
        commands.put("dd", DdCommand::new);
        commands.put("bdev", BdevCommand::new);
        commands.put("blob", BlobCommand::of);
        commands.put("native", NativeCommand::new);
        commands.put("doctor", DoctorCommand::new);
        commands.put("completion", _ -> new CompletionCommand());
        commands.put("warm-start", _ -> new WarmStart());
        return commands;
    }

    static CommandLine commandLine(Console console, String... args) {
        CommandLine line = new CommandLine(new SpdkIo());
        // Reading the options of every command takes longer than all else before the first I/O.
        String first = args.length == 0 ? "" : args[0];
        boolean only = COMMANDS.containsKey(first) && !first.equals("completion");
        COMMANDS.forEach((name, command) -> {
            if (!only || name.equals(first)) {
                line.addSubcommand(command.apply(console));
            }
        });
        line.setOut(console.out());
        line.setErr(console.err());
        line.setColorScheme(
                CommandLine.Help.defaultColorScheme(
                        console.color() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
        line.setExitCodeExceptionMapper(problem -> problem instanceof CliException e ? e.exitCode() : 1);
        SpdkIo main = line.getCommand();
        line.setParameterExceptionHandler(main::usedWrongly);
        line.setExecutionExceptionHandler(main::failed);
        Help.install(line, console.columns());
        return line;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(
                spec.commandLine(), "say what to do: perf, dd, bdev, blob, native, doctor or completion");
    }

    private int usedWrongly(CommandLine.ParameterException problem, String[] args) {
        CommandLine line = problem.getCommandLine();
        String name = line.getCommandSpec().qualifiedName();
        String message =
                problem instanceof CommandLine.UnmatchedArgumentException unmatched
                        ? unexpected(unmatched.getUnmatched(), line)
                        : lowerCased(problem.getMessage());
        line.getErr().println(oneLine(name, message + "; see " + name + " --help"));
        if (debug) {
            problem.printStackTrace(line.getErr());
        }
        return CommandLine.ExitCode.USAGE;
    }

    /** picocli takes arguments that begin as options do for unknown options. */
    private static String unexpected(List<String> arguments, CommandLine line) {
        String first = arguments.getFirst();
        if (first.startsWith("-") && first.length() > 1) {
            return "unknown option '" + first + "'";
        }
        if (!line.getSubcommands().isEmpty()) {
            return "there is no command '" + first + "'";
        }
        return (arguments.size() == 1 ? "unexpected argument " : "unexpected arguments ")
                + arguments.stream().map(argument -> "'" + argument + "'").collect(Collectors.joining(", "));
    }

    private int failed(Exception problem, CommandLine line, CommandLine.ParseResult parsed) {
        Throwable cause = problem;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        line.getErr().println(oneLine(line.getCommandSpec().qualifiedName(), explain(cause)));
        if (debug) {
            cause.printStackTrace(line.getErr());
        }
        return cause instanceof CliException e ? e.exitCode() : CommandLine.ExitCode.SOFTWARE;
    }

    private static String lowerCased(String message) {
        return message.isEmpty() ? message : Character.toLowerCase(message.charAt(0)) + message.substring(1);
    }

    private static String oneLine(String name, String message) {
        return name + ": " + message.replaceAll("\\s*\\R\\s*", " ");
    }

    private static String explain(Throwable problem) {
        return switch (problem) {
            case NoSuchFileException e -> "no such file: " + e.getFile() + "; check the path";
            case AccessDeniedException e ->
                    "no permission for " + e.getFile() + "; change its mode, or run as a user who may";
            case FileSystemException e ->
                    e.getFile() + ": " + (e.getReason() == null ? e.getClass().getSimpleName() : e.getReason());
            case CliException e -> e.getMessage();
            case io.spdkio.SpdkException e -> EnvironmentOptions.inOptions(e.getMessage());
            case IllegalArgumentException e -> EnvironmentOptions.inOptions(e.getMessage());
            case java.io.IOException e -> e.getMessage();
            case OutOfMemoryError e -> "out of memory (" + e.getMessage() + "); use a smaller size or depth";
            default -> "unexpected " + problem + "; run it again with --debug for the stack trace";
        };
    }
}
