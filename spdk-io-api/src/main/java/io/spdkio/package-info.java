/**
 * Fast storage for Java: the environment, its threads, and what the operations return.
 *
 * <p>Start at {@link io.spdkio.SpdkEnv}; block devices are in {@link io.spdkio.bdev}, buffers in {@link io.spdkio.dma}.
 */
package io.spdkio;
