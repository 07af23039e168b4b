package io.spdkio.cli.blob;

import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.Optional;

/** {@code spdk-io blob create}. */
@Command(
        name = "create",
        description = "Create a blob and print its id.",
        footer = {
            "",
            "A thick blob has all its clusters from the beginning, and they hold what was there before.",
            "",
            "Examples:",
            "  spdk-io blob create --bdev file:store.img --size 64MiB --thin --name disk",
            "  spdk-io blob create --bdev file:store.img --clusters 8 --xattr owner=me",
        })
final class CreateCommand extends StoreCommand {
    @Mixin private BlobSize size;

    @Option(names = "--thin", description = "Allocate clusters when they are first written.")
    private boolean thin;

    @Option(
            names = "--clear-method",
            paramLabel = "METHOD",
            converter = ClearMethods.class,
            completionCandidates = ClearMethods.class,
            defaultValue = "default",
            description = "What becomes of clusters that it gives back: ${COMPLETION-CANDIDATES} (default: unmap).")
    private ClearMethod clearMethod;

    @Mixin private NewBlob noted;

    CreateCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        size.check();
        onStore(open -> {
            open.requireFree(noted.name());
            print(open.store().create(shape(open)).join());
        });
        return 0;
    }

    private BlobOptions shape(OpenStore open) {
        try {
            return new BlobOptions(size.clusters(open), thin, clearMethod, true, noted.xattrs(), Optional.empty());
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
    }
}
