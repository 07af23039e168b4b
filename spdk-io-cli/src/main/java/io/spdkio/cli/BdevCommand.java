package io.spdkio.cli;

import io.spdkio.SpdkEnv;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.ByteSize;
import io.spdkio.bdev.IoType;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** {@code spdk-io bdev}. */
@Command(
        name = "bdev",
        description = "Look at block devices.",
        footer = {
            "",
            "The devices are made from their specs, looked at and removed again; what is in a file stays as it is.",
            "",
            "Examples:",
            "  spdk-io bdev list malloc:64MiB null:1TiB file:/dev/nvme0n1",
            "  spdk-io bdev info delay,read=100us:malloc:64MiB",
        })
public final class BdevCommand implements Runnable {
    /** The longest, and a gap. */
    private static final int KEY_COLUMNS = "compareAndWrite".length() + 2;

    private final Console console;

    @Spec private CommandSpec spec;

    /** Creates the command. */
    public BdevCommand(Console console) {
        this.console = console;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what to do: list or info");
    }

    @Command(
            name = "list",
            description = "List the devices that specs describe, those below them too.",
            footer = {"", "Example:", "  spdk-io bdev list malloc:64MiB passthru:null:1TiB"})
    int list(
            @Mixin EnvironmentOptions environment,
            @Parameters(
                            paramLabel = "SPEC",
                            arity = "0..*",
                            description = "Devices to make; without any, those that the engine found by itself.")
                    List<String> specs) {
        DeviceSpecs devices = DeviceSpecs.parse(specs == null ? List.of() : specs);
        try (SpdkEnv env = open(environment)) {
            devices.create(env);
            List<Bdev> all = env.bdevs().list();
            if (all.isEmpty()) {
                console.err()
                        .println(
                                "the "
                                        + env.engine().name()
                                        + " engine found no devices; describe one: spdk-io bdev"
                                        + " list malloc:64MiB");
                return 0;
            }
            table(all);
        }
        return 0;
    }

    private void table(List<Bdev> all) {
        if (console.columns() < 60) {
            for (Bdev bdev : all) {
                console.out().println(console.bold(bdev.name()));
                console.out().println("  " + bdev.productName());
                console.out()
                        .println(
                                "  "
                                        + ByteSize.format(bdev.sizeBytes())
                                        + ", blocks of "
                                        + ByteSize.format(bdev.blockSize()));
            }
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"NAME", "PRODUCT", "SIZE", "BLOCK SIZE", "BLOCKS"});
        for (Bdev bdev : all) {
            rows.add(
                    new String[] {
                        bdev.name(),
                        bdev.productName(),
                        ByteSize.format(bdev.sizeBytes()),
                        ByteSize.format(bdev.blockSize()),
                        String.format(Locale.ROOT, "%,d", bdev.blockCount())
                    });
        }
        int[] widths = new int[5];
        rows.forEach(row -> Arrays.setAll(widths, i -> Math.max(widths[i], row[i].length())));
        for (int r = 0; r < rows.size(); r++) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String pad = " ".repeat(widths[i] - rows.get(r)[i].length());
                line.append(i == 0 ? "" : "  ").append(i < 2 ? rows.get(r)[i] + pad : pad + rows.get(r)[i]);
            }
            String text = line.toString().stripTrailing();
            console.out().println(r == 0 ? console.faint(text) : text);
        }
    }

    @Command(
            name = "info",
            description = "Show all about the devices that specs describe.",
            footer = {"", "Example:", "  spdk-io bdev info 'file:/tmp/disk?size=1GiB&create=true'"})
    int info(
            @Mixin EnvironmentOptions environment,
            @Parameters(paramLabel = "SPEC", arity = "1..*", description = "Devices to make and show.")
                    List<String> specs) {
        DeviceSpecs devices = DeviceSpecs.parse(specs);
        try (SpdkEnv env = open(environment)) {
            boolean first = true;
            for (Bdev bdev : devices.create(env)) {
                if (!first) {
                    console.out().println();
                }
                first = false;
                show(bdev, environment.describe(env));
            }
        }
        return 0;
    }

    private void show(Bdev bdev, String engine) {
        BdevGeometry geometry = bdev.geometry();
        console.out().println(console.bold(bdev.name()));
        row("product", bdev.productName());
        row("engine", engine);
        row("uuid", bdev.uuid().toString());
        row(
                "size",
                ByteSize.format(geometry.sizeBytes())
                        + String.format(Locale.ROOT, " (%,d bytes)", geometry.sizeBytes()));
        row("block size", ByteSize.format(geometry.blockSize()));
        row("blocks", String.format(Locale.ROOT, "%,d", geometry.blockCount()));
        row("write unit", blocks(geometry.writeUnitBlocks()));
        row(
                "boundary",
                geometry.optimalIoBoundaryBlocks() == 0
                        ? "none"
                        : geometry.optimalIoBoundaryBlocks()
                                + " blocks"
                                + (geometry.splitOnOptimalIoBoundary() ? ", I/O is split there" : ""));
        row("largest I/O", geometry.maxIoBytes() == 0 ? "no limit" : ByteSize.format(geometry.maxIoBytes()));
        row("segments", geometry.maxSegments() == 0 ? "no limit" : Integer.toString(geometry.maxSegments()));
        row("compareAndWrite", "up to " + blocks(geometry.compareAndWriteUnitBlocks()));
        row("alignment", ByteSize.format(geometry.bufferAlignmentBytes()));
        row("claimed by", bdev.claimedBy().orElse("nobody"));
        row(
                "operations",
                Arrays.stream(IoType.values())
                        .filter(bdev::supports)
                        .map(IoType::label)
                        .collect(Collectors.joining(", ")));
    }

    private static String blocks(int count) {
        return count + (count == 1 ? " block" : " blocks");
    }

    private void row(String key, String value) {
        String padded = "  " + key + " ".repeat(KEY_COLUMNS - key.length());
        console.out().println(console.faint(padded) + console.wrap(value, " ".repeat(padded.length())));
    }

    private static SpdkEnv open(EnvironmentOptions environment) {
        environment.check();
        return environment.open("bdev");
    }
}
