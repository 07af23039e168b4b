package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.cli.Console;
import io.spdkio.embedded.blob.format.Printable;

import tools.jackson.core.JsonGenerator;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What a store is as a whole. */
record StoreFacts(
        String device,
        String engine,
        String type,
        long deviceBytes,
        long clusterBytes,
        long totalClusters,
        long freeClusters,
        int pageBytes,
        int ioUnitBytes,
        long blobs,
        Optional<BlobId> superBlob,
        boolean wasClean) {
    static StoreFacts of(OpenStore open, long blobs) {
        Blobstore store = open.store();
        return new StoreFacts(
                open.device().spec(),
                open.device().env().engine().name(),
                store.type(),
                open.device().bdev().sizeBytes(),
                store.clusterSizeBytes(),
                store.totalDataClusters(),
                store.freeClusters(),
                store.pageSizeBytes(),
                store.ioUnitSizeBytes(),
                blobs,
                store.superBlob().join(),
                open.wasClean());
    }

    /** The facts for a person, by what they are called. */
    Map<String, String> rows() {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("device", device + ", " + Rows.size(deviceBytes));
        rows.put("engine", engine);
        rows.put("type", type.isEmpty() ? "none" : "'" + Printable.harmless(type) + "'");
        rows.put("cluster size", Rows.size(clusterBytes));
        rows.put("clusters", Rows.count(totalClusters) + " for data, " + Rows.size(totalClusters * clusterBytes));
        rows.put("free", Rows.clusters(freeClusters) + ", " + Rows.size(freeClusters * clusterBytes));
        rows.put("metadata page", Rows.size(pageBytes));
        rows.put("I/O unit", Rows.size(ioUnitBytes));
        rows.put("blobs", Rows.count(blobs));
        rows.put("super blob", superBlob.map(BlobId::toString).orElse("none"));
        rows.put("state", wasClean ? "clean" : "was not unloaded before; its maps were rebuilt from the metadata");
        return rows;
    }

    void print(Console console) {
        rows().forEach((key, value) -> Rows.print(console, key, value));
    }

    /** The facts as properties of an object. */
    void write(JsonGenerator json) {
        json.writeStringProperty("bdev", device);
        json.writeStringProperty("engine", engine);
        json.writeStringProperty("type", type);
        json.writeNumberProperty("deviceBytes", deviceBytes);
        json.writeNumberProperty("clusterSizeBytes", clusterBytes);
        json.writeNumberProperty("totalDataClusters", totalClusters);
        json.writeNumberProperty("freeClusters", freeClusters);
        json.writeNumberProperty("pageSizeBytes", pageBytes);
        json.writeNumberProperty("ioUnitSizeBytes", ioUnitBytes);
        json.writeNumberProperty("blobCount", blobs);
        if (superBlob.isPresent()) {
            json.writeStringProperty("superBlob", superBlob.get().toString());
        }
        json.writeBooleanProperty("wasClean", wasClean);
    }
}
