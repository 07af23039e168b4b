package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A copy of what was built, with a space in its path and no sources, and the launcher that runs it. */
abstract class LauncherCopy {
    private static final Path MODULE = Path.of("").toAbsolutePath();

    @TempDir protected Path folder;
    protected Path root;
    protected Path launcher;

    @BeforeEach
    void copyWhatWasBuilt() throws IOException {
        assumeThat(Path.of("/bin/sh")).as("a system with a shell").exists();
        Path lib = MODULE.resolve("target/dist/lib");
        assertThat(lib).as("what the package phase makes").isDirectory();
        root = Files.createDirectories(folder.resolve("a folder"));
        launcher = root.resolve("spdk-io");
        Files.copy(MODULE.resolveSibling("spdk-io"), launcher, StandardCopyOption.COPY_ATTRIBUTES);
        Path copy = Files.createDirectories(root.resolve("spdk-io-cli/target/dist/lib"));
        try (Stream<Path> jars = Files.list(lib)) {
            for (Path jar : jars.toList()) {
                Files.copy(jar, copy.resolve(jar.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    final Ran run(Map<String, String> environment, Path workingFolder, Path command, String... args)
            throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(command.toString()));
        line.addAll(List.of(args));
        Path out = folder.resolve("out.txt");
        Path err = folder.resolve("err.txt");
        ProcessBuilder builder =
                new ProcessBuilder(line)
                        .directory(workingFolder.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile());
        builder.environment().put("SPDKIO_JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("SPDKIO_AOT", "never");
        // The same on every machine, unless a test names the engine.
        builder.environment().put("SPDKIO_JAVA_OPTS", "-Dspdkio.engine=embedded");
        builder.environment().putAll(environment);
        int code = builder.start().waitFor();
        return new Ran(code, Files.readString(out), Files.readString(err));
    }

    final Ran run(String... args) throws IOException, InterruptedException {
        return run(Map.of(), folder, launcher, args);
    }
}
