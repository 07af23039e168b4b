package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;

import java.util.Map;
import java.util.concurrent.CompletableFuture;

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
final class SnapshotCommand extends DerivedBlobCommand {
    SnapshotCommand(Console console) {
        super(console);
    }

    @Override
    CompletableFuture<BlobId> make(Blobstore store, BlobId of, Map<String, byte[]> xattrs) {
        return store.snapshot(of, xattrs);
    }
}
