package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Sizes;
import io.spdkio.cli.dd.Endpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.concurrent.ExecutorService;

/** {@code spdk-io blob read}. */
@Command(
        name = "read",
        description = "Read a range of a blob, to standard output or a file.",
        footer = {
            "",
            "Examples:",
            "  spdk-io blob read --bdev file:store.img disk --length 4k | hexdump -C",
            "  spdk-io blob read --bdev file:store.img disk --offset 1MiB --length 1MiB --of part.img",
        })
final class ReadCommand extends RangeCommand {
    @Option(
            names = "--length",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "How much (default: to the end).")
    private Long length;

    @Option(
            names = "--of",
            paramLabel = "FILE",
            defaultValue = Transfer.STREAM,
            description = "Where to, - for standard output (default ${DEFAULT-VALUE}).")
    private String output;

    @Mixin private Transfer transfer;

    ReadCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        transfer.check();
        Transfer.requireElsewhere(options, output);
        onBlob((open, opened) -> {
            requireAligned(open);
            if (offset > opened.sizeBytes() || (length != null && length > opened.sizeBytes() - offset)) {
                throw CliException.failed(
                        "%s has %,d bytes, and the range ends beyond; read less".formatted(blob, opened.sizeBytes()));
            }
            long limit = length == null ? opened.sizeBytes() - offset : length;
            console.out().flush();
            try (ExecutorService io = transfer.fileThreads();
                    Endpoint target = Transfer.target(console, output, false, io)) {
                long begin = System.nanoTime();
                long copied =
                        transfer.copy(
                                console,
                                "read",
                                open,
                                BlobEndpoint.of(open, blob, opened),
                                offset,
                                target,
                                0,
                                limit,
                                null);
                if (!output.equals(Transfer.STREAM)) {
                    console.out().println(Transfer.summary(copied, System.nanoTime() - begin, null));
                }
            }
        });
        return 0;
    }
}
