package io.spdkio.cli.blob;

import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code spdk-io blob init}. */
@Command(
        name = "init",
        description = "Make a new store on a device; what the device held is lost.",
        footer = {
            "",
            "Examples:",
            "  spdk-io blob init --bdev 'file:store.img?size=1GiB&create=true'",
            "  spdk-io blob init --bdev file:/dev/nvme0n1 --cluster-size 4MiB --type backups",
        })
final class InitCommand extends StoreCommand {
    @Option(
            names = "--cluster-size",
            paramLabel = "SIZE",
            converter = Sizes.class,
            defaultValue = "1MiB",
            description = "The unit of allocation, a multiple of 4 KiB (default ${DEFAULT-VALUE}).")
    private Long clusterBytes;

    @Option(
            names = "--metadata-pages",
            paramLabel = "N",
            defaultValue = "0",
            description = "Each blob needs at least one; 0 for one each cluster (default ${DEFAULT-VALUE}).")
    private int metadataPages;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            defaultValue = "",
            description = "What the store is used for, at most 16 characters (default: nothing).")
    private String type;

    @Option(
            names = "--clear-method",
            paramLabel = "METHOD",
            converter = ClearMethods.class,
            completionCandidates = ClearMethods.class,
            defaultValue = "default",
            description = "What becomes of the device's contents: ${COMPLETION-CANDIDATES} (default: unmap).")
    private ClearMethod clearMethod;

    @Option(names = "--force", description = "Also where there is a store already, which is lost with its blobs.")
    private boolean force;

    InitCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        BlobstoreOptions shape;
        try {
            shape =
                    BlobstoreOptions.defaults()
                            .withClusterSize(clusterBytes)
                            .withMetadataPages(metadataPages)
                            .withType(type)
                            .withClearMethod(clearMethod);
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
        try (Device device = Device.open(options, false)) {
            if (!force && device.holdsStore()) {
                throw CliException.failed(
                        device.spec()
                                + " holds a blobstore already; look at it with spdk-io blob ls, or make a new one with"
                                + " --force");
            }
            try (OpenStore open = OpenStore.init(device, shape)) {
                StoreFacts.of(open, 0).print(console);
            }
        }
        return 0;
    }
}
