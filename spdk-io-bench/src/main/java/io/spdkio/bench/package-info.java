/** Placeholder. */
package io.spdkio.bench;
