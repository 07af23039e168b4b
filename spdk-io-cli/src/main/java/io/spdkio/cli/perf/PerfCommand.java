package io.spdkio.cli.perf;

import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.EnvironmentOptions;
import io.spdkio.cli.Sizes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** {@code spdk-io perf}. */
@Command(
        name = "perf",
        description = "Measure a block device: keeps I/Os in flight on it and reports throughput and latency.",
        footer = {
            "",
            "Device specs:",
            "  malloc:64MiB                          memory",
            "  null:1GiB?blockSize=512               takes and gives nothing",
            "  file:/tmp/disk?size=1GiB&create=true  a file, made if missing",
            "  file:/dev/nvme0n1                     a block device",
            "  delay,read=100us:malloc:64MiB         another, made slower",
            "  error,op=read,rate=0.01:malloc:64MiB  another, that fails",
            "  passthru:null:1GiB                    another, as it is",
            "  blob:malloc:64MiB                     a blob on another",
            "",
            "blob: makes a new blobstore on an empty device, with one blob that has all its clusters, and destroys it"
                    + " at the end.",
            "",
            "The workloads that write (write, rw, randwrite, randrw, verify) overwrite what the device holds.",
            "",
            "The measurement begins after --warm-up, in which the JVM compiles the code; I/Os of the warm-up are not"
                    + " counted. Threads are pinned to cores, the last core first, when there are enough. Two threads"
                    + " on two devices: give --bdev twice and --threads 2.",
            "",
            "Examples:",
            "  spdk-io perf --bdev malloc:64MiB",
            "  spdk-io perf --bdev null:1GiB --queue-depth 1 --api futures",
            "  spdk-io perf --bdev blob:malloc:64MiB",
            "  spdk-io perf --bdev 'file:/tmp/disk?size=1GiB&create=true' --rw randrw --mix 70 --html report.html",
            "  spdk-io perf --bdev malloc:64MiB --rw verify --json - --time 2",
        })
public final class PerfCommand implements Callable<Integer> {
    private static final int MAX_DEPTH = 65_536;
    private static final int MAX_THREADS = 1024;
    private static final long MAX_IO_BYTES = 1L << 30;
    private static final double MAX_SECONDS = 30 * 24 * 3600;

    private final Console console;

    @Spec private CommandSpec spec;

    @Option(
            names = "--bdev",
            required = true,
            paramLabel = "SPEC",
            description =
                    "The device, made for the run; see below. Given several times, thread i works on device i modulo"
                            + " their number.")
    private List<String> bdevs;

    @Option(
            names = "--rw",
            paramLabel = "WORKLOAD",
            converter = Words.Workloads.class,
            defaultValue = "randread",
            description =
                    "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}). verify writes patterns, reads them back and"
                            + " compares.")
    private Workload workload;

    @Option(
            names = "--io-size",
            paramLabel = "SIZE",
            converter = Sizes.class,
            defaultValue = "4k",
            description = "Bytes of an I/O (default ${DEFAULT-VALUE}).")
    private Long ioSize;

    @Option(
            names = {"--queue-depth", "--qd"},
            paramLabel = "N",
            defaultValue = "128",
            description = "I/Os that each thread keeps in flight (default ${DEFAULT-VALUE}).")
    private int queueDepth;

    @Option(
            names = "--time",
            paramLabel = "SECONDS",
            defaultValue = "5",
            description = "How long to measure (default ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            defaultValue = "1",
            description = "How long to run before that (default ${DEFAULT-VALUE}).")
    private double warmUpSeconds;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads, each with a queue of its own (default ${DEFAULT-VALUE}).")
    private int threads;

    @Option(
            names = "--mix",
            paramLabel = "PERCENT",
            description = "Of 100 I/Os of rw and randrw, how many read (default 70).")
    private Integer mix;

