/** {@code spdk-io dd}: copies between files and block devices. */
package io.spdkio.cli.dd;
