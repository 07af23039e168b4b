package io.spdkio.cli.dd;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.ByteSize;
import io.spdkio.bdev.OpenMode;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.DeviceSpecs;
import io.spdkio.cli.EnvironmentOptions;
import io.spdkio.cli.Progress;
import io.spdkio.cli.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** {@code spdk-io dd}. */
@Command(
        name = "dd",
        description = "Copy between files and block devices.",
        footer = {
            "",
            "A path is an ordinary file, a device file or a pipe; a spec such as malloc:64MiB or file:/dev/nvme0n1 is"
                    + " a block device of the engine (see spdk-io perf --help). A file whose name looks like a spec is"
                    + " written ./malloc:1. An output file is made if it is missing and grows as needed; what it holds"
                    + " beyond the copy stays. The copy is durable when the command ends.",
            "",
            "Examples:",
            "  spdk-io dd --if disk.img --of file:/dev/nvme0n1 --verify",
            "  spdk-io dd --if 'file:/tmp/disk' --of part.img --bs 1MiB --skip 10 --count 5",
            "  spdk-io dd --if /dev/zero --of 'file:/tmp/disk?size=1GiB&create=true' --count 1024",
        })
public final class DdCommand implements Callable<Integer> {
    private static final long MAX_BLOCK_BYTES = 1L << 30;
    private static final int MAX_DEPTH = 1024;
    private static final int MAX_FILE_THREADS = 16;

    private final Console console;

    @Option(
            names = "--if",
            required = true,
            paramLabel = "PATH|SPEC",
            description = "What to read: a file or a block device.")
    private String input;

    @Option(
            names = "--of",
            required = true,
            paramLabel = "PATH|SPEC",
            description = "What to write: a file or a block device.")
    private String output;

    @Option(
            names = "--bs",
            paramLabel = "SIZE",
            converter = Sizes.class,
            defaultValue = "1MiB",
            description = "Bytes of a block (default ${DEFAULT-VALUE}).")
    private Long blockBytes;

    @Option(names = "--count", paramLabel = "BLOCKS", description = "How many blocks (default: all there are).")
    private Long count;

    @Option(
            names = "--skip",
            paramLabel = "BLOCKS",
            defaultValue = "0",
            description = "Begin to read so many blocks into the input.")
    private long skip;

    @Option(
            names = "--seek",
            paramLabel = "BLOCKS",
            defaultValue = "0",
            description = "Begin to write so many blocks into the output.")
    private long seek;

    @Option(
            names = "--qd",
            paramLabel = "N",
            defaultValue = "8",
            description = "Blocks in flight (default ${DEFAULT-VALUE}).")
    private int depth;

    @Option(
            names = "--verify",
            description = "Read the output again and compare checksums (CRC-32C) with what was copied.")
    private boolean verify;

    @Mixin private EnvironmentOptions environment;

    /** Creates the command. */
    public DdCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException {
        environment.check();
        require(blockBytes >= 1 && blockBytes <= MAX_BLOCK_BYTES, "--bs", blockBytes, "1 byte to 1GiB");
        require(count == null || count >= 0, "--count", count, "0 or more");
        require(skip >= 0 && skip <= Long.MAX_VALUE / blockBytes, "--skip", skip, "0 or more, in blocks of --bs");
        require(seek >= 0 && seek <= Long.MAX_VALUE / blockBytes, "--seek", seek, "0 or more, in blocks of --bs");
        require(depth >= 1 && depth <= MAX_DEPTH, "--qd", depth, "1 to " + MAX_DEPTH);
        DeviceSpecs devices = new DeviceSpecs();
        boolean fromBdev = DeviceSpecs.isSpec(input);
        boolean toBdev = DeviceSpecs.isSpec(output);
        if (fromBdev) {
            devices.add(input, true);
        }
        if (toBdev) {
            devices.add(output, false);
        }
        requireDifferent();
        try (SpdkEnv env = environment.open("dd");
                ExecutorService io =
                        Executors.newFixedThreadPool(
                                Math.min(depth, MAX_FILE_THREADS),
                                task -> Thread.ofPlatform().name("dd-file").daemon().unstarted(task));
                SpdkThread thread = env.attachThread("dd")) {
            // The input first: a wrong one must not leave an empty output behind.
            FileEndpoint sourceFile = fromBdev ? null : FileEndpoint.source(input, io);
            List<Bdev> bdevs = devices.create(env);
            try (Endpoint source =
                    fromBdev
                            ? BdevEndpoint.open(env, thread, input, bdevs.getFirst(), OpenMode.READ_ONLY)
                            : sourceFile) {
                long limit = limit(source);
                try (Endpoint target =
                        toBdev
                                ? BdevEndpoint.open(env, thread, output, bdevs.getLast(), OpenMode.READ_WRITE)
                                : FileEndpoint.target(output, verify, io)) {
                    copy(env, thread, source, target, limit);
                }
            }
        }
        return 0;
    }

