package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.Version;
import io.spdkio.embedded.blob.format.Printable;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A store, or a blob in it, as one HTML file that needs nothing from anywhere. */
final class StorePage {
    private static final Pattern PLACE = Pattern.compile("\\{\\{([a-z]+)}}");

    private StorePage() {}

    static String of(StoreFacts facts, List<BlobInfo> blobs, BlobInfo selected, ClusterOwners owners) {
        String heading =
                selected == null
                        ? "Blobstore on " + facts.device()
                        : "Blob " + selected.name().map(name -> "'" + name + "'").orElse(selected.id().toString());
        String below =
                selected == null
                        ? (facts.type().isEmpty() ? "" : "type '" + Printable.harmless(facts.type()) + "', ")
                                + "clusters of "
                                + Rows.approximately(facts.clusterBytes())
                        : selected.id() + ", " + selected.kind() + ", on " + facts.device();
        String date =
                ZonedDateTime.now(ZoneId.systemDefault())
                        .format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm zzz", Locale.ROOT));
        Map<String, String> values =
                Map.of(
                        "title", escaped("spdk-io blob: " + heading),
                        "heading", escaped(heading),
                        "subheading", escaped(below),
                        "tiles", selected == null ? storeTiles(facts) : blobTiles(selected, facts),
                        "store", rows(facts.rows()),
                        "warning", warning(owners),
                        "footer", escaped("spdk-io " + Version.number() + ", " + date),
                        "data", data(facts, blobs, selected, owners));
        return PLACE.matcher(template())
                .replaceAll(place ->
                        Matcher.quoteReplacement(Objects.requireNonNull(values.get(place.group(1)), place.group(1))));
    }

    private static String template() {
        try (InputStream in = Objects.requireNonNull(StorePage.class.getResourceAsStream("store.html"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String storeTiles(StoreFacts facts) {
        long used = facts.totalClusters() - facts.freeClusters();
        return tile(Rows.approximately(facts.totalClusters() * facts.clusterBytes()), "for data")
                + tile(Rows.approximately(facts.freeClusters() * facts.clusterBytes()), "free")
                + tile(percent(used, facts.totalClusters()), "used")
                + tile(Rows.count(facts.blobs()), facts.blobs() == 1 ? "blob" : "blobs")
                + tile(facts.wasClean() ? "clean" : "recovered", "when it was loaded");
    }

    private static String blobTiles(BlobInfo blob, StoreFacts facts) {
        return tile(Rows.approximately(blob.clusters() * facts.clusterBytes()), "size")
                + tile(Rows.approximately(blob.allocatedClusters() * facts.clusterBytes()), "of its own")
                + tile(percent(blob.allocatedClusters(), blob.clusters()), "allocated")
                + tile(blob.parent().map(BlobId::toString).orElse("none"), "parent")
                + tile(Rows.count(blob.clones().size()), blob.clones().size() == 1 ? "clone" : "clones");
    }

    private static String percent(long part, long whole) {
        return whole == 0 ? "0 %" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }

    private static String tile(String value, String label) {
        return "<div class=\"card tile\"><b>" + escaped(value) + "</b><span>" + escaped(label) + "</span></div>";
    }

    private static String rows(Map<String, String> rows) {
        StringBuilder text = new StringBuilder();
        rows.forEach((key, value) ->
                text.append("<tr><th scope=\"row\">")
                        .append(escaped(key))
                        .append("</th><td>")
                        .append(escaped(value))
                        .append("</td></tr>"));
        return text.toString();
    }

    private static String warning(ClusterOwners owners) {
        return owners.problems() == 0
                ? ""
                : "<p class=\"warning\">The metadata is damaged in "
                        + owners.problems()
                        + (owners.problems() == 1 ? " place" : " places")
                        + ", so owners may be missing. See spdk-io blob check.</p>";
    }

    private static String data(StoreFacts facts, List<BlobInfo> blobs, BlobInfo selected, ClusterOwners owners) {
        Map<Long, Integer> numbers = new HashMap<>();
        for (int i = 0; i < owners.blobs().size(); i++) {
            numbers.put(owners.blobs().get(i), i);
        }
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeNumberProperty("clusterBytes", facts.clusterBytes());
            json.writeNumberProperty("metadataClusters", owners.metadataClusters());
            json.writeNumberProperty("freeClusters", facts.freeClusters());
            json.writeName("store");
            cells(json, owners.store());
            if (selected != null) {
                json.writeStringProperty("selected", selected.id().toString());
                json.writeName("blob");
                cells(json, owners.of(selected));
            }
            json.writeArrayPropertyStart("blobs");
            for (BlobInfo blob : blobs) {
                json.writeStartObject();
                json.writeStringProperty("id", blob.id().toString());
                json.writeNumberProperty("owner", numbers.getOrDefault(blob.id().value(), ClusterOwners.FREE));
                blob.name().ifPresent(name -> json.writeStringProperty("name", name));
                json.writeStringProperty("kind", blob.kind());
                json.writeNumberProperty("clusters", blob.clusters());
                json.writeNumberProperty("own", blob.allocatedClusters());
                blob.parent().ifPresent(parent -> json.writeStringProperty("parent", parent.toString()));
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        // Inside a script element this would end it, or hide it.
        return text.toString().replace("<", "\\u003c");
    }

    /** Runs of equal cells: owner, clusters used in each, how many cells. */
    private static void cells(JsonGenerator json, ClusterOwners.Cells cells) {
        json.writeStartObject();
        json.writeNumberProperty("clusters", cells.clusters());
        json.writeNumberProperty("perCell", cells.clustersPerCell());
        json.writeArrayPropertyStart("runs");
        int at = 0;
        while (at < cells.count()) {
            int length = 1;
            while (at + length < cells.count()
                    && cells.owner(at + length) == cells.owner(at)
                    && cells.used(at + length) == cells.used(at)) {
                length++;
            }
            json.writeNumber(cells.owner(at));
            json.writeNumber(cells.used(at));
            json.writeNumber(length);
            at += length;
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
