package io.spdkio.cli.blob;

import io.spdkio.cli.Console;

import picocli.CommandLine.Command;

import java.io.IOException;

/** {@code spdk-io blob decouple}. */
@Command(
        name = "decouple",
        description = "Take a clone off its parent: copy what the parent has allocated itself. It stays thin.",
        footer = {
            "",
            "The parent's own parent, where there is one, becomes the clone's.",
            "",
            "Example:",
            "  spdk-io blob decouple --bdev file:store.img test",
        })
final class DecoupleCommand extends OneBlobCommand {
    DecoupleCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> open.store().decoupleParent(open.find(blob)).join());
        return 0;
    }
}
