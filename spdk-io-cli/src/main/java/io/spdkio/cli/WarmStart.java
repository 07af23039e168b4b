package io.spdkio.cli;

import picocli.CommandLine.Command;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import java.util.concurrent.Callable;

/** Runs a little of everything, so that the launcher can keep the classes for fast starts. */
@Command(name = "warm-start", hidden = true, description = "Load what the launcher keeps for fast starts.")
final class WarmStart implements Callable<Integer> {
    private static final List<String> LINES =
            List.of(
                    "--version",
                    "--help",
                    "perf --help",
                    "perf --bdev null:1GiB --time 0.3 --warm-up 0.3",
                    "perf --bdev malloc:1MiB --time 0.1 --warm-up 0.1 --rw randrw --json -",
                    "bdev info null:1GiB",
                    "doctor",
                    "perf --nonsense");

    @Override
    public Integer call() {
        // Not SPDK: it would take this machine's hugepages, and its libraries' start is not Java's.
        System.setProperty("spdkio.engine", "embedded");
        PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
        Console silent = new Console(nowhere, nowhere, false, false, 80, false);
        for (String line : LINES) {
            SpdkIo.run(silent, line.split(" "));
        }
        return 0;
    }
}
