package io.spdkio.cli.blob;

import io.spdkio.cli.Console;

import picocli.CommandLine.Command;

import java.io.IOException;

/** {@code spdk-io blob inflate}. */
@Command(
        name = "inflate",
        description = "Make a thin blob thick: allocate and fill all its clusters, so that it needs no parent.",
        footer = {"", "Example:", "  spdk-io blob inflate --bdev file:store.img test"})
final class InflateCommand extends OneBlobCommand {
    InflateCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> open.store().inflate(open.find(blob)).join());
        return 0;
    }
}
