package io.spdkio.cli.blob;

import io.spdkio.SpdkException;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.cli.CliException;
import io.spdkio.embedded.blob.format.Printable;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What is known of a blob.
 *
 * @param problem why nothing else is known; null when it could be opened
 * @param allocatedRanges the clusters of the blob that are its own, first and last of each run; as many runs as are
 *     shown
 */
record BlobInfo(
        BlobId id,
        String problem,
        long clusters,
        long allocatedClusters,
        boolean isThin,
        boolean isReadOnly,
        boolean isSnapshot,
        boolean isClone,
        Optional<BlobId> parent,
        List<BlobId> clones,
        Map<String, byte[]> xattrs,
        List<long[]> allocatedRanges) {
    private static final int MAX_RANGES = 16;

    /** Its name, as far as it can be shown. */
    Optional<String> name() {
        return Optional.ofNullable(xattrs.get(OpenStore.NAME)).flatMap(Printable::text).filter(name -> !name.isEmpty());
    }

    /** What it is, in a word or two. */
    String kind() {
        return problem != null
                ? "damaged"
                : isSnapshot ? isClone ? "snapshot, clone" : "snapshot" : isClone ? "clone" : isThin ? "thin" : "thick";
    }

    /** Looks at every blob of a store. */
    static List<BlobInfo> all(OpenStore open) {
        return open.ids().stream().map(id -> read(open, id)).toList();
    }

    /** Looks at a blob that must be there. */
    static BlobInfo of(OpenStore open, BlobId id) {
        BlobInfo info = read(open, id);
        if (info.problem != null) {
            throw CliException.failed(info.problem);
        }
        return info;
    }

    private static BlobInfo read(OpenStore open, BlobId id) {
        Blobstore store = open.store();
        try (Blob blob = store.open(id).join()) {
            return new BlobInfo(
                    id,
                    null,
                    blob.clusters(),
                    blob.allocatedClusters(),
                    blob.isThin(),
                    blob.isReadOnly(),
                    blob.isSnapshot(),
                    blob.isClone(),
                    store.parentOf(id).join(),
                    store.clonesOf(id).join(),
                    xattrs(blob),
                    ranges(blob));
        } catch (SpdkException e) {
            return new BlobInfo(
                    id,
                    e.getMessage(),
                    0,
                    0,
                    false,
                    false,
                    false,
                    false,
                    Optional.empty(),
                    List.of(),
                    Map.of(),
                    List.of());
        }
    }

    private static Map<String, byte[]> xattrs(Blob blob) {
        Map<String, byte[]> xattrs = new LinkedHashMap<>();
        for (String name : blob.xattrNames().join()) {
            blob.xattr(name).join().ifPresent(value -> xattrs.put(name, value));
        }
        return xattrs;
    }

    private static List<long[]> ranges(Blob blob) {
        long perCluster = blob.store().clusterSizeBytes() / blob.store().ioUnitSizeBytes();
        List<long[]> ranges = new ArrayList<>();
        OptionalLong begin = blob.nextAllocatedIoUnit(0);
        while (begin.isPresent() && ranges.size() < MAX_RANGES) {
            OptionalLong end = blob.nextUnallocatedIoUnit(begin.getAsLong());
            ranges.add(new long[] {begin.getAsLong() / perCluster, end.orElse(blob.ioUnits()) / perCluster - 1});
            begin = end.isEmpty() ? OptionalLong.empty() : blob.nextAllocatedIoUnit(end.getAsLong());
        }
        return ranges;
    }

    /** Its name alone; nothing when it has none or can't be opened. */
    static Optional<String> nameOf(OpenStore open, BlobId id) {
        try (Blob blob = open.store().open(id).join()) {
            return blob.xattr(OpenStore.NAME).join().flatMap(Printable::text);
        } catch (SpdkException e) {
            return Optional.empty();
        }
    }
}
