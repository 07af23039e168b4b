/** Placeholder. */
package io.spdkio.examples;
