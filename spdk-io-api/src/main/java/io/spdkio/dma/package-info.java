/** Memory that devices can reach: buffers, their leases, and pools. */
package io.spdkio.dma;
