package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;

import java.util.Arrays;

/** Makes blobs larger and smaller, in memory: what they lose is given back when they have been written. */
final class BlobSizes {
    private final Space space;

    BlobSizes(Space space) {
        this.space = space;
    }

    /** Changes the size in memory. Takes clusters and extent pages for a thick blob. */
    void change(EmbeddedBlob blob, long count) {
        BlobMetadata meta = blob.meta;
        ClusterMap map = meta.clusters;
        long old = map.count();
        if (count > old) {
            makeLarger(blob, old, count);
        } else {
            makeSmaller(blob, old, count);
        }
        blob.dirty = true;
        blob.publish();
    }

    private void makeLarger(EmbeddedBlob blob, long old, long count) {
        BlobMetadata meta = blob.meta;
        int oldPieces = ClusterMap.piecesFor(old);
        int pieces = ClusterMap.piecesFor(count);
        // What was lost since the last write can be had back.
        ClusterMap lost = blob.unwritten == null ? new ClusterMap() : blob.unwritten.lost;
        long again = Math.min(count, lost.count());
        if (!meta.isThin()) {
            long had = 0;
            for (long i = old; i < again; i++) {
                had += lost.get(i) != 0 ? 1 : 0;
            }
            space.require(count - old - had, meta.extentPages == null ? 0 : pieces - oldPieces);
        }
        meta.clusters.resize(count);
        if (meta.extentPages != null) {
            meta.extentPages = Arrays.copyOf(meta.extentPages, pieces);
            if (old % ClusterMap.PIECE != 0 && meta.extentPages[oldPieces - 1] != 0) {
                blob.unwritten().pieces.set(oldPieces - 1);
            }
        }
        for (long i = old; i < again; i++) {
            int cluster = lost.get(i);
            if (cluster != 0) {
                meta.clusters.set(i, cluster);
                lost.set(i, 0);
                if (meta.extentPages != null) {
                    needPiece(blob, ClusterMap.pieceOf(i));
                }
            }
        }
        if (!meta.isThin()) {
            for (long i = old; i < count; i++) {
                if (meta.clusters.get(i) == 0) {
                    meta.clusters.set(i, space.takeCluster());
                }
                if (meta.extentPages != null && (i == old || i % ClusterMap.PIECE == 0)) {
                    needPiece(blob, ClusterMap.pieceOf(i));
                }
            }
        }
    }

    private void needPiece(EmbeddedBlob blob, int piece) {
        if (blob.meta.extentPages[piece] == 0 && !blob.meta.isThin()) {
            int page = space.takeExtentPage();
            blob.meta.extentPages[piece] = page;
            blob.unwritten().freshPages.add(page);
        }
        blob.unwritten().pieces.set(piece);
    }

    private void makeSmaller(EmbeddedBlob blob, long old, long count) {
        BlobMetadata meta = blob.meta;
        ClusterMap map = meta.clusters;
        Unwritten changes = blob.unwritten();
        if (changes.lost.count() < old) {
            changes.lost.resize(old);
        }
        for (long i = map.nextAllocated(count); i >= 0; i = map.nextAllocated(i + 1)) {
            changes.lost.set(i, map.get(i));
        }
        map.resize(count);
        if (meta.extentPages == null) {
            return;
        }
        int pieces = ClusterMap.piecesFor(count);
        for (int i = pieces; i < meta.extentPages.length; i++) {
            int page = meta.extentPages[i];
            changes.pieces.clear(i);
            if (page != 0) {
                if (changes.freshPages.remove(page)) {
                    space.releasePage(page);
                } else {
                    changes.lostPages.add(page);
                }
            }
        }
        meta.extentPages = Arrays.copyOf(meta.extentPages, pieces);
        if (count % ClusterMap.PIECE != 0 && meta.extentPages[pieces - 1] != 0) {
            changes.pieces.set(pieces - 1);
        }
    }
}
