package io.spdkio.cli.blob;

import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Json;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code spdk-io blob load}. */
@Command(
        name = "load",
        description = "Load a store and say what it is; one that was not unloaded is recovered by that.",
        footer = {
            "",
            "Examples:",
            "  spdk-io blob load --bdev file:store.img",
            "  spdk-io blob load --bdev file:store.img --type backups --json",
        })
final class LoadCommand extends StoreCommand {
    @Option(
            names = "--type",
            paramLabel = "TYPE",
            defaultValue = "",
            description = "Refuse a store of another type (default: take any).")
    private String type;

    @Option(names = "--recover", description = "Rebuild the maps of what is used even if the store is clean.")
    private boolean recover;

    @Option(names = "--json", description = "Print JSON.")
    private boolean asJson;

    LoadCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        BlobstoreOptions expected;
        try {
            expected = BlobstoreOptions.defaults().withType(type).withForceRecovery(recover);
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
        try (Device device = Device.open(options, false);
                OpenStore open = OpenStore.load(device, expected)) {
            StoreFacts facts = StoreFacts.of(open, open.ids().size());
            if (asJson) {
                console.out().println(Json.of(facts::write));
            } else {
                facts.print(console);
            }
        }
        return 0;
    }
}
