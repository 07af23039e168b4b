/**
 * The blobstore's format on the device, encoded, decoded and verified. Needs no device: whatever holds an image can be
 * looked at.
 *
 * <p>All numbers are little-endian and unsigned. The format is that of SPDK v26.01, {@code lib/blob/blobstore.h}.
 */
package io.spdkio.embedded.blob.format;
