package io.spdkio.libspdk;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Snapshots that a power cut left half made or half deleted. SPDK's own recovery has two defects (v26.01):
 *
 * <ul>
 *   <li>It deletes the snapshots that their clone does not refer to, and uses a null pointer there when the snapshot is
 *       itself a clone whose parent has other clones. Their clusters are their clone's, so all that recovery has to
 *       find is that their first metadata page is gone.
 *   <li>It keeps the others and finishes them, but one that was being deleted may have given clusters to its clone,
 *       whose extent pages are written in place: then both have them, and the next to be deleted frees them under the
 *       other. The clone gives them back here, and reads the same through the snapshot.
 * </ul>
 */
final class UnfinishedSnapshots {
    private final MetadataPages pages;
    private final Set<Long> suspects = new LinkedHashSet<>();

    UnfinishedSnapshots(MetadataPages pages) {
        this.pages = pages;
    }

    /**
     * A page says that a blob is one, which may not be in use any more; what counts is what the blob says in the end.
     */
    void suspect(long id) {
        suspects.add(id);
    }

    /** Ends them, when all pages were looked at. */
    CompletableFuture<Void> end() {
        return MetadataPages.each(suspects, this::decide);
    }

    private CompletableFuture<Void> decide(long id) {
        return pages.blob(id)
                .thenCompose(snapshot -> {
                    Long clone = snapshot.ofClone();
                    if (clone == null) {
                        return CompletableFuture.completedFuture(null);
                    }
                    return pages.blob(clone)
                            .thenCompose(
                                    ofClone -> ofClone.isCloneOf(id) ? giveBack(snapshot, ofClone) : dropFirstPage(id));
                });
    }

    /** Takes the clusters away from a clone that its snapshot has too. */
    private CompletableFuture<Void> giveBack(BlobPages snapshot, BlobPages clone) {
        Map<Integer, Long> ofSnapshot = new HashMap<>();
        snapshot.extents().forEach(extents -> ofSnapshot.put(extents.entry(), extents.page()));
        return MetadataPages.each(
                clone.extents(),
                extents -> giveBack(clone.id(), ofSnapshot.getOrDefault(extents.entry(), 0L), extents.page()));
    }

    private CompletableFuture<Void> giveBack(long clone, long ofSnapshot, long ofClone) {
        if (ofSnapshot == 0 || ofSnapshot == ofClone) {
            return CompletableFuture.completedFuture(null);
        }
        return pages.read(ofSnapshot, 0)
                .thenCompose(first ->
                        pages.read(ofClone, 1)
                                .thenCompose(second -> {
                                    if (!isExtentPage(first) || !isExtentPage(second) || !takeAway(first, second)) {
                                        return CompletableFuture.completedFuture(null);
                                    }
                                    pages.log(
                                            "clone 0x%x had clusters of its snapshot, which was being deleted"
                                                    .formatted(clone));
                                    return pages.write(ofClone, 1);
                                }));
    }

    private static boolean isExtentPage(MetadataPage page) {
        return page.isValid() && page.isExtentPage();
    }

    /** Whether there were any. */
    private static boolean takeAway(MetadataPage ofSnapshot, MetadataPage ofClone) {
        boolean any = false;
        int count = Math.min(ofSnapshot.clusterCount(), ofClone.clusterCount());
        for (int i = 0; i < count; i++) {
            if (ofClone.cluster(i) != 0 && ofClone.cluster(i) == ofSnapshot.cluster(i)) {
                ofClone.setCluster(i, 0);
                any = true;
            }
        }
        ofClone.seal();
        return any;
    }

    private CompletableFuture<Void> dropFirstPage(long id) {
        pages.log("snapshot 0x%x was not finished and is dropped".formatted(id));
        return pages.zero(MetadataPages.firstPage(id));
    }
}
