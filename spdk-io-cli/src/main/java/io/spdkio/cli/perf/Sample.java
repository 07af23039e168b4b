package io.spdkio.cli.perf;

/**
 * The throughput of an instant.
 *
 * @param atSeconds since the measurement began, the middle of the interval
 * @param iops the I/Os of a second
 */
record Sample(double atSeconds, double iops) {}
