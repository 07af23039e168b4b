package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Sizes;
import io.spdkio.cli.dd.Endpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;

/** {@code spdk-io blob write}. */
@Command(
        name = "write",
        description = "Write standard input or a file to a range of a blob; what it writes is durable at the end.",
        footer = {
            "",
            "Examples:",
            "  date | spdk-io blob write --bdev file:store.img notes",
            "  spdk-io blob write --bdev file:store.img disk --if part.img --offset 1MiB",
        })
final class WriteCommand extends RangeCommand {
    @Option(
            names = "--length",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "How much (default: to the end of the input).")
    private Long length;

    @Option(
            names = "--if",
            paramLabel = "FILE",
            defaultValue = Transfer.STREAM,
            description = "Where from, - for standard input (default ${DEFAULT-VALUE}).")
    private String input;

    @Mixin private Transfer transfer;

    WriteCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        transfer.check();
        Transfer.requireElsewhere(options, input);
        try (ExecutorService io = transfer.fileThreads();
                Endpoint source = Transfer.source(console, input, io)) {
            onBlob((open, opened) -> {
                requireAligned(open);
                write(open, opened, source);
            });
        }
        return 0;
    }

    private void write(OpenStore open, Blob opened, Endpoint source) {
        if (opened.isReadOnly()) {
            throw CliException.failed(
                    blob + " can only be read; make a clone of it with spdk-io blob clone and write that");
        }
        long limit = Math.min(length == null ? Long.MAX_VALUE : length, source.sizeBytes().orElse(Long.MAX_VALUE));
        long room = Math.max(0, opened.sizeBytes() - offset);
        if (limit > room && (length != null || source.sizeBytes().isPresent())) {
            throw CliException.failed(
                    "%s has room for %,d bytes from there, and %,d are to be written; make it larger with spdk-io blob"
                                    .formatted(blob, room, limit)
                            + " resize");
        }
        long begin = System.nanoTime();
        long copied =
                transfer.copy(
                        console, "write", open, source, 0, BlobEndpoint.of(open, blob, opened), offset, limit, null);
        OptionalLong noted = FileLength.of(opened);
        if (noted.isPresent() && noted.getAsLong() < offset + copied) {
            FileLength.set(opened, offset + copied);
            opened.syncMetadata().join();
        }
        console.out().println(Transfer.summary(copied, System.nanoTime() - begin, null));
    }
}
