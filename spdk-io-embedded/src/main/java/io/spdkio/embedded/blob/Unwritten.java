package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.ClusterMap;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What has changed of a blob's map of clusters since the blob was last written. */
final class Unwritten {
    /** Pieces of the map whose extent pages have to be written. */
    final BitSet pieces = new BitSet();

    /** Extent pages that were taken and that nothing on the device refers to. */
    final Set<Integer> freshPages = new HashSet<>();

    /** Clusters that it has lost, and had when it was last written; by their place in it. */
    final ClusterMap lost = new ClusterMap();

    /** Extent pages that it has lost, and had when it was last written. */
    final List<Integer> lostPages = new ArrayList<>();
}
