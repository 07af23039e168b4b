package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.cli.Console;

import picocli.CommandLine.Mixin;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Makes a blob of another one, as long as that, and prints its id. */
abstract class DerivedBlobCommand extends OneBlobCommand {
    @Mixin private NewBlob noted;

    DerivedBlobCommand(Console console) {
        super(console);
    }

    abstract CompletableFuture<BlobId> make(Blobstore store, BlobId of, Map<String, byte[]> xattrs);

    @Override
    public Integer call() throws IOException {
        onStore(open -> {
            open.requireFree(noted.name());
            BlobId id = open.find(blob);
            Map<String, byte[]> xattrs = noted.xattrs();
            FileLength.inherit(open, id, xattrs);
            print(make(open.store(), id, xattrs).join());
        });
        return 0;
    }
}
