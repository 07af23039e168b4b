package io.spdkio.cli.blob;

import io.spdkio.SpdkEnv;
import io.spdkio.cli.EnvironmentOptions;

import picocli.CommandLine.Option;

import java.util.List;

/**
 * Which device a store lies on, and who serves it. A subclass, as a mixin of a mixin does not learn which command it is
 * in.
 */
final class StoreOptions extends EnvironmentOptions {
    @Option(
            names = "--bdev",
            order = -3, // before the options of the environment
            required = true,
            paramLabel = "SPEC",
            description = "The device that the store lies on; see spdk-io perf --help.")
    private String bdev;

    @Option(
            names = "--external",
            order = -2,
            paramLabel = "SPEC",
            description = "A device that blobs of the store are clones of, found by its name or UUID; may be repeated.")
    private List<String> externals = List.of();

    String bdev() {
        return bdev;
    }

    List<String> externals() {
        return externals;
    }

    /** Opens the environment that serves it. */
    SpdkEnv open() {
        check();
        return open("blob");
    }
}
