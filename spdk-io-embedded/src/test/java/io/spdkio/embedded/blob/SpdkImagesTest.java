package io.spdkio.embedded.blob;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.embedded.blob.format.Images;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;

/**
 * Stores that SPDK v26.01 wrote, one of them with its own program blobcli, are read, and go on, where there is no SPDK.
 * {@code StoreImages} in the tests of spdk-io-native has made them.
 */
@Timeout(120)
class SpdkImagesTest {
    @TempDir private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"clean-512", "unclean-4096", "runs-4096", "many-4096", "blobcli-512"})
    void aStoreThatSpdkWroteIsRead(String name) throws IOException {
        Path file = unpack(name);
        assertThat(check(file)).isEmpty();
        assertThat(with(name, file, End.UNCLEAN, StoreScript::nothing)).isEqualTo(expected(name));
        assertThat(with(name, file, End.CLEAN, StoreScript::nothing)).isEqualTo(expected(name));
        assertThat(check(file)).isEmpty();
        assertThat(with(name, file, End.CLEAN, StoreScript::nothing)).isEqualTo(expected(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"clean-512", "unclean-4096", "runs-4096", "blobcli-512"})
    void aStoreThatSpdkWroteGoesOn(String name) throws IOException {
        Path file = unpack(name);
        List<String> changed = with(name, file, End.CLEAN, StoreScript::goOn);
        assertThat(changed).hasSizeGreaterThan(expected(name).size());
        assertThat(check(file)).isEmpty();
        assertThat(with(name, file, End.CLEAN, StoreScript::nothing)).isEqualTo(changed);
    }

    private Path unpack(String name) throws IOException {
        Path file = folder.resolve(name);
        try (InputStream packed = new GZIPInputStream(resource(name + ".img.gz"))) {
            Files.copy(packed, file);
        }
        return file;
    }

    private static List<String> expected(String name) throws IOException {
        try (InputStream text = resource(name + ".txt")) {
            return new String(text.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    private static List<String> check(Path file) throws IOException {
        return Images.check(MemorySegment.ofArray(Files.readAllBytes(file)));
    }

    private static List<String> with(String name, Path file, End end, Function<StoreScript, ?> body) {
        int blockSize = Integer.parseInt(name.substring(name.indexOf('-') + 1));
        return StoreScript.with("embedded", file, blockSize, Optional.empty(), end, body);
    }

    private static InputStream resource(String name) {
        InputStream resource = SpdkImagesTest.class.getResourceAsStream("/spdk-stores/" + name);
        assertThat(resource).as("%s", name).isNotNull();
        return resource;
    }
}
