package io.spdkio.cli.blob;

import io.spdkio.cli.Console;
import io.spdkio.embedded.blob.format.Printable;
import io.spdkio.embedded.blob.format.StoreDump;

import picocli.CommandLine.Command;

/** {@code spdk-io blob dump}. */
@Command(
        name = "dump",
        description = "Show the metadata of a store as it lies on the device, without loading or changing it.",
        footer = {
            "",
            "Each line begins with where on the device it is, in hexadecimal. What can't be is marked with !. A store"
                    + " that is damaged is shown as far as it can be found.",
            "",
            "Example:",
            "  spdk-io blob dump --bdev file:store.img | less",
        })
final class DumpCommand extends StoreCommand {
    private static final int RED = 31;
    private static final int INDENT = 2;
    private static final int NAME_COLUMNS = 24;
    private static final int WIDE = 60;
    private static final int MIN_VALUE_COLUMNS = 20;

    DumpCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        try (Device device = Device.open(options, true)) {
            device.readPages((source, size) -> StoreDump.dump(source, size, Device::memory, this::print));
        }
        return 0;
    }

    private void print(StoreDump.Line line) {
        String offset = "%010x".formatted(line.offsetBytes());
        String head = (line.isWrong() ? " ! " : "   ") + " ".repeat(INDENT * line.level()) + line.name();
        if (console.columns() >= WIDE) {
            head += " ".repeat(Math.max(0, NAME_COLUMNS + INDENT - head.length()));
        }
        String value = Printable.harmless(line.value());
        int column = offset.length() + head.length() + 2;
        boolean fits = column + value.length() <= console.columns() || column + MIN_VALUE_COLUMNS <= console.columns();
        String indent = " ".repeat(fits ? column : offset.length() + INDENT);
        String text =
                value.isEmpty()
                        ? head.stripTrailing()
                        : head + (fits ? "  " : "\n" + indent) + console.wrap(value, indent);
        console.out().println(console.faint(offset) + (line.isWrong() ? console.colored(RED, text) : text));
    }
}
