package io.spdkio.blob;

/**
 * Names a blob within its store ({@code spdk_blob_id}). It may be used again after the blob was deleted.
 *
 * @param value what is kept on the device, all 64 bits
 */
public record BlobId(long value) implements Comparable<BlobId> {
    @Override
    public int compareTo(BlobId other) {
        return Long.compareUnsigned(value, other.value);
    }

    @Override
    public String toString() {
        return "0x" + Long.toHexString(value);
    }
}
