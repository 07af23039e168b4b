/**
 * The blobstore: a crash-safe allocator of persistent, block-based objects on a block device ({@code spdk/blob.h}).
 *
 * <p>A {@linkplain io.spdkio.blob.Blobstore store} divides its device into clusters and hands them to {@linkplain
 * io.spdkio.blob.Blob blobs}. A blob is a flat range of bytes with attributes; it can be thin, a snapshot, a clone of a
 * snapshot, or a clone of another device. What one engine has written, the other loads.
 */
package io.spdkio.blob;
