package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.BlobErrors;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Says how much room an operation would have needed that found none, which blobstore does not. */
final class MissingRoom {
    private MissingRoom() {}

    /** Makes {@code -ENOSPC} say how many clusters are needed. */
    static <T> CompletableFuture<T> explain(
            NativeBlobstore store, String what, LongSupplier needed, CompletableFuture<T> operation) {
        return operation.exceptionallyCompose(problem ->
                CompletableFuture.failedFuture(
                        isNoSpace(problem)
                                ? BlobErrors.full(what, store.freeClusters(), needed.getAsLong())
                                : problem));
    }

    /** The same for what copies clusters into a blob: all, or those that its parent has allocated. */
    static CompletionStage<Void> explainCopying(
            NativeBlobstore store, String what, long id, OptionalLong parent, CompletionStage<Void> operation) {
        return operation.exceptionallyCompose(problem -> {
            if (!isNoSpace(problem)) {
                return CompletableFuture.failedFuture(problem);
            }
            return needed(store, id, parent)
                    .handle((clusters, asked) -> {
                        throw asked == null
                                ? BlobErrors.full(what, store.freeClusters(), clusters)
                                : new CompletionException(StoreErrors.unwrapped(problem));
                    });
        });
    }

    private static boolean isNoSpace(Throwable problem) {
        return StoreErrors.unwrapped(problem) instanceof SpdkException refused && refused.status() == -Errno.ENOSPC;
    }

    private static CompletionStage<Long> needed(NativeBlobstore store, long id, OptionalLong parent) {
        return with(
                store,
                id,
                blob ->
                        parent.isEmpty()
                                ? CompletableFuture.completedFuture(blob.clusters() - blob.allocatedClusters())
                                : with(
                                        store,
                                        parent.getAsLong(),
                                        from -> CompletableFuture.completedFuture(onlyInParent(store, blob, from))));
    }

    /** Opens a blob, looks at it, and closes it whatever comes of that. */
    private static CompletionStage<Long> with(
            NativeBlobstore store, long id, Function<NativeBlob, CompletionStage<Long>> look) {
        return store.openBlob(id, ClearMethod.DEFAULT)
                .thenCompose(blob ->
                        CompletableFuture.completedFuture(blob)
                                .thenCompose(look)
                                .handle((clusters, problem) ->
                                        blob.close()
                                                .thenApply(_ -> {
                                                    if (problem != null) {
                                                        throw new CompletionException(StoreErrors.unwrapped(problem));
                                                    }
                                                    return clusters;
                                                }))
                                .thenCompose(Function.identity()));
    }

    private static long onlyInParent(NativeBlobstore store, NativeBlob blob, NativeBlob parent) {
        long unitsPerCluster = store.clusterSizeBytes() / store.ioUnitSizeBytes();
        long end = blob.clusters() * unitsPerCluster;
        long count = 0;
        for (long unit = parent.nextIoUnit(0, true).orElse(end);
                unit < end;
                unit = parent.nextIoUnit(unit + unitsPerCluster, true).orElse(end)) {
            count += blob.nextIoUnit(unit, true).orElse(end) != unit ? 1 : 0;
        }
        return count;
    }
}
