package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Sizes;

import picocli.CommandLine.Option;

/** A blob's size, in one of two ways. */
final class BlobSize {
    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "Its size in bytes, rounded up to whole clusters.")
    private Long bytes;

    @Option(names = "--clusters", paramLabel = "N", description = "Its size in clusters.")
    private Long clusters;

    void check() {
        if ((bytes == null) == (clusters == null)) {
            throw CliException.usage("give --size or --clusters, one of them");
        }
        StoreCommand.require(
                clusters == null || (clusters >= 0 && clusters <= 0xffff_ffffL),
                "--clusters",
                clusters,
                "0 to 2^32 - 1");
    }

    long clusters(OpenStore open) {
        return clusters != null ? clusters : open.clustersFor(bytes);
    }
}
