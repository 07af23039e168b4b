package io.spdkio.libspdk;

import io.spdkio.sys.NativeException;
import io.spdkio.sys.SpdkInstallation;

import org.junit.jupiter.api.Assumptions;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** SPDK's own program for blobstores, in a process of its own. */
final class Blobcli {
    /** It can't go without hugepages; it takes about half of this. */
    private static final long HUGEPAGES_KIB = 512 << 10;

    /** It takes 64 lines in a script. */
    private static final int LINES = 40;

    private final Path program;
    private final Path folder;

    private Blobcli(Path program, Path folder) {
        this.program = program;
        this.folder = folder;
    }

    /** The program that is here; skips the test, with the reason, where there is none that can run. */
    static Blobcli findOrSkip(Path folder) {
        Optional<Path> program = find();
        Assumptions.assumeTrue(
                program.isPresent(),
                "SPDK's blobcli is neither in the folder bin of the SPDK that is linked nor in PATH");
        long free = freeHugepagesKib();
        Assumptions.assumeTrue(
                free >= HUGEPAGES_KIB,
                "SPDK's blobcli needs %d KiB of free hugepages; there are %d".formatted(HUGEPAGES_KIB, free));
        return new Blobcli(program.get(), folder);
    }

    private static Optional<Path> find() {
        List<Path> folders = new ArrayList<>();
        try {
            folders.add(SpdkInstallation.find().folder().resolve("bin"));
        } catch (NativeException e) {
            // Not installed, but there may be a program.
        }
        for (String part : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            folders.add(Path.of(part));
        }
        return folders.stream().map(part -> part.resolve("blobcli")).filter(Files::isExecutable).findFirst();
    }

    private static long freeHugepagesKib() {
        try {
            String memory = Files.readString(Path.of("/proc/meminfo"));
            return number(memory, "HugePages_Free:\\s+(\\d+)") * number(memory, "Hugepagesize:\\s+(\\d+)");
        } catch (IOException e) {
            return 0;
        }
    }

    private static long number(String text, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    /** Runs commands, one a line, on the store in a file; gives what was printed. Fails when one did. */
    String run(Path store, int blockSize, List<String> commands) throws IOException, InterruptedException {
        StringBuilder printed = new StringBuilder();
        for (int at = 0; at < commands.size(); at += LINES) {
            printed.append(runSome(store, blockSize, commands.subList(at, Math.min(at + LINES, commands.size()))));
        }
        return printed.toString();
    }

    private String runSome(Path store, int blockSize, List<String> commands) throws IOException, InterruptedException {
        Path configuration = folder.resolve("blobcli.json");
        Files.writeString(
                configuration,
                """
                {"subsystems": [{"subsystem": "bdev", "config": [
                  {"method": "bdev_aio_create", "params": {"name": "store", "filename": "%s", "block_size": %d}},
                  {"method": "bdev_wait_for_examine"}]}]}
                """
                        .formatted(store, blockSize));
        Path script = Files.write(folder.resolve("blobcli.script"), commands);
        Path output = folder.resolve("blobcli.out");
        Process process =
                new ProcessBuilder(
                                program.toString(),
                                "-j",
                                configuration.toString(),
                                "-b",
                                "store",
                                "-T",
                                script.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String printed = new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
        if (!ended || process.exitValue() != 0 || printed.contains("(err ") || printed.contains("ERROR")) {
            throw new AssertionError(
                    "blobcli "
                            + (ended ? "ended with " + process.exitValue() : "hung")
                            + ": "
                            + printed.substring(Math.max(0, printed.length() - 4000)));
        }
        return printed;
    }
}
