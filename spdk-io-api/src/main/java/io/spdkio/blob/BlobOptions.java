package io.spdkio.blob;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * How a blob is made ({@code struct spdk_blob_opts}). Unchangeable; each {@code with} gives another one.
 *
 * @param clusters its size in clusters, 0 to 2^32 - 1
 * @param thin whether clusters are allocated when they are first written; a thick blob has all of them from the
 *     beginning
 * @param clearMethod what becomes of clusters that it gives back
 * @param extentTable whether its map of clusters lies in pages of its own that are updated one by one; without it the
 *     whole map is written for each change, as stores did before SPDK v20.01
 * @param xattrs its first attributes, in this order; see {@link Blob#setXattr}
 * @param externalSnapshot the identity of a device that it is a clone of; see {@link ExternalSnapshots}. Such a blob is
 *     thin. At most 65,535 bytes, and so short that it fits a metadata page
 */
public record BlobOptions(
        long clusters,
        boolean thin,
        ClearMethod clearMethod,
        boolean extentTable,
        Map<String, byte[]> xattrs,
        Optional<byte[]> externalSnapshot) {
    private static final long MAX_CLUSTERS = 0xffff_ffffL;

    /** Checks and copies. */
    public BlobOptions {
        if (clusters < 0 || clusters > MAX_CLUSTERS) {
            throw new IllegalArgumentException("a blob has 0 to " + MAX_CLUSTERS + " clusters, not " + clusters);
        }
        Objects.requireNonNull(clearMethod, "clearMethod");
        Map<String, byte[]> copy = new LinkedHashMap<>();
        xattrs.forEach((name, value) -> {
            requireXattrName(name);
            copy.put(name, value.clone());
        });
        xattrs = Collections.unmodifiableMap(copy);
        externalSnapshot = externalSnapshot.map(byte[]::clone);
        if (externalSnapshot.isPresent() && externalSnapshot.get().length == 0) {
            throw new IllegalArgumentException("the identity of an external snapshot has at least one byte");
        }
        thin |= externalSnapshot.isPresent();
    }

    /**
     * A thick blob.
     *
     * @param clusters its size in clusters
     * @return the options
     */
    public static BlobOptions thick(long clusters) {
        return new BlobOptions(clusters, false, ClearMethod.DEFAULT, true, Map.of(), Optional.empty());
    }

    /**
     * A thin blob.
     *
     * @param clusters its size in clusters
     * @return the options
     */
    public static BlobOptions thin(long clusters) {
        return new BlobOptions(clusters, true, ClearMethod.DEFAULT, true, Map.of(), Optional.empty());
    }

    /**
     * A clone of another device.
     *
     * @param clusters its size in clusters
     * @param identity what {@link ExternalSnapshots} will find that device by
     * @return the options
     */
    public static BlobOptions cloneOf(long clusters, byte[] identity) {
        return new BlobOptions(clusters, true, ClearMethod.DEFAULT, true, Map.of(), Optional.of(identity));
    }

    /**
     * With another clear method.
     *
     * @param method what becomes of clusters that it gives back
     * @return the new options
     */
    public BlobOptions withClearMethod(ClearMethod method) {
        return new BlobOptions(clusters, thin, method, extentTable, xattrs, externalSnapshot);
    }

    /**
     * With or without an extent table.
     *
     * @param used whether it has one
     * @return the new options
     */
    public BlobOptions withExtentTable(boolean used) {
        return new BlobOptions(clusters, thin, clearMethod, used, xattrs, externalSnapshot);
    }

    /**
     * With one more attribute.
     *
     * @param name its name
     * @param value its value
     * @return the new options
     */
    public BlobOptions withXattr(String name, byte[] value) {
        Map<String, byte[]> more = new LinkedHashMap<>(xattrs);
        more.put(name, value);
        return new BlobOptions(clusters, thin, clearMethod, extentTable, more, externalSnapshot);
    }

    /**
     * With one more attribute.
     *
     * @param name its name
     * @param value its value, kept as UTF-8
     * @return the new options
     */
    public BlobOptions withXattr(String name, String value) {
        return withXattr(name, value.getBytes(StandardCharsets.UTF_8));
    }

    static void requireXattrName(String name) {
        if (name.isEmpty() || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "the name of an attribute is not empty and has no zero character; this is '" + name + "'");
        }
    }
}
