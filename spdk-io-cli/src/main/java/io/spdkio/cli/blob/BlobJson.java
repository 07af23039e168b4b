package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.embedded.blob.format.Printable;

import tools.jackson.core.JsonGenerator;

import java.util.Base64;

/** A blob as the members of a JSON object. */
final class BlobJson {
    private BlobJson() {}

    static void write(JsonGenerator json, BlobInfo blob, long clusterBytes) {
        json.writeStringProperty("id", blob.id().toString());
        blob.name().ifPresent(name -> json.writeStringProperty("name", name));
        json.writeStringProperty("kind", blob.kind());
        if (blob.problem() != null) {
            json.writeStringProperty("problem", blob.problem());
        } else {
            json.writeNumberProperty("sizeBytes", blob.clusters() * clusterBytes);
            json.writeNumberProperty("clusters", blob.clusters());
            json.writeNumberProperty("allocatedClusters", blob.allocatedClusters());
            json.writeBooleanProperty("thin", blob.isThin());
            json.writeBooleanProperty("readOnly", blob.isReadOnly());
            json.writeBooleanProperty("snapshot", blob.isSnapshot());
            json.writeBooleanProperty("clone", blob.isClone());
            blob.parent().ifPresent(parent -> json.writeStringProperty("parent", parent.toString()));
            json.writeArrayPropertyStart("clones");
            for (BlobId clone : blob.clones()) {
                json.writeString(clone.toString());
            }
            json.writeEndArray();
            json.writeArrayPropertyStart("xattrs");
            blob.xattrs()
                    .forEach((name, value) -> {
                        json.writeStartObject();
                        json.writeStringProperty("name", name);
                        Printable.text(value)
                                .ifPresentOrElse(
                                        text -> json.writeStringProperty("text", text),
                                        () ->
                                                json.writeStringProperty(
                                                        "base64", Base64.getEncoder().encodeToString(value)));
                        json.writeEndObject();
                    });
            json.writeEndArray();
        }
    }
}
