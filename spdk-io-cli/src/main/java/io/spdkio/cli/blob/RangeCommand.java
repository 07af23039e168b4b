package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Sizes;

import picocli.CommandLine.Option;

/** Moves a range of a blob. */
abstract class RangeCommand extends OneBlobCommand {
    @Option(
            names = "--offset",
            paramLabel = "SIZE",
            converter = Sizes.class,
            defaultValue = "0",
            description = "Where to begin, a multiple of the store's I/O unit (default ${DEFAULT-VALUE}).")
    Long offset;

    RangeCommand(Console console) {
        super(console);
    }

    void requireAligned(OpenStore open) {
        int unit = open.store().ioUnitSizeBytes();
        if (offset % unit != 0) {
            throw CliException.usage(
                    "--offset %d is not a multiple of the store's I/O unit, %d; use --offset %d"
                            .formatted(offset, unit, offset / unit * unit));
        }
    }
}
