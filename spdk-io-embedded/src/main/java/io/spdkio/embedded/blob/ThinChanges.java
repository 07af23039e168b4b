package io.spdkio.embedded.blob;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Clusters of an open thin blob that are being allocated, or given back. */
final class ThinChanges {
    /** What is being allocated, by its place in the blob. */
    final Map<Long, Insertion> allocating = new HashMap<>();

    /** What is only to be written down. */
    List<Insertion> insertions = new ArrayList<>();

    List<Release> releases = new ArrayList<>();
    boolean inserting;
    boolean releasing;

    /** A cluster that was taken for a place in the blob; completes when it is there. */
    static final class Insertion extends CompletableFuture<Void> {
        final long index;
        final int cluster;

        Insertion(long index, int cluster) {
            this.index = index;
            this.cluster = cluster;
        }
    }

    /** A place in the blob that gives its cluster back; completes when that has happened. */
    static final class Release extends CompletableFuture<Void> {
        final long index;

        Release(long index) {
            this.index = index;
        }
    }

    void end(Throwable problem) {
        List.copyOf(allocating.values()).forEach(waiting -> waiting.completeExceptionally(problem));
        releases.forEach(waiting -> waiting.completeExceptionally(problem));
    }
}
