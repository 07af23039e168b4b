package io.spdkio.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.SpdkEnv;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Every example runs as it stands and prints what it says; the properties name the engine, as a user would. */
abstract class ExamplesTest {
    @TempDir Path folder;

    private final Map<String, String> properties;

    ExamplesTest(Map<String, String> properties) {
        this.properties = properties;
    }

    @BeforeEach
    void nameTheEngine() {
        properties.forEach(System::setProperty);
    }

    @AfterEach
    void forgetTheEngine() {
        properties.keySet().forEach(System::clearProperty);
    }

    @Test
    void theyRunOnTheEngineThatIsNamed() {
        try (SpdkEnv env = SpdkEnv.open()) {
            assertThat(env.engine().name()).isEqualTo(properties.get("spdkio.engine"));
        }
    }

    @Test
    void askSpdkListsTheDeviceItMade() {
        assertThat(printed(() -> AskSpdk.main(new String[0]))).isEqualTo("m0: Malloc disk, 1024 blocks of 4096");
    }

    private static String printed(Runnable program) {
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            program.run();
        } finally {
            System.setOut(before);
        }
        return bytes.toString(StandardCharsets.UTF_8).strip();
    }

    @Test
    void helloStorageReadsBackWhatItWroteAndLeavesItInTheFile() throws Exception {
        Path file = folder.resolve("hello.img");
        assertThat(printed(() -> HelloStorage.main(new String[] {file.toString()}))).isEqualTo("Hello, storage!");
        assertThat(new String(Files.readAllBytes(file), 8192, 15, StandardCharsets.UTF_8)).isEqualTo("Hello, storage!");
    }

    @Test
    void forkedReadersSumUpEveryBlock() {
        assertThat(printed(() -> ForkedReaders.main(new String[0])))
                .isEqualTo("sum of the block numbers: " + 1023 * 1024 / 2);
    }

    @Test
    void queuedCopyCopiesTheWholeDevice() {
        assertThat(printed(() -> QueuedCopy.main(new String[0]))).isEqualTo("copied 64 MiB");
    }

    @Test
    void xorDeviceServesOperationsItDoesNotKnow() {
        assertThat(printed(() -> XorDevice.main(new String[0]))).isEqualTo("read back 1, 2, 3 from a copy on Xor disk");
    }

    @Test
    void helloBlobReadsWhatWasWrittenBeforeAndAfterItsSnapshot() {
        Path file = folder.resolve("hello-blob.img");
        for (int run = 0; run < 2; run++) {
            assertThat(printed(() -> HelloBlob.main(new String[] {file.toString()})).lines())
                    .containsExactly(
                            "now:    Hello, changed blob!", "before: Hello, blob!", "61 of 63 clusters are free");
        }
    }

    @Test
    void theReadmeShowsWhatHelloBlobDoes() throws Exception {
        Path root = Path.of("").toAbsolutePath().getParent();
        String readme = Files.readString(root.resolve("README.md"));
        String section = readme.substring(readme.indexOf("## Blobs"));
        String shown = section.substring(section.indexOf("```java") + "```java".length());
        shown = shown.substring(0, shown.indexOf("```"));
        String source =
                Files.readString(root.resolve("spdk-io-examples/src/main/java/io/spdkio/examples/HelloBlob.java"));

        assertThat(source.replaceAll("\\s+", " ")).contains(shown.strip().replaceAll("\\s+", " "));
    }
}
