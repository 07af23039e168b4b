package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** SPDK's own program reads what the embedded engine wrote, and the other way round. */
@RequiresSpdk
@Timeout(300)
class BlobcliTest {
    @TempDir private Path folder;

    private Path file(long sizeBytes) throws IOException {
        Path file = folder.resolve("store");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sizeBytes);
        }
        return file;
    }

    /**
     * With cluster sizes that are powers of two: v26.01 reads others wrongly when it is not told of them before it
     * loads.
     */
    @ParameterizedTest
    @CsvSource({
        "512, 16384, true, CLEAN",
        "512, 16384, false, UNCLEAN",
        "512, 65536, true, UNCLEAN",
        "4096, 16384, true, UNCLEAN",
        "4096, 16384, false, CLEAN",
        "4096, 65536, false, UNCLEAN"
    })
    void itReadsWhatEmbeddedWrote(int blockSize, long clusterSize, boolean table, End end)
            throws IOException, InterruptedException {
        Blobcli blobcli = Blobcli.findOrSkip(folder);
        Path file = file(100 * clusterSize + (4 << 20));
        Path expected = Files.createDirectory(folder.resolve("expected"));
        BlobstoreOptions options =
                BlobstoreOptions.defaults().withClusterSize(clusterSize).withMetadataPages(512).withType("exchange");
        StoreScript.with(
                "embedded",
                file,
                blockSize,
                Optional.of(options),
                end,
                script -> {
                    script.selfContained(table);
                    return script.export(expected);
                });
        List<String> ids;
        try (Stream<Path> files = Files.list(expected)) {
            ids = files.map(path -> path.getFileName().toString()).sorted().toList();
        }
        assertThat(ids).hasSizeGreaterThan(10);

        Path found = Files.createDirectory(folder.resolve("found"));
        List<String> commands = new ArrayList<>(List.of("-s bs", "-l blobs"));
        for (String id : ids) {
            commands.add("-s " + id);
            commands.add("-d %s %s".formatted(id, found.resolve(id)));
        }
        commands.add("-D");
        String printed = blobcli.run(file, blockSize, commands);

        assertThat(printed.contains("65 78 63 68 61 6e 67 65")).isTrue();
        assertThat(printed.contains("cluster size: " + clusterSize)).isTrue();
        assertThat(printed.contains("Name:größe")).isTrue();
        assertThat(printed.contains("Mismatch")).isFalse();
        for (String id : ids) {
            assertThat(printed.contains("Found blob with ID# " + id)).as(id).isTrue();
            assertThat(found.resolve(id)).as(id).hasSameBinaryContentAs(expected.resolve(id));
        }
    }

    /** What it wrote; see also the images that the embedded engine's tests read. */
    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void embeddedReadsWhatItWrote(int blockSize) throws IOException, InterruptedException {
        Blobcli blobcli = Blobcli.findOrSkip(folder);
        Path file = file(16 << 20);
        blobcli.run(file, blockSize, StoreImages.BLOBCLI);
        List<String> embedded =
                StoreScript.with("embedded", file, blockSize, Optional.empty(), End.CLEAN, StoreScript::nothing);
        assertThat(embedded).hasSize(3);
        Path contents = Files.createDirectory(folder.resolve("contents"));
        StoreScript.with("embedded", file, blockSize, Optional.empty(), End.CLEAN, script -> script.export(contents));
        byte[] filled = new byte[1 << 20];
        Arrays.fill(filled, (byte) 165);
        assertThat(contents.resolve("0x100000000")).hasBinaryContent(filled);
        assertThat(StoreScript.with("native", file, blockSize, Optional.empty(), End.CLEAN, StoreScript::nothing))
                .isEqualTo(embedded);
    }
}
