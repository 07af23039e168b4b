package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.Map;

/** {@code spdk-io blob clone}. */
@Command(
        name = "clone",
        description = "Make a clone of a snapshot and print the clone's id.",
        footer = {
            "",
            "The clone is thin: it shows what the snapshot holds until it is written itself.",
            "",
            "Example:",
            "  spdk-io blob clone --bdev file:store.img monday --name test",
        })
final class CloneCommand extends StoreCommand {
    @Parameters(paramLabel = "BLOB", description = "Id or name of a snapshot or another read-only blob.")
    private String blob;

    @Mixin private NewBlob noted;

    CloneCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> {
            open.requireFree(noted.name());
            BlobId id = open.find(blob);
            Map<String, byte[]> xattrs = noted.xattrs();
            FileLength.inherit(open, id, xattrs);
            print(open.store().clone(id, xattrs).join());
        });
        return 0;
    }
}
