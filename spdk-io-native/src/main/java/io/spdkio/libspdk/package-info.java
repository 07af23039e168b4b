/**
 * The native engine. {@link io.spdkio.libspdk.SpdkRuntime} is SPDK, started once a process; {@link
 * io.spdkio.libspdk.NativeEngine} is what one environment sees of it.
 */
package io.spdkio.libspdk;
