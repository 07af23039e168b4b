package io.spdkio.cli.blob;

import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;

/** {@code spdk-io blob inflate}. */
@Command(
        name = "inflate",
        description = "Make a thin blob thick: allocate and fill all its clusters, so that it needs no parent.",
        footer = {"", "Example:", "  spdk-io blob inflate --bdev file:store.img test"})
final class InflateCommand extends StoreCommand {
    @Parameters(paramLabel = "BLOB", description = "Its id or name.")
    private String blob;

    InflateCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> open.store().inflate(open.find(blob)).join());
        return 0;
    }
}
