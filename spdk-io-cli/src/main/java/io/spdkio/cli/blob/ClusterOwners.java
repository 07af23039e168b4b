package io.spdkio.cli.blob;

import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.CorruptStoreException;
import io.spdkio.embedded.blob.format.StoreScan;
import io.spdkio.embedded.blob.format.SuperBlock;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Whose each cluster of a store is, from its metadata; in a large store, whose most of each few clusters are. And, for
 * one blob, where each of its own clusters is read from.
 */
final class ClusterOwners {
    /** The owner of clusters that nobody has. */
    static final int FREE = -1;

    /** The owner of the clusters that the metadata lies in. */
    static final int METADATA = -2;

    /** So many can be told apart on a screen. */
    private static final int MAX_CELLS = 30_000;

    private final SuperBlock superBlock;
    private final List<Long> owners = new ArrayList<>();
    private final Cells store;
    private final Map<Long, ClusterMap> maps = new HashMap<>();
    private final Map<Long, Integer> numbers = new HashMap<>();
    private Map<Long, Long> parents = Map.of();
    private int problems;

    private ClusterOwners(SuperBlock superBlock) {
        this.superBlock = superBlock;
        this.store = new Cells(superBlock.totalClusters());
    }

    /** A fixed number of cells, each for as many clusters. */
    static final class Cells {
        private final long clusters;
        private final long clustersPerCell;
        private final int[] owner;
        private final int[] lead;
        private final int[] used;

        Cells(long clusters) {
            this.clusters = clusters;
            this.clustersPerCell = Math.max(1, Math.ceilDiv(clusters, MAX_CELLS));
            int cells = (int) Math.ceilDiv(clusters, clustersPerCell);
            owner = new int[cells];
            lead = new int[cells];
            used = new int[cells];
            java.util.Arrays.fill(owner, FREE);
        }

        /** Counts a cluster. Who has the most of a cell ends up as its owner when that is more than half. */
        void add(long cluster, int whose) {
            int cell = (int) (cluster / clustersPerCell);
            used[cell]++;
            if (owner[cell] == whose) {
                lead[cell]++;
            } else if (lead[cell] == 0) {
                owner[cell] = whose;
                lead[cell] = 1;
            } else {
                lead[cell]--;
            }
        }

        long clusters() {
            return clusters;
        }

        long clustersPerCell() {
            return clustersPerCell;
        }

        int count() {
            return owner.length;
        }

        int owner(int cell) {
            return owner[cell];
        }

        int used(int cell) {
            return used[cell];
        }
    }

    /** Reads the metadata of a store that is not loaded. */
    static ClusterOwners read(Device device, BlobInfo selected) {
        SuperBlock block =
                device.superBlock()
                        .orElseThrow(() ->
                                io.spdkio.cli.CliException.failed(
                                        device.spec() + ": the super block is damaged; see spdk-io blob check"));
        ClusterOwners owners = new ClusterOwners(block);
        device.readPages((source, _) -> {
            StoreScan scan = new StoreScan(block, source, Device::memory, null, true, owners::problem);
            scan.visit(blob -> owners.visit(blob, selected != null));
            return scan.run().thenRun(() -> owners.parents = Map.copyOf(scan.parents()));
        });
        for (long i = 0; i < block.metadataClusters(); i++) {
            owners.store.add(i, METADATA);
        }
        return owners;
    }

    private void problem(CorruptStoreException problem) {
        problems += problem.isHarmless() ? 0 : 1;
    }

    private void visit(BlobMetadata blob, boolean keepMap) {
        int number = owners.size();
        owners.add(blob.id);
        numbers.put(blob.id, number);
        ClusterMap map = blob.clusters;
        for (long at = map.nextAllocated(0); at >= 0; at = map.nextAllocated(at + 1)) {
            store.add(map.get(at) & 0xffff_ffffL, number);
        }
        if (keepMap) {
            maps.put(blob.id, map);
        }
    }

    /** The blobs, by their numbers as owners. */
    List<Long> blobs() {
        return owners;
    }

    /** The clusters of the store. */
    Cells store() {
        return store;
    }

    /** How many clusters the metadata takes. */
    long metadataClusters() {
        return superBlock.metadataClusters();
    }

    /** How many things are wrong with the metadata, so that owners may be missing. */
    int problems() {
        return problems;
    }

    /** Where each cluster of a blob is read from: its own, an ancestor's, or nowhere, which reads as zeroes. */
    Cells of(BlobInfo blob) {
        List<Long> chain = new ArrayList<>();
        Long id = blob.id().value();
        while (id != null && maps.containsKey(id) && !chain.contains(id)) {
            chain.add(id);
            id = parents.get(id);
        }
        Cells cells = new Cells(blob.clusters());
        for (long at = 0; at < blob.clusters(); at++) {
            for (long ancestor : chain) {
                if (maps.get(ancestor).get(at) != 0) {
                    cells.add(at, numbers.get(ancestor));
                    break;
                }
            }
        }
        return cells;
    }
}
