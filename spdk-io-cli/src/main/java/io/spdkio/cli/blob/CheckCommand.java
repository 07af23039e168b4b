package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.embedded.blob.format.Printable;
import io.spdkio.embedded.blob.format.StoreChecker;

import picocli.CommandLine.Command;

import java.util.List;

/** {@code spdk-io blob check}. */
@Command(
        name = "check",
        description = "Look for what is wrong with a store, without loading or changing it.",
        footer = {
            "",
            "Looks at checksums, chains of metadata pages, clusters that two blobs have, parents that are not there,"
                    + " and, when the store was unloaded, at clusters and pages that are marked as used by nobody. The"
                    + " exit code is 1 when something is wrong.",
            "",
            "Example:",
            "  spdk-io blob check --bdev file:store.img",
        })
final class CheckCommand extends StoreCommand {
    CheckCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        try (Device device = Device.open(options, true)) {
            device.requireStore();
            List<String> problems =
                    device.readPages((source, size) -> StoreChecker.check(source, size, Device::memory));
            for (String problem : problems) {
                console.out().println(console.wrap(Printable.harmless(problem), "  "));
            }
            if (!problems.isEmpty()) {
                throw CliException.failed(
                        "%s on %s; spdk-io blob dump shows the metadata"
                                .formatted(
                                        problems.size() == 1
                                                ? "1 thing is wrong"
                                                : Rows.count(problems.size()) + " things are wrong",
                                        device.spec()));
            }
            boolean clean = device.superBlock().orElseThrow().isClean();
            console.out()
                    .println(
                            clean
                                    ? "nothing is wrong"
                                    : console.wrap(
                                            "nothing is wrong; the store was not unloaded, and the next load recovers"
                                                    + " it",
                                            ""));
        }
        return 0;
    }
}