    private static void require(boolean holds, String option, Object value, String range) {
        if (!holds) {
            throw CliException.usage(option + " " + value + " is out of range; give " + range);
        }
    }

    private void requireDifferent() throws IOException {
        if (!DeviceSpecs.isSpec(input)
                && !DeviceSpecs.isSpec(output)
                && Files.exists(Path.of(input))
                && Files.exists(Path.of(output))
                && Files.isRegularFile(Path.of(input))
                && Files.isSameFile(Path.of(input), Path.of(output))) {
            throw CliException.usage("--if and --of are the same file, " + input + "; name another");
        }
    }

    private void checkBlockSize(Endpoint end) {
        if (blockBytes % end.blockSize() != 0) {
            throw CliException.usage(
                    "--bs %d is not a multiple of the block size of %s, %d; use --bs %d"
                            .formatted(
                                    blockBytes,
                                    end.name(),
                                    end.blockSize(),
                                    Math.ceilDiv(blockBytes, end.blockSize()) * end.blockSize()));
        }
    }

    /** How much there is to read. */
    private long limit(Endpoint source) {
        checkBlockSize(source);
        long from = skip * blockBytes;
        long wanted = count == null || count > Long.MAX_VALUE / blockBytes ? Long.MAX_VALUE : count * blockBytes;
        if (source.sizeBytes().isEmpty()) {
            if (skip > 0) {
                throw CliException.usage("--skip needs a file or a device, and " + source.name() + " is a stream");
            }
            return wanted;
        }
        long size = source.sizeBytes().getAsLong();
        if (from > size) {
            throw CliException.failed(
                    "%s has %,d bytes, and --skip %d begins at %,d; skip less"
                            .formatted(source.name(), size, skip, from));
        }
        return Math.min(wanted, size - from);
    }

    private void copy(SpdkEnv env, SpdkThread thread, Endpoint source, Endpoint target, long readable) {
        checkBlockSize(target);
        long from = skip * blockBytes;
        long to = seek * blockBytes;
        long limit = readable;
        boolean bounded = target instanceof BdevEndpoint || isBlockDevice(target);
        if (bounded) {
            long room = Math.max(0, target.sizeBytes().orElse(0) - to);
            if (limit > room && source.sizeBytes().isPresent()) {
                throw CliException.failed(
                        "%s has room for %,d bytes%s, and %,d are to be copied; use --count %d, or a larger device"
                                .formatted(
                                        target.name(),
                                        room,
                                        seek > 0 ? " after --seek" : "",
                                        limit,
                                        room / blockBytes));
            }
            limit = Math.min(limit, room);
        }
        if (verify && target.sizeBytes().isEmpty()) {
            throw CliException.usage("--verify needs a file or a device, and " + target.name() + " is a stream");
        }

        int slots = Math.clamp(Math.ceilDiv(limit, blockBytes), 1, depth);
        Crc32cSum sourceSum = verify ? new Crc32cSum() : null;
        int block = Math.toIntExact(blockBytes);
        long begin = System.nanoTime();
        long copied;
        try (Progress progress = new Progress(console, "copy", limit)) {
            copied =
                    new Copy(thread, source, from, target, to, block, limit, sourceSum, progress).run(env.dma(), slots);
            thread.await(target.flush());
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        console.out().println(summary(copied, seconds));
        if (verify) {
            Crc32cSum targetSum = new Crc32cSum();
            try (Progress progress = new Progress(console, "verify", copied)) {
                new Copy(thread, target, to, null, 0, block, copied, targetSum, progress).run(env.dma(), slots);
            }
            console.out().println("CRC-32C of input   " + hex(sourceSum));
            console.out().println("CRC-32C of output  " + hex(targetSum));
            if (sourceSum.value() != targetSum.value() || sourceSum.length() != targetSum.length()) {
                throw CliException.failed(
                        "the output differs from the input; " + target.name() + " does not hold what was written");
            }
        }
    }

    private static boolean isBlockDevice(Endpoint end) {
        return end instanceof FileEndpoint file && file.isSeekable() && !Files.isRegularFile(Path.of(file.name()));
    }

    private static String hex(Crc32cSum sum) {
        return String.format(Locale.ROOT, "%08x  (%,d bytes)", sum.value(), sum.length());
    }

    private static String summary(long bytes, double seconds) {
        String size = ByteSize.format(bytes);
        String plain = String.format(Locale.ROOT, "%,d bytes", bytes);
        return String.format(
                Locale.ROOT,
                "%s%s copied in %.3f s, %,.1f MiB/s",
                plain,
                size.endsWith(" B") ? "" : " (" + size + ")",
                seconds,
                seconds == 0 ? 0 : bytes / seconds / (1 << 20));
    }
}
