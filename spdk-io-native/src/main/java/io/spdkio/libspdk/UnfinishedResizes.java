package io.spdkio.libspdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Blobs with an extent table that a power cut left half resized: their extent pages are shorter or longer than their
 * first page asks for. SPDK (v26.01) takes the blob for one of another size then, reads it with clusters in the wrong
 * places, passes over it, or refuses the store.
 *
 * <p>Making a blob smaller it writes the last extent page that stays anew, in place and with the clusters that stay,
 * then those behind it, without any cluster, and then the blob's first page. The first extent page that is too short
 * says how large the blob was to be. Its chain of pages is made to say so, in place, from the last page to the first:
 * the number of clusters stands in each of them that has a part of the table, so when the power is cut here they
 * differ, and the smallest number is the one that was meant. Only where the first that is too short has no cluster, and
 * the one before it was never allocated, nothing says where the end was to be. Then the blob keeps its size, and what
 * those pages held is not allocated.
 *
 * <p>An extent page that is too long is that of a blob that was growing, or one that {@link AdoptedExtents} was about
 * to make fit. It is cut off where the blob ends.
 */
final class UnfinishedResizes {
    private final MetadataPages pages;

    /** Last extent pages, and how many clusters their blobs want in them, if they are not to be full. */
    private final Map<Long, Part> wanted = new HashMap<>();

    /** Extent pages that are not full. What both agree on is in neither. */
    private final Map<Long, Part> there = new HashMap<>();

    private final Set<Long> suspects = new LinkedHashSet<>();

    /** What is in an extent page, or should be. */
    private record Part(long blob, int clusters) {}

    UnfinishedResizes(MetadataPages pages) {
        this.pages = pages;
    }

    // ---- finding

    /**
     * Looks at an extent page, also at one that is not in use any more; what counts is what its blob says in the end.
     */
    void lookAtExtents(long number, MetadataPage page) {
        int clusters = page.clusterCount();
        if (clusters < MetadataPage.CLUSTERS_IN_EXTENT_PAGE && !agrees(wanted, number, clusters)) {
            there.put(number, new Part(page.id(), clusters));
        }
    }

    /**
     * Looks at an extent table, or the part of one that is in a page.
     *
     * @param blob whose it is
     * @param clusters how many the blob has
     * @param entries how many entries there are
     * @param last the page that the last one is; 0 for none
     */
    void lookAtTable(long blob, long clusters, long entries, long last) {
        int inLast = (int) (clusters % MetadataPage.CLUSTERS_IN_EXTENT_PAGE);
        if (entries != MetadataPage.entriesFor(clusters)) {
            // In several pages: where it ends is not known here.
            suspects.add(blob);
        } else if (last != 0 && inLast != 0 && !agrees(there, last, inLast)) {
            Part other = wanted.put(last, new Part(blob, inLast));
            if (other != null) {
                suspects.add(other.blob);
            }
        }
    }

    private static boolean agrees(Map<Long, Part> parts, long page, int clusters) {
        Part part = parts.get(page);
        return part != null && part.clusters == clusters && parts.remove(page, part);
    }

    // ---- mending

    /** Ends them, when all pages were looked at. Reads the pages of those blobs that may be half resized. */
    CompletableFuture<Void> end() {
        wanted.values().forEach(part -> suspects.add(part.blob));
        there.values().forEach(part -> suspects.add(part.blob));
        return MetadataPages.each(suspects, id -> pages.blob(id).thenCompose(this::mend));
    }

    private CompletableFuture<Void> mend(BlobPages blob) {
        if (!blob.isWhole()) {
            return CompletableFuture.completedFuture(null);
        }
        Extent extent = new Extent(blob);
        return MetadataPages.each(
                        blob.extents(),
                        extents ->
                                extent.endsBefore(extents.entry())
                                        ? CompletableFuture.completedFuture(null)
                                        : pages.read(extents.page()).thenAccept(page -> extent.take(extents, page)))
                .thenCompose(_ -> extent.write());
    }

    /** How far a blob goes, from its extent pages in their order. */
    private final class Extent {
        private final BlobPages blob;
        private long clusters;

        /** The entry up to which it is known what the blob has. */
        private int known;

        private final List<BlobPages.Extents> lost = new ArrayList<>();
        private Optional<BlobPages.Extents> tooLong = Optional.empty();

        Extent(BlobPages blob) {
            this.blob = blob;
            clusters = blob.leastClusters();
        }

        private int wantedIn(int entry) {
            return MetadataPage.clustersIn(entry, clusters);
        }

        boolean endsBefore(int entry) {
            return MetadataPage.firstOf(entry) >= clusters;
        }

        void take(BlobPages.Extents extents, MetadataPage page) {
            int entry = extents.entry();
            boolean readable =
                    page.isValid() && page.isExtentPage() && page.firstCluster() == MetadataPage.firstOf(entry);
            int has = readable ? page.clusterCount() : wantedIn(entry);
            if (has >= wantedIn(entry)) {
                tooLong = has > wantedIn(entry) ? Optional.of(extents) : tooLong;
                known = entry + 1;
            } else if (has > 0 || entry == known) {
                clusters = MetadataPage.firstOf(entry) + has;
            } else if (blob.isThin()) {
                lost.add(extents);
            }
        }

        CompletableFuture<Void> write() {
            CompletableFuture<Void> cut =
                    clusters < blob.mostClusters() ? cut(blob, clusters) : CompletableFuture.completedFuture(null);
            // From the last on: with the first still as it is, those behind it are not taken for the end.
            return cut.thenCompose(_ -> MetadataPages.each(lost.reversed(), this::lose))
                    .thenCompose(
                            _ -> tooLong.map(this::cutOff).orElseGet(() -> CompletableFuture.completedFuture(null)));
        }

        /** Gives an extent page without any cluster those that it should have, none of them allocated. */
        private CompletableFuture<Void> lose(BlobPages.Extents extents) {
            long from = MetadataPage.firstOf(extents.entry());
            pages.log(
                    "blob 0x%x was being made smaller; what it had from cluster %,d to %,d is gone"
                            .formatted(blob.id(), from, from + wantedIn(extents.entry()) - 1));
            return resize(extents);
        }

        private CompletableFuture<Void> cutOff(BlobPages.Extents extents) {
            pages.log(
                    "blob 0x%x has %,d clusters; extent page %,d had more"
                            .formatted(blob.id(), clusters, extents.page()));
            return resize(extents);
        }

        private CompletableFuture<Void> resize(BlobPages.Extents extents) {
            return pages.resizeExtents(extents.page(), wantedIn(extents.entry()));
        }
    }

    /** Makes the blob smaller, as its extent pages are. */
    private CompletableFuture<Void> cut(BlobPages blob, long clusters) {
        pages.log("blob 0x%x was being made smaller, and has %,d clusters now".formatted(blob.id(), clusters));
        return MetadataPages.each(
                blob.chain().reversed(),
                link ->
                        !link.hasTable()
                                ? CompletableFuture.completedFuture(null)
                                : pages.read(link.page())
                                        .thenCompose(page -> {
                                            page.cutTable(clusters, link.entriesBefore());
                                            page.seal();
                                            return pages.write(link.page(), 0);
                                        }));
    }
}
