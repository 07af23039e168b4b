package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What {@code --html} writes, in a real browser, where there is one. */
class ReportInBrowserIT {
    private static final List<String> BROWSERS =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
    private static final int MINUTES = 3;

    @TempDir private Path folder;

    private static Optional<Path> browser() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator))
                .flatMap(place -> BROWSERS.stream().map(name -> Path.of(place, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    @Test
    void drawsItsPlotsWithoutAnErrorAndWithoutTheNetwork() throws IOException, InterruptedException {
        Path html = folder.resolve("report.html");
        Ran.with("perf", "--bdev", "null:1GiB", "--time", "1", "--warm-up", "0.2", "--html", html.toString())
                .succeeded();

        assertThat(drawn(html).split("<canvas", -1)).as("three plots").hasSize(4);
    }

    @Test
    void drawsTheClustersOfAStoreAndItsFamily() throws IOException, InterruptedException {
        String store = "file:" + folder.resolve("store.img");
        Ran.with("blob", "init", "--bdev", store + "?size=64MiB&create=true").succeeded();
        Ran.with("blob", "create", "--bdev", store, "--size", "5MiB", "--thin", "--name", "a disk").succeeded();
        Ran.with("blob", "snapshot", "--bdev", store, "a disk", "--name", "monday").succeeded();
        Path html = folder.resolve("store.html");
        Ran.with("blob", "show", "--bdev", store, "a disk", "--html", html.toString()).succeeded();

        String page = drawn(html);

        assertThat(page).contains("Each square is a cluster", "free, 63 clusters", "metadata, 1 cluster");
        // The clone stands below its snapshot.
        assertThat(page).containsPattern("monday<small>.*</button><ul><li><button.*a disk<small>");
        assertThat(page).containsPattern("<canvas id=\"store-map\"[^>]*height=\"[1-9]");
    }

    /** The page after its scripts have run without an error. */
    private String drawn(Path html) throws IOException, InterruptedException {
        assumeThat(browser()).as("chromium or chrome on the PATH").isPresent();
        Path page = folder.resolve("page.txt");
        Path log = folder.resolve("log.txt");
        // Not in the test's own folder: the browser's processes may write to it a little longer than the first of them
        // lives.
        Path profile = Files.createTempDirectory(Path.of("target"), "browser").toAbsolutePath();

        Process process =
                new ProcessBuilder(
                                browser().orElseThrow().toString(),
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-quic",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync",
                                "--user-data-dir=" + profile,
                                "--enable-logging=stderr",
                                "--dump-dom",
                                html.toUri().toString())
                        .redirectOutput(page.toFile())
                        .redirectError(log.toFile())
                        .start();
        try {
            assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).as("the browser ended").isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }

        try (Stream<String> lines = Files.lines(log)) {
            assertThat(lines.filter(line -> line.contains("CONSOLE"))).isEmpty();
        }
        return Files.readString(page);
    }
}
