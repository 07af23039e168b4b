/** {@code spdk-io blob}: makes blobstores, and works with the blobs in them. */
package io.spdkio.cli.blob;
