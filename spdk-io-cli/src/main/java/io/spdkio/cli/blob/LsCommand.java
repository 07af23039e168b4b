package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Json;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@code spdk-io blob ls}. */
@Command(
        name = "ls",
        description = "List the blobs of a store.",
        footer = {
            "",
            "OWN is what a blob has allocated itself; the rest of a thin one reads from its parent, or as zeroes.",
            "",
            "Examples:",
            "  spdk-io blob ls --bdev file:store.img",
            "  spdk-io blob ls --bdev file:store.img --json",
        })
final class LsCommand extends StoreCommand {
    private static final int TABLE_COLUMNS = 60;
    private static final int TEXT_COLUMNS = 3;

    @Option(names = "--json", description = "Print JSON: the store, and its blobs with all that show tells.")
    private boolean asJson;

    LsCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        onStore(open -> {
            List<BlobInfo> blobs = BlobInfo.all(open);
            StoreFacts facts = StoreFacts.of(open, blobs.size());
            if (asJson) {
                console.out()
                        .println(
                                Json.of(json -> {
                                    facts.write(json);
                                    json.writeArrayPropertyStart("blobs");
                                    for (BlobInfo blob : blobs) {
                                        json.writeStartObject();
                                        BlobJson.write(json, blob, facts.clusterBytes());
                                        json.writeEndObject();
                                    }
                                    json.writeEndArray();
                                }));
            } else if (console.columns() < TABLE_COLUMNS) {
                blobs.forEach(blob -> narrow(blob, facts));
                total(facts);
            } else {
                table(blobs, facts);
                total(facts);
            }
            long damaged = blobs.stream().filter(blob -> blob.problem() != null).count();
            if (damaged > 0) {
                throw CliException.failed(
                        "%,d of %,d blobs can't be opened; spdk-io blob check says why"
                                .formatted(damaged, blobs.size()));
            }
        });
        return 0;
    }

    private void total(StoreFacts facts) {
        console.out()
                .println(
                        console.faint(
                                console.wrap(
                                        "%s, %s of %s free"
                                                .formatted(
                                                        facts.blobs() == 1
                                                                ? "1 blob"
                                                                : Rows.count(facts.blobs()) + " blobs",
                                                        Rows.approximately(facts.freeClusters() * facts.clusterBytes()),
                                                        Rows.approximately(
                                                                facts.totalClusters() * facts.clusterBytes())),
                                        "")));
    }

    private void narrow(BlobInfo blob, StoreFacts facts) {
        console.out().println(console.bold(blob.id().toString()) + "  " + blob.kind());
        blob.name().ifPresent(name -> console.out().println("  " + cut(name, console.columns() - 2)));
        if (blob.problem() == null) {
            console.out()
                    .println(
                            "  "
                                    + Rows.approximately(blob.clusters() * facts.clusterBytes())
                                    + ", own "
                                    + Rows.approximately(blob.allocatedClusters() * facts.clusterBytes()));
        }
        blob.parent().ifPresent(parent -> console.out().println("  parent " + parent));
    }

    private void table(List<BlobInfo> blobs, StoreFacts facts) {
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"ID", "KIND", "PARENT", "SIZE", "OWN", "NAME"});
        for (BlobInfo blob : blobs) {
            boolean known = blob.problem() == null;
            rows.add(
                    new String[] {
                        blob.id().toString(),
                        blob.kind(),
                        blob.parent().map(BlobId::toString).orElse("-"),
                        known ? Rows.approximately(blob.clusters() * facts.clusterBytes()) : "?",
                        known ? Rows.approximately(blob.allocatedClusters() * facts.clusterBytes()) : "?",
                        blob.name().orElse("")
                    });
        }
        int[] widths = new int[rows.getFirst().length - 1];
        rows.forEach(row -> Arrays.setAll(widths, i -> Math.max(widths[i], row[i].length())));
        for (int r = 0; r < rows.size(); r++) {
            String[] row = rows.get(r);
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String pad = " ".repeat(widths[i] - row[i].length());
                line.append(i == 0 ? "" : "  ").append(i < TEXT_COLUMNS ? row[i] + pad : pad + row[i]);
            }
            String name = row[widths.length];
            String text = (line + "  " + cut(name, Math.max(4, console.columns() - line.length() - 2))).stripTrailing();
            console.out().println(r == 0 ? console.faint(text) : text);
        }
    }

    private static String cut(String text, int columns) {
        return text.length() <= columns ? text : text.substring(0, columns - 1) + "~";
    }
}
