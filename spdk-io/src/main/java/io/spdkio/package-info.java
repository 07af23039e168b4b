/** Block I/O: environments, threads, block devices, buffers. */
package io.spdkio;
