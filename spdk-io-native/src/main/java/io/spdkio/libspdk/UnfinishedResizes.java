package io.spdkio.libspdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

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

    /** What is not sure to fit; by the blob that the pages say they are of. */
    private final Map<Long, Suspect> suspects = new HashMap<>();

    /** Last extent pages and what they should have, and what extent pages that are not full have: what has no match. */
    private final Map<Long, Last> lastPages = new HashMap<>();

    private final Map<Long, Integer> counts = new HashMap<>();

    /** Blobs whose last extent page is too long, or can be. */
    private final Set<Long> tooLong = new HashSet<>();

    /** How many clusters the last extent page of a blob should have; never all that there is room for. */
    private record Last(long id, int count) {}

    UnfinishedResizes(MetadataPages pages) {
        this.pages = pages;
    }

    /** What all pages with the id of a blob say, those that are not in use any more among them. */
    private static final class Suspect {
        private long leastClusters = Long.MAX_VALUE;
        private long mostClusters = -1;

        /** Whether there was a page that is all of a chain. */
        private boolean whole;

        /** Extent pages that are not full, and how many clusters the blob has up to their end. */
        private final Map<Long, Long> ends = new HashMap<>(2);

        private void addTable(long clusters) {
            leastClusters = Math.min(leastClusters, clusters);
            mostClusters = Math.max(mostClusters, clusters);
        }

        /** As with most blobs: it has one page, and its last extent page ends where it ends. */
        boolean fits() {
            return whole && leastClusters == mostClusters && ends.size() == 1 && ends.containsValue(mostClusters);
        }

        /** Whether a page of the blob is too short, or can be: nothing is kept of what once fitted. */
        boolean needsLook() {
            if (mostClusters >= 0 && leastClusters != mostClusters) {
                return true;
            }
            return ends.values().stream().anyMatch(end -> mostClusters < 0 || end < mostClusters);
        }
    }

    /** Looks at a page, also at one that is not in use any more; what counts is what its blob says in the end. */
    void look(long number, MetadataPage page) {
        if (page.isExtentPage()) {
            int count = page.clusterCount();
            if (count < MetadataPage.CLUSTERS_IN_EXTENT_PAGE) {
                suspect(page.id(), it -> it.ends.put(number, page.firstCluster() + count));
                Last last = lastPages.get(number);
                if (last != null && last.count == count) {
                    lastPages.remove(number);
                } else {
                    counts.put(number, count);
                }
            }
        } else {
            page.visit(new Table(page));
        }
    }

    /** Looks at the part of a table that is in a page. */
    private final class Table implements MetadataPage.Visitor {
        private final long id;
        private final boolean alone;
        private long clusters;
        private int entries;

        Table(MetadataPage page) {
            id = page.id();
            alone = page.sequence() == 0 && page.next() == MetadataPage.NO_NEXT;
        }

        @Override
        public void table(long clusters) {
            this.clusters = clusters;
            suspect(
                    id,
                    it -> {
                        it.addTable(clusters);
                        it.whole |= alone;
                    });
            // Where a table in several pages ends is not known here.
            if (!alone) {
                tooLong.add(id);
            }
        }

        @Override
        public void extentPages(long page, long count) {
            entries += (int) count;
            int wanted = (int) (clusters % MetadataPage.CLUSTERS_IN_EXTENT_PAGE);
            if (page == 0 || wanted == 0 || entries != MetadataPage.entriesFor(clusters)) {
                return;
            }
            Integer there = counts.get(page);
            if (there != null && there == wanted) {
                counts.remove(page);
            } else {
                lastPages.put(page, new Last(id, wanted));
            }
        }
    }

    private void suspect(long id, Consumer<Suspect> change) {
        Suspect suspect = suspects.computeIfAbsent(id, _ -> new Suspect());
        change.accept(suspect);
        if (suspect.fits()) {
            suspects.remove(id);
        }
    }

    /** Ends them, when all pages were looked at. Reads the pages of those blobs that may be half resized. */
    CompletableFuture<Void> end() {
        lastPages.forEach((page, last) -> {
            Integer there = counts.get(page);
            if (there == null || there > last.count) {
                tooLong.add(last.id);
            }
        });
        suspects.values().removeIf(suspect -> !suspect.needsLook());
        return MetadataPages.each(
                        suspects.entrySet(),
                        entry -> pages.blob(entry.getKey()).thenCompose(blob -> shorten(blob, entry.getValue())))
                .thenCompose(_ -> MetadataPages.each(tooLong, id -> pages.blob(id).thenCompose(this::cutOff)));
    }

    /** Cuts off what the last extent page has behind the end of its blob. */
    private CompletableFuture<Void> cutOff(BlobPages blob) {
        long clusters = blob.leastClusters();
        OptionalLong number = blob.isWhole() ? blob.lastExtentPage() : OptionalLong.empty();
        if (number.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        long page = number.getAsLong();
        return pages.read(page)
                .thenCompose(extents -> {
                    long count = clusters - extents.firstCluster();
                    if (!extents.isValid()
                            || !extents.isExtentPage()
                            || extents.clusterCount() <= count
                            || count <= 0) {
                        return CompletableFuture.completedFuture(null);
                    }
                    pages.log(
                            "blob 0x%x has %,d clusters, and its last extent page had %,d more"
                                    .formatted(blob.id(), clusters, extents.clusterCount() - count));
                    extents.setClusterCount((int) count);
                    extents.seal();
                    return pages.write(page, 0);
                });
    }

    private CompletableFuture<Void> shorten(BlobPages blob, Suspect suspect) {
        if (!blob.isWhole()) {
            return CompletableFuture.completedFuture(null);
        }
        long clusters = blob.leastClusters();
        List<BlobPages.Extents> lost = new ArrayList<>();
        // The entry up to which it is known what the blob has.
        int known = 0;
        for (BlobPages.Extents extents : blob.extents()) {
            int entry = extents.entry();
            long first = (long) entry * MetadataPage.CLUSTERS_IN_EXTENT_PAGE;
            if (first >= clusters) {
                break;
            }
            long end = suspect.ends.getOrDefault(extents.page(), Long.MAX_VALUE);
            boolean tooShort = end >= first && end < Math.min(first + MetadataPage.CLUSTERS_IN_EXTENT_PAGE, clusters);
            if (!tooShort) {
                known = entry + 1;
            } else if (end > first || entry == known) {
                clusters = end;
                break;
            } else if (blob.isThin()) {
                lost.add(extents);
            }
        }
        long size = clusters;
        CompletableFuture<Void> cut =
                size < blob.mostClusters() ? cut(blob, size) : CompletableFuture.completedFuture(null);
        // From the last on: with the first still as it is, those behind it are not taken for the end.
        return cut.thenCompose(_ -> MetadataPages.each(lost.reversed(), extents -> lose(blob.id(), extents, size)));
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

    /** Gives an extent page without any cluster those that it should have, none of them allocated. */
    private CompletableFuture<Void> lose(long id, BlobPages.Extents extents, long clusters) {
        long number = extents.page();
        long first = (long) extents.entry() * MetadataPage.CLUSTERS_IN_EXTENT_PAGE;
        int count = (int) Math.min(MetadataPage.CLUSTERS_IN_EXTENT_PAGE, clusters - first);
        pages.log(
                "blob 0x%x was being made smaller; what it had from cluster %,d to %,d is gone"
                        .formatted(id, first, first + count - 1));
        return pages.read(number)
                .thenCompose(page -> {
                    page.setClusterCount(count);
                    page.seal();
                    return pages.write(number, 0);
                });
    }
}
