package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Sizes;
import io.spdkio.cli.dd.Crc32cSum;
import io.spdkio.cli.dd.Endpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ExecutorService;

/** {@code spdk-io blob import}. */
@Command(
        name = "import",
        description = "Copy a file into a new blob and print the blob's id.",
        footer = {
            "",
            "The file's length is kept in the attribute 'length', so that export gives the same file; what follows it"
                    + " in the last cluster is zero. A thin blob gets no clusters for what is zero in the file. When"
                    + " the copy fails there is no blob.",
            "",
            "Examples:",
            "  spdk-io blob import --bdev file:store.img disk.raw --name disk --thin --verify",
            "  tar c photos | spdk-io blob import --bdev file:store.img - --size 1GiB --name photos",
        })
final class ImportCommand extends StoreCommand {
    @Parameters(paramLabel = "FILE", description = "What to copy, - for standard input, which needs --size.")
    private String file;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "The blob's size, rounded up to whole clusters (default: the file's).")
    private Long size;

    @Option(names = "--thin", description = "Allocate clusters only for what is not zero.")
    private boolean thin;

    @Option(names = "--verify", description = "Read the blob again and compare checksums (CRC-32C).")
    private boolean verify;

    @Mixin private NewBlob noted;

    @Mixin Transfer transfer;

    ImportCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        transfer.check();
        Transfer.requireElsewhere(options, file);
        try (ExecutorService io = transfer.fileThreads();
                Endpoint source = Transfer.source(console, file, io)) {
            if (size == null && source.sizeBytes().isEmpty()) {
                throw CliException.usage("the length of " + source.name() + " is not known; give --size");
            }
            long wanted = size == null ? source.sizeBytes().getAsLong() : size;
            if (source.sizeBytes().orElse(0) > wanted) {
                throw CliException.usage(
                        "%s has %,d bytes, more than --size %,d; give a larger one"
                                .formatted(source.name(), source.sizeBytes().getAsLong(), wanted));
            }
            onStore(open -> {
                open.requireFree(noted.name());
                BlobId id = open.store().create(shape(open.clustersFor(wanted))).join();
                try {
                    fill(open, id, source);
                } catch (RuntimeException | Error e) {
                    delete(open, id, e);
                    throw e;
                }
            });
        }
        return 0;
    }

    private BlobOptions shape(long clusters) {
        try {
            return new BlobOptions(clusters, thin, ClearMethod.DEFAULT, true, noted.xattrs(), Optional.empty());
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
    }

    private static void delete(OpenStore open, BlobId id, Throwable problem) {
        try {
            open.store().delete(id).join();
        } catch (RuntimeException e) {
            problem.addSuppressed(e);
        }
    }

    private void fill(OpenStore open, BlobId id, Endpoint source) {
        Crc32cSum sum = verify ? new Crc32cSum() : null;
        try (Blob blob = open.store().open(id).join()) {
            String name = noted.name() == null ? id.toString() : noted.name();
            BlobEndpoint target =
                    thin
                            ? BlobEndpoint.emptyThin(open, name, blob, Transfer.BLOCK_BYTES)
                            : BlobEndpoint.of(open, name, blob);
            long begin = System.nanoTime();
            if (!thin) {
                // Before the copy: the last unit of the file may end within a unit.
                clearTail(open, blob, source);
            }
            long copied =
                    transfer.copy(
                            console,
                            "import",
                            open,
                            source,
                            0,
                            target,
                            0,
                            source.sizeBytes().orElse(Long.MAX_VALUE),
                            sum);
            FileLength.set(blob, copied);
            blob.syncMetadata().join();
            long nanos = System.nanoTime() - begin;
            if (verify) {
                transfer.verify(console, open, target, copied, sum);
            }
            console.out().println(id);
            console.out().println(Transfer.summary(copied, nanos, sum));
        }
    }

    /** A thick blob holds what was there before. */
    private static void clearTail(OpenStore open, Blob blob, Endpoint source) {
        long unit = blob.store().ioUnitSizeBytes();
        long from = source.sizeBytes().orElse(0) / unit * unit;
        if (from < blob.sizeBytes()) {
            blob.writeZeroes(open.channel(), from, blob.sizeBytes() - from).join();
        }
    }
}
