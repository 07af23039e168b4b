package io.spdkio.cli.blob;

import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

import java.io.IOException;

/** {@code spdk-io blob resize}. */
@Command(
        name = "resize",
        description = "Make a blob larger or smaller; what lies beyond a smaller size is lost.",
        footer = {"", "Example:", "  spdk-io blob resize --bdev file:store.img disk --size 128MiB"})
final class ResizeCommand extends OneBlobCommand {
    @Mixin private BlobSize size;

    ResizeCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        size.check();
        onBlob((open, opened) -> {
            opened.resize(size.clusters(open)).join();
            opened.syncMetadata().join();
            console.out()
                    .println(
                            opened.id()
                                    + " has "
                                    + Rows.clusters(opened.clusters())
                                    + ", "
                                    + Rows.size(opened.sizeBytes()));
        });
        return 0;
    }
}
