/** {@code spdk-io perf}: runs a workload on devices and reports how fast they are. */
package io.spdkio.cli.perf;