    @Option(
            names = "--api",
            paramLabel = "API",
            converter = Words.Apis.class,
            defaultValue = "queue",
            description =
                    "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}): IoQueue and its handler, a future for each"
                            + " I/O, or a forked virtual thread for each I/O in flight.")
    private Api api;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Makes random offsets and data repeatable (default ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the result as JSON; - for standard output.")
    private String json;

    @Option(names = "--html", paramLabel = "FILE", description = "Write a report with plots, all in one file.")
    private String html;

    @Mixin private EnvironmentOptions environment;

    /** Creates the command. */
    public PerfCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        PerfSettings settings = settings();
        checkWritable("--json", json);
        checkWritable("--html", html);
        boolean debug = Boolean.TRUE.equals(spec.findOption("--debug").getValue());
        LiveLine live = new LiveLine(console, settings, debug);
        PerfRun run = new PerfRun(settings, live);
        Thread atInterrupt = new Thread(() -> stopAndReport(run, Thread.currentThread()), "perf-interrupted");
        Runtime.getRuntime().addShutdownHook(atInterrupt);
        PerfResult result;
        try {
            result = run.run();
        } finally {
            live.erase();
            done.countDown();
        }
        report(result);
        reported.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(atInterrupt);
        } catch (IllegalStateException e) {
            // Ctrl-C: the process is on its way out.
        }
        if (result.errors() > 0) {
            throw CliException.failed(
                    "%,d of %,d I/Os failed; the first: %s"
                            .formatted(result.errors(), result.ios(), result.firstError()));
        }
        return 0;
    }

    private PerfSettings settings() {
        environment.check();
        require(
                ioSize >= 512 && ioSize <= MAX_IO_BYTES && ioSize % 512 == 0,
                "--io-size",
                ioSize,
                "a multiple of 512 up to 1GiB");
        require(queueDepth >= 1 && queueDepth <= MAX_DEPTH, "--queue-depth", queueDepth, "1 to " + MAX_DEPTH);
        require(seconds > 0 && seconds <= MAX_SECONDS, "--time", seconds, "more than 0 seconds, up to 30 days");
        require(warmUpSeconds >= 0 && warmUpSeconds <= MAX_SECONDS, "--warm-up", warmUpSeconds, "0 seconds or more");
        require(threads >= 1 && threads <= MAX_THREADS, "--threads", threads, "1 to " + MAX_THREADS);
        require(mix == null || (mix >= 0 && mix <= 100), "--mix", mix, "0 to 100");
        if (mix != null && !workload.isMixed()) {
            throw CliException.usage("--mix is for --rw rw and randrw, not " + workload + "; leave it out");
        }
        if (threads < bdevs.size()) {
            throw CliException.usage(
                    "%d devices and %d thread%s: a device would be left alone; use --threads %d"
                            .formatted(bdevs.size(), threads, threads == 1 ? "" : "s", bdevs.size()));
        }
        return new PerfSettings(
                List.copyOf(bdevs),
                workload,
                Math.toIntExact(ioSize),
                queueDepth,
                seconds,
                warmUpSeconds,
                threads,
                mix == null ? 70 : mix,
                api,
                environment,
                seed);
    }

    private static void require(boolean holds, String option, Object value, String range) {
        if (!holds) {
            throw CliException.usage(option + " " + value + " is out of range; give " + range);
        }
    }

    /** Before the run rather than after it. */
    private static void checkWritable(String option, String file) {
        if (file == null || file.equals("-")) {
            return;
        }
        Path path = Path.of(file).toAbsolutePath();
        Path folder = path.getParent();
        if (Files.isDirectory(path)) {
            throw CliException.usage(option + " " + file + " is a directory; name a file in it");
        }
        if (folder != null && !Files.isDirectory(folder)) {
            throw CliException.failed(option + " " + file + ": there is no directory " + folder + "; make it first");
        }
        if (!Files.isWritable(Files.exists(path) ? path : folder)) {
            throw CliException.failed(option + " " + file + ": no permission to write it; choose another place");
        }
    }

    private final java.util.concurrent.CountDownLatch done = new java.util.concurrent.CountDownLatch(1);
    private final java.util.concurrent.CountDownLatch reported = new java.util.concurrent.CountDownLatch(1);

    /** Ctrl-C ends the run early, and what was measured is still reported. */
    private void stopAndReport(PerfRun run, Thread hook) {
        if (done.getCount() == 0) {
            return;
        }
        run.stop();
        try {
            if (!reported.await(3, TimeUnit.SECONDS)) {
                console.err().flush();
            }
            console.out().flush();
        } catch (InterruptedException e) {
            hook.interrupt();
        }
    }

    private void report(PerfResult result) throws IOException {
        if (html != null) {
            if (html.equals("-")) {
                console.out().print(HtmlReport.of(result));
            } else {
                Files.writeString(Path.of(html), HtmlReport.of(result));
            }
        }
        if (json != null) {
            if (json.equals("-")) {
                console.out().println(PerfJson.of(result));
            } else {
                Files.writeString(Path.of(json), PerfJson.of(result) + System.lineSeparator());
            }
        }
        if (!"-".equals(json) && !"-".equals(html)) {
            console.out().print(new PerfTable(console).of(result));
            if (html != null) {
                console.out().println();
                console.out().println("report: " + html);
            }
        }
        console.out().flush();
    }
}
