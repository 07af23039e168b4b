package io.spdkio.cli.blob;

import io.spdkio.cli.Console;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** {@code spdk-io blob}. */
@Command(
        name = "blob",
        description = "Make blobstores, and work with the blobs in them.",
        footer = {
            "",
            "A blobstore keeps blobs on a block device, in SPDK's format: sequences of clusters that can grow, be thin,"
                    + " have attributes, snapshots and clones. Each command loads the store, does its work and unloads"
                    + " it.",
            "",
            "A BLOB is named by its id, such as 0x100000000, or by its attribute 'name' where only one has it.",
            "",
            "Examples:",
            "  spdk-io blob init --bdev 'file:store.img?size=1GiB&create=true'",
            "  spdk-io blob import --bdev file:store.img disk.raw --name disk --thin --verify",
            "  spdk-io blob snapshot --bdev file:store.img disk --name monday",
            "  spdk-io blob ls --bdev file:store.img",
            "  spdk-io blob check --bdev file:store.img",
        })
public final class BlobCommand implements Runnable {
    private static final Map<String, Function<Console, Object>> COMMANDS = commands();

    @Spec private CommandSpec spec;

    private BlobCommand() {}

    private static Map<String, Function<Console, Object>> commands() {
        Map<String, Function<Console, Object>> commands = new LinkedHashMap<>();
        commands.put("init", InitCommand::new);
        commands.put("load", LoadCommand::new);
        commands.put("ls", LsCommand::new);
        commands.put("show", ShowCommand::new);
        commands.put("create", CreateCommand::new);
        commands.put("rm", RmCommand::new);
        commands.put("resize", ResizeCommand::new);
        commands.put("read", ReadCommand::new);
        commands.put("write", WriteCommand::new);
        commands.put("import", ImportCommand::new);
        commands.put("export", ExportCommand::new);
        commands.put("xattr", XattrCommand::new);
        commands.put("snapshot", SnapshotCommand::new);
        commands.put("clone", CloneCommand::new);
        commands.put("inflate", InflateCommand::new);
        commands.put("decouple", DecoupleCommand::new);
        commands.put("dump", DumpCommand::new);
        commands.put("check", CheckCommand::new);
        return commands;
    }

    /** Creates the command with those below it. */
    public static CommandLine of(Console console) {
        CommandLine line = new CommandLine(new BlobCommand());
        COMMANDS.values().forEach(command -> line.addSubcommand(command.apply(console)));
        return line;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(
                spec.commandLine(), "say what to do: " + String.join(", ", COMMANDS.keySet()));
    }
}
