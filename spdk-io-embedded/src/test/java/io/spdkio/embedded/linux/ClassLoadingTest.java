package io.spdkio.embedded.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

class ClassLoadingTest {

    @Test
    void everyClassLoadsAndSaysWhyItCannotBeUsedOnAnotherSystem() throws Exception {
        Process java =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dos.name=Mac OS X",
                                "--illegal-native-access=deny",
                                "-cp",
                                System.getProperty("java.class.path"),
                                LoadAll.class.getName())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(java.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(java.waitFor()).as(output).isZero();
        assertThat(output).contains("initialised", "Linux system calls are not available on Mac OS X", "FILE_CHANNEL");
    }

    /** Runs in a JVM of its own. */
    static final class LoadAll {
        private LoadAll() {}

        public static void main(String[] args) throws Exception {
            int classes = 0;
            for (String name : classNames()) {
                Class.forName(name);
                classes++;
            }
            System.out.println(classes + " classes initialised");
            System.out.println(Linux.unavailabilityCause().orElseThrow());
            Optional<String> cause = IoUringSupport.probe().cause();
            if (cause.isEmpty()) {
                throw new AssertionError("io_uring on another system");
            }
            try (var engine = io.spdkio.embedded.file.FileEngine.open()) {
                System.out.println(engine.method() + " because " + engine.fallbackCause().orElseThrow());
            }
        }

        private static List<String> classNames() throws IOException, URISyntaxException {
            Path root = Path.of(Linux.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            try (Stream<Path> files = Files.walk(root)) {
                return files.map(file -> root.relativize(file).toString())
                        .filter(name -> name.startsWith("io/spdkio/embedded/") && name.endsWith(".class"))
                        .filter(name -> !name.contains("Test") && !name.endsWith("package-info.class"))
                        // Nested holders of native handles are there to be initialised later.
                        .filter(name -> !name.contains("$Native") && !name.contains("$Availability"))
                        .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
                        .toList();
            }
        }
    }
}
