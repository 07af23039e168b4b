/** What the library costs: the same work on every engine. {@code docs/performance.md} says how to run it. */
package io.spdkio.bench;
