package io.spdkio.blob;

import io.spdkio.IoFuture;

import java.util.Optional;

/**
 * Goes through the blobs of a store in the order of their ids, a step at a time. A blob that is created or deleted
 * meanwhile may be met or not; all others are met once.
 *
 * <p><b>Thread:</b> any, one at a time; each step is taken after the one before has completed.
 */
public interface BlobCursor {
    /**
     * Takes a step.
     *
     * @return completes with the next blob, or with nothing at the end
     */
    IoFuture<Optional<BlobId>> next();
}
