/** {@code spdk-io blob}. */
package io.spdkio.cli.blob;
