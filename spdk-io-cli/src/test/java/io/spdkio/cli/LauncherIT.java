package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.Test;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/** The launcher, on a copy of what was built that has a space in its path and no sources. */
class LauncherIT extends LauncherCopy {
    @Test
    void runsFromAnotherFolderWithASpaceInItsPath() throws Exception {
        assertThat(run("--version").succeeded().out()).startsWith("spdk-io ");
    }

    @Test
    void runsThroughSymbolicLinks() throws Exception {
        Path bin = Files.createDirectories(folder.resolve("bin"));
        Path first = Files.createSymbolicLink(bin.resolve("first"), Path.of("../a folder/spdk-io"));
        Path second = Files.createSymbolicLink(folder.resolve("second"), first.toAbsolutePath());

        assertThat(run(Map.of(), bin, second, "--version").succeeded().out()).startsWith("spdk-io ");
    }

    @Test
    void passesTheFlagsThatTheLibraryNeeds() throws Exception {
        Ran ran = run("perf", "--bdev", "malloc:1MiB", "--api", "direct", "--time", "0.2", "--warm-up", "0.1");

        // No warning of the JVM about native access either.
        assertThat(ran.succeeded().out()).contains("IOPS");
    }

    @Test
    void exitCodesComeThrough() throws Exception {
        run("doctor", "--nonsense").endedWith(2, "--nonsense");
        run("bdev", "info", "file:/no/such/file").endedWith(1, "/no/such/file");
    }

    @Test
    void makesTheCacheForFastStartsOnceAndUsesIt() throws Exception {
        Map<String, String> withCache = Map.of("SPDKIO_AOT", "");
        assertThat(run(withCache, folder, launcher, "--version").succeeded().out()).startsWith("spdk-io ");
        Path dist = root.resolve("spdk-io-cli/target/dist");
        try (Stream<Path> files = Files.list(dist)) {
            Path cache = files.filter(f -> f.toString().endsWith(".aot")).findFirst().orElseThrow();
            assertThat(cache).isNotEmptyFile();
            byte[] before = Files.readAllBytes(cache);
            run(withCache, folder, launcher, "--version").succeeded();
            assertThat(cache).hasBinaryContent(before);
            // One that does not fit is passed over without a word.
            Files.write(cache, new byte[100]);
            run(withCache, folder, launcher, "--version").succeeded();
        }
    }

    @Test
    void saysWhatToDoAboutAWrongJdk() throws Exception {
        run(Map.of("SPDKIO_JAVA_HOME", folder.toString()), folder, launcher, "--version")
                .endedWith(1, "SPDKIO_JAVA_HOME", "JDK 25");
    }

    @Test
    void saysWhatToDoWhenItIsNotBuiltAndThereIsNoMaven() throws Exception {
        try (Stream<Path> jars = Files.list(root.resolve("spdk-io-cli/target/dist/lib"))) {
            for (Path jar : jars.toList()) {
                Files.delete(jar);
            }
        }
        Path bin = Files.createDirectories(folder.resolve("bin"));
        run(Map.of("PATH", bin.toString()), folder, launcher, "--version").endedWith(1, "mvn", "Maven");
    }

    @Test
    void runsFromAFolderThatMustNotBeWritten() throws Exception {
        assumeThat(System.getProperty("user.name")).as("permissions do not hold for root").isNotEqualTo("root");
        Path dist = root.resolve("spdk-io-cli/target/dist");
        assertThat(dist.toFile().setWritable(false)).isTrue();
        try {
            run(Map.of("SPDKIO_AOT", ""), folder, launcher, "--version").succeeded();
        } finally {
            assertThat(dist.toFile().setWritable(true)).isTrue();
        }
    }
}
