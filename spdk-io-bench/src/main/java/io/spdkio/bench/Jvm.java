package io.spdkio.bench;

import io.spdkio.IoStatus;

/** What the benchmarks share. */
final class Jvm {
    /** What forked virtual threads need. */
    static final String OPENS = "--add-opens=java.base/java.lang=ALL-UNNAMED";

    private Jvm() {}

    static void require(int status) {
        if (status != IoStatus.SUCCESS) {
            throw new IllegalStateException("an I/O failed: " + IoStatus.describe(status));
        }
    }
}
