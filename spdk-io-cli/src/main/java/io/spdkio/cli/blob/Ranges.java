package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;

/** What a range of a blob has to be. */
final class Ranges {
    private Ranges() {}

    static void requireAligned(OpenStore open, long offset) {
        int unit = open.store().ioUnitSizeBytes();
        if (offset % unit != 0) {
            throw CliException.usage(
                    "--offset %d is not a multiple of the store's I/O unit, %d; use --offset %d"
                            .formatted(offset, unit, offset / unit * unit));
        }
    }
}
