package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;

import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** {@code spdk-io blob clone}. */
@Command(
        name = "clone",
        description = "Make a clone of a snapshot and print the clone's id.",
        footer = {
            "",
            "The clone is thin: it shows what BLOB holds, a snapshot or another read-only blob, until it is written"
                    + " itself.",
            "",
            "Example:",
            "  spdk-io blob clone --bdev file:store.img monday --name test",
        })
final class CloneCommand extends DerivedBlobCommand {
    CloneCommand(Console console) {
        super(console);
    }

    @Override
    CompletableFuture<BlobId> make(Blobstore store, BlobId of, Map<String, byte[]> xattrs) {
        return store.clone(of, xattrs);
    }
}
