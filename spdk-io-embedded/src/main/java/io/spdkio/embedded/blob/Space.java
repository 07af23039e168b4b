package io.spdkio.embedded.blob;

import io.spdkio.SpdkException;
import io.spdkio.embedded.blob.format.Bits;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.spi.BlobErrors;

/**
 * What of a store is used: metadata pages, ids, clusters. The lowest free one is taken, as SPDK does. Changed on the
 * metadata thread.
 */
final class Space {
    /** An extent page is never the very first page: 0 stands for none. */
    private static final int FIRST_EXTENT_PAGE = 1;

    private final String store;
    private final Bits pages;
    private final Bits blobIds;
    private Bits clusters;
    private volatile long freeClusters;

    Space(String store, Bits pages, Bits blobIds, Bits clusters) {
        this.store = store;
        this.pages = pages;
        this.blobIds = blobIds;
        this.clusters = clusters;
        this.freeClusters = clusters.clearCount();
    }

    Bits pages() {
        return pages;
    }

    Bits blobIds() {
        return blobIds;
    }

    Bits clusters() {
        return clusters;
    }

    /** How many clusters are free. Any thread. */
    long freeClusters() {
        return freeClusters;
    }

    long freePages() {
        return pages.clearCount();
    }

    /** Takes a metadata page. */
    int takePage() {
        return takePage(0);
    }

    /** Takes a metadata page for extents. */
    int takeExtentPage() {
        return takePage(FIRST_EXTENT_PAGE);
    }

    private int takePage(int from) {
        long page = pages.nextClear(from);
        if (page < 0) {
            throw noPages(1);
        }
        pages.set(page);
        return (int) page;
    }

    boolean hasExtentPage() {
        return pages.nextClear(FIRST_EXTENT_PAGE) >= 0;
    }

    void releasePage(int page) {
        pages.clear(page);
    }

    /** Takes a cluster. */
    int takeCluster() {
        long cluster = clusters.nextClear(0);
        if (cluster < 0) {
            throw noClusters(1);
        }
        clusters.set(cluster);
        freeClusters = clusters.clearCount();
        return (int) cluster;
    }

    void releaseCluster(int cluster) {
        clusters.clear(cluster & 0xffff_ffffL);
        freeClusters = clusters.clearCount();
    }

    /** Throws unless so many clusters, and extent pages for them, are free. */
    void require(long neededClusters, long neededPages) {
        long freePages = pages.clearCount() - (pages.get(0) ? 0 : FIRST_EXTENT_PAGE);
        if (neededClusters > freeClusters) {
            throw noClusters(neededClusters);
        }
        if (neededPages > freePages) {
            throw noPages(neededPages);
        }
    }

    private SpdkException noClusters(long needed) {
        return BlobErrors.noClusters(store, freeClusters, needed);
    }

    private SpdkException noPages(long needed) {
        return BlobErrors.noPages("%s has %,d free metadata pages and needs %,d".formatted(store, freePages(), needed));
    }

    void grow(long totalClusters) {
        clusters = clusters.grownTo(totalClusters);
        freeClusters = clusters.clearCount();
    }

    static long extentPagesFor(long count) {
        return ClusterMap.piecesFor(count);
    }
}
