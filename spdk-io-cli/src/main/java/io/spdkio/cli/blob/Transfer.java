package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.Progress;
import io.spdkio.cli.dd.Copy;
import io.spdkio.cli.dd.Crc32cSum;
import io.spdkio.cli.dd.Endpoint;
import io.spdkio.cli.dd.FileEndpoint;
import io.spdkio.cli.dd.StreamEndpoint;

import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Moves bytes between a blob and a file, many I/Os at a time. */
final class Transfer {
    /** What stands for standard input or output. */
    static final String STREAM = "-";

    /** Bytes of an I/O: what is copied at once. */
    static final int BLOCK_BYTES = 1 << 20;

    private static final int MAX_DEPTH = 1024;
    private static final int MAX_FILE_THREADS = 16;

    @Option(
            names = "--qd",
            paramLabel = "N",
            defaultValue = "8",
            description = "I/Os of 1 MiB in flight (default ${DEFAULT-VALUE}).")
    private int depth;

    void check() {
        StoreCommand.require(depth >= 1 && depth <= MAX_DEPTH, "--qd", depth, "1 to " + MAX_DEPTH);
    }

    /** Threads for what blocks. */
    ExecutorService fileThreads() {
        return Executors.newFixedThreadPool(
                Math.min(depth, MAX_FILE_THREADS),
                task -> Thread.ofPlatform().name("blob-file").daemon().unstarted(task));
    }

    /** Opens a file, or standard input, to read it. */
    static Endpoint source(Console console, String file, ExecutorService io) throws IOException {
        return file.equals(STREAM)
                ? StreamEndpoint.source("standard input", console.in(), io)
                : FileEndpoint.source(file, io);
    }

    /** Opens a file, or standard output, to write it; what the file held is gone. */
    static Endpoint target(Console console, String file, boolean readBack, ExecutorService io) throws IOException {
        if (file.equals(STREAM)) {
            if (console.outIsTerminal()) {
                throw CliException.usage(
                        "the bytes of a blob would go to the terminal; name a file, or send the output elsewhere");
            }
            return StreamEndpoint.target("standard output", console.bytes(), io);
        }
        Endpoint target = FileEndpoint.target(file, readBack, io);
        if (Files.isRegularFile(Path.of(file))) {
            FileChannel.open(Path.of(file), StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING).close();
        }
        return target;
    }

    /** Refuses the store's own file as the other side. */
    static void requireElsewhere(StoreOptions options, String file) throws IOException {
        try {
            String spec = options.bdev();
            Path path = Path.of(file);
            Path own = Path.of(spec.replaceFirst("^.*?(file|aio|uring):", "").replaceFirst("\\?.*$", ""));
            if (Files.exists(path) && Files.exists(own) && Files.isSameFile(path, own)) {
                throw CliException.usage(file + " is what the store lies on; name another file");
            }
        } catch (InvalidPathException e) {
            throw CliException.usage("not a path: '" + file + "' (" + e.getReason() + ")");
        }
    }

    /** Copies; returns how many bytes there were. */
    long copy(
            Console console,
            String task,
            OpenStore open,
            Endpoint source,
            long from,
            Endpoint target,
            long to,
            long limit,
            Crc32cSum sum) {
        try (Progress progress = new Progress(console, task, limit)) {
            long copied =
                    new Copy(open.device().thread(), source, from, target, to, BLOCK_BYTES, limit, sum, progress)
                            .run(open.device().env().dma(), slots(limit));
            open.device().thread().await(target.flush());
            return copied;
        }
    }

    /** Reads again what was copied, and compares sums. */
    void verify(Console console, OpenStore open, Endpoint target, long length, Crc32cSum expected) {
        Crc32cSum sum = new Crc32cSum();
        try (Progress progress = new Progress(console, "verify", length)) {
            new Copy(open.device().thread(), target, 0, null, 0, BLOCK_BYTES, length, sum, progress)
                    .run(open.device().env().dma(), slots(length));
        }
        if (sum.value() != expected.value() || sum.length() != expected.length()) {
            throw CliException.failed(
                    "%s differs from what was copied: CRC-32C %08x of %,d bytes instead of %08x of %,d"
                            .formatted(target.name(), sum.value(), sum.length(), expected.value(), expected.length()));
        }
    }

    private int slots(long limit) {
        return Math.clamp(Math.ceilDiv(limit, BLOCK_BYTES), 1, depth);
    }

    /** One line about a copy. */
    static String summary(long bytes, long nanos, Crc32cSum sum) {
        double seconds = nanos / 1e9;
        return String.format(
                Locale.ROOT,
                "%,d bytes%s in %.3f s, %,.1f MiB/s%s",
                bytes,
                bytes < 1024 ? "" : " (" + Rows.approximately(bytes) + ")",
                seconds,
                seconds == 0 ? 0 : bytes / seconds / (1 << 20),
                sum == null ? "" : String.format(Locale.ROOT, ", verified, CRC-32C %08x", sum.value()));
    }
}
