package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.embedded.blob.format.Printable;

import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** The length of the file that a blob was made from: a blob itself has whole clusters. */
final class FileLength {
    /** The attribute that holds it. */
    static final String NAME = "length";

    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}");

    private FileLength() {}

    /** What is noted, as far as the blob is as long. */
    static OptionalLong of(Blob blob) {
        String text = blob.xattr(NAME).join().flatMap(Printable::text).orElse("");
        return NUMBER.matcher(text).matches() && Long.parseLong(text) <= blob.sizeBytes()
                ? OptionalLong.of(Long.parseLong(text))
                : OptionalLong.empty();
    }

    /** Notes it; durable when the metadata is synced. */
    static void set(Blob blob, long bytes) {
        blob.setXattr(NAME, bytes(bytes)).join();
    }

    private static byte[] bytes(long length) {
        return NewBlob.bytes(Long.toString(length));
    }

    /** A snapshot or a clone has the same. */
    static void inherit(OpenStore open, BlobId from, Map<String, byte[]> xattrs) {
        try (Blob blob = open.store().open(from).join()) {
            of(blob).ifPresent(length -> xattrs.putIfAbsent(NAME, bytes(length)));
        }
    }
}
