package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** {@code spdk-io blob rm}. */
@Command(
        name = "rm",
        description = "Delete blobs.",
        footer = {
            "",
            "A snapshot can be deleted when it has one clone at most, which then gets what it needs of it.",
            "",
            "Example:",
            "  spdk-io blob rm --bdev file:store.img disk 0x100000003",
        })
final class RmCommand extends StoreCommand {
    @Parameters(paramLabel = "BLOB", arity = "1..*", description = "Ids or names.")
    private List<String> blobs;

    RmCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> {
            // All are found before the first is gone.
            Set<BlobId> ids = new LinkedHashSet<>();
            blobs.forEach(blob -> ids.add(open.find(blob)));
            ids.forEach(id -> open.store().delete(id).join());
        });
        return 0;
    }
}
