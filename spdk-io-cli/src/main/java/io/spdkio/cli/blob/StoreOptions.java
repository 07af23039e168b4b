package io.spdkio.cli.blob;

import io.spdkio.cli.Engines;

import picocli.CommandLine.Option;

import java.util.List;

/** Which device a store lies on, and who serves it. */
final class StoreOptions {
    @Option(
            names = "--bdev",
            required = true,
            paramLabel = "SPEC",
            description = "The device that the store lies on; see spdk-io perf --help.")
    private String bdev;

    @Option(
            names = "--external",
            paramLabel = "SPEC",
            description = "A device that blobs of the store are clones of, found by its name or UUID; may be repeated.")
    private List<String> externals = List.of();

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            defaultValue = "auto",
            completionCandidates = Engines.class,
            description = "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
    private String engine;

    String bdev() {
        return bdev;
    }

    List<String> externals() {
        return externals;
    }

    String engine() {
        Engines.check(engine);
        return engine;
    }
}
