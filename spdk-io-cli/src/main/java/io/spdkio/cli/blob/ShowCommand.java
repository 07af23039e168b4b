package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Json;
import io.spdkio.embedded.blob.format.Printable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** {@code spdk-io blob show}. */
@Command(
        name = "show",
        description = "Show all about a blob, or about the store; as a page with the map of its clusters, too.",
        footer = {
            "",
            "Examples:",
            "  spdk-io blob show --bdev file:store.img disk",
            "  spdk-io blob show --bdev file:store.img --html store.html",
        })
final class ShowCommand extends StoreCommand {
    @Parameters(paramLabel = "BLOB", arity = "0..1", description = "Its id or name; without it, the store is shown.")
    private String blob;

    @Option(names = "--json", description = "Print JSON.")
    private boolean asJson;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Write a page, all in one file: clusters by owner, snapshots and their clones.")
    private String html;

    ShowCommand(Console console) {
        super(console);
    }

    /** What was learned while the store was loaded. */
    private record Seen(StoreFacts facts, List<BlobInfo> blobs, BlobInfo selected) {}

    @Override
    public Integer call() throws IOException {
        if (html != null) {
            requireWritable(html);
            Transfer.requireElsewhere(options, html);
        }
        try (Device device = Device.open(options, false)) {
            Seen seen = look(device);
            if (html != null) {
                // The store is unloaded by now, so that what lies on the device is all there is.
                ClusterOwners owners = ClusterOwners.read(device, seen.selected());
                Files.writeString(Path.of(html), StorePage.of(seen.facts(), seen.blobs(), seen.selected(), owners));
            }
            if (asJson) {
                console.out().println(json(seen));
            } else if (seen.selected() == null) {
                seen.facts().print(console);
            } else {
                print(seen.selected(), seen.facts());
            }
            if (html != null && !asJson) {
                row("page", html);
            }
        }
        return 0;
    }

    private Seen look(Device device) {
        try (OpenStore open = OpenStore.load(device)) {
            BlobInfo selected = blob == null ? null : BlobInfo.of(open, open.find(blob));
            List<BlobInfo> blobs = html == null ? List.of() : BlobInfo.all(open);
            return new Seen(StoreFacts.of(open, open.ids().size()), blobs, selected);
        }
    }

    private static String json(Seen seen) {
        return Json.of(json -> {
            if (seen.selected() != null) {
                BlobJson.write(json, seen.selected(), seen.facts().clusterBytes());
            } else {
                seen.facts().write(json);
            }
        });
    }

    private void print(BlobInfo info, StoreFacts facts) {
        console.out().println(console.bold(info.id().toString()));
        info.name().ifPresent(name -> row("name", name));
        row("kind", info.kind());
        row("size", Rows.clusters(info.clusters()) + ", " + Rows.size(info.clusters() * facts.clusterBytes()));
        row(
                "own",
                Rows.clusters(info.allocatedClusters())
                        + ", "
                        + Rows.size(info.allocatedClusters() * facts.clusterBytes()));
        row("own clusters", ranges(info));
        row("allocation", info.isThin() ? "thin" : "thick");
        row("writable", info.isReadOnly() ? "no" : "yes");
        row("parent", info.parent().map(BlobId::toString).orElse("none"));
        row(
                "clones",
                info.clones().isEmpty()
                        ? "none"
                        : info.clones().stream().map(BlobId::toString).collect(Collectors.joining(", ")));
        row("super blob", facts.superBlob().filter(info.id()::equals).isPresent() ? "yes" : "no");
        row("attributes", info.xattrs().isEmpty() ? "none" : Rows.count(info.xattrs().size()));
        info.xattrs().forEach((name, value) -> row("  " + Printable.harmless(name), Printable.shown(value)));
    }

    private static String ranges(BlobInfo info) {
        if (info.allocatedRanges().isEmpty()) {
            return "none";
        }
        long shown = info.allocatedRanges().stream().mapToLong(range -> range[1] - range[0] + 1).sum();
        String text =
                info.allocatedRanges().stream()
                        .map(range -> range[0] == range[1] ? Long.toString(range[0]) : range[0] + " to " + range[1])
                        .collect(Collectors.joining(", "));
        return shown < info.allocatedClusters() ? text + " and more" : text;
    }

    private static void requireWritable(String file) {
        Path path;
        try {
            path = Path.of(file).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw CliException.usage("--html: not a path: '" + file + "' (" + e.getReason() + ")");
        }
        Path folder = path.getParent();
        if (Files.isDirectory(path)) {
            throw CliException.usage("--html " + file + " is a directory; name a file in it");
        }
        if (!Files.isDirectory(folder)) {
            throw CliException.failed("--html " + file + ": there is no directory " + folder + "; make it first");
        }
        if (!Files.isWritable(Files.exists(path) ? path : folder)) {
            throw CliException.failed("--html " + file + ": no permission to write it; choose another place");
        }
    }
}
