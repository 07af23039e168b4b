package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.Map;

/** {@code spdk-io blob snapshot}. */
@Command(
        name = "snapshot",
        description = "Make a snapshot of a blob and print the snapshot's id.",
        footer = {
            "",
            "The snapshot takes over the blob's clusters and can only be read; the blob becomes its clone.",
            "",
            "Example:",
            "  spdk-io blob snapshot --bdev file:store.img disk --name monday",
        })
final class SnapshotCommand extends StoreCommand {
    @Parameters(paramLabel = "BLOB", description = "Its id or name.")
    private String blob;

    @Mixin private NewBlob noted;

    SnapshotCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> {
            open.requireFree(noted.name());
            BlobId id = open.find(blob);
            Map<String, byte[]> xattrs = noted.xattrs();
            FileLength.inherit(open, id, xattrs);
            print(open.store().snapshot(id, xattrs).join());
        });
        return 0;
    }
}
