package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.dd.Crc32cSum;
import io.spdkio.cli.dd.Endpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.concurrent.ExecutorService;

/** {@code spdk-io blob export}. */
@Command(
        name = "export",
        description = "Copy a blob to a file, which is made or overwritten.",
        footer = {
            "",
            "A blob with the attribute 'length', as import leaves it, gives a file of that length.",
            "",
            "Examples:",
            "  spdk-io blob export --bdev file:store.img disk disk.raw --verify",
            "  spdk-io blob export --bdev file:store.img photos - | tar x",
        })
final class ExportCommand extends OneBlobCommand {
    @Parameters(index = "1", paramLabel = "FILE", description = "Where to, - for standard output.")
    private String file;

    @Option(names = "--whole", description = "All its clusters, whatever the attribute 'length' says.")
    private boolean whole;

    @Option(names = "--verify", description = "Read the file again and compare checksums (CRC-32C).")
    private boolean verify;

    @Mixin private Transfer transfer;

    ExportCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        transfer.check();
        Transfer.requireElsewhere(options, file);
        if (verify && file.equals(Transfer.STREAM)) {
            throw CliException.usage("--verify needs a file, and standard output can't be read again; leave it out");
        }
        onBlob((open, opened) -> {
            long length = whole ? opened.sizeBytes() : FileLength.of(opened).orElse(opened.sizeBytes());
            console.out().flush();
            try (ExecutorService io = transfer.fileThreads();
                    Endpoint target = Transfer.target(console, file, verify, io)) {
                export(open, opened, length, target);
            }
        });
        return 0;
    }

    private void export(OpenStore open, Blob opened, long length, Endpoint target) {
        Crc32cSum sum = verify ? new Crc32cSum() : null;
        if (verify && target.sizeBytes().isEmpty()) {
            throw CliException.usage("--verify needs a file, and " + target.name() + " is a stream; leave it out");
        }
        long begin = System.nanoTime();
        long copied =
                transfer.copy(console, "export", open, BlobEndpoint.of(open, blob, opened), 0, target, 0, length, sum);
        long nanos = System.nanoTime() - begin;
        if (verify) {
            transfer.verify(console, open, target, copied, sum);
        }
        if (!file.equals(Transfer.STREAM)) {
            console.out().println(Transfer.summary(copied, nanos, sum));
            if (length < opened.sizeBytes()) {
                console.out()
                        .println(
                                console.wrap(
                                        "That is its attribute 'length'; --whole copies all %,d bytes."
                                                .formatted(opened.sizeBytes()),
                                        ""));
            }
        }
    }
}
