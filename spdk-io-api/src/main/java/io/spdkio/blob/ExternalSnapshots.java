package io.spdkio.blob;

import java.util.Optional;

/** Finds the devices that blobs are clones of ({@code spdk_bs_esnap_dev_create}). */
@FunctionalInterface
public interface ExternalSnapshots {
    /**
     * Finds one. Called on the metadata thread when such a blob is opened; the device is opened for reading until the
     * blob is closed.
     *
     * @param blob the clone
     * @param identity what the clone was created with
     * @return the device's name; empty when there is none, and then the clone can't be opened
     */
    Optional<String> bdevOf(BlobId blob, byte[] identity);

    /**
     * For a store without such blobs.
     *
     * @return finds nothing
     */
    static ExternalSnapshots none() {
        return (_, _) -> Optional.empty();
    }
}
