/**
 * The embedded engine: the directory of devices, and the layer above them that does what SPDK's {@code lib/bdev} does
 * (splitting, waiting for resources, reset, removal, claims, emulation, statistics). The devices themselves are in
 * {@link io.spdkio.embedded.device}.
 */
package io.spdkio.embedded;
