package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What one engine writes, the other one reads, changes and gives back; contents, attributes and flags are compared. */
@RequiresSpdk
@Timeout(300)
class InterchangeTest {
    @TempDir private Path folder;

    private Path file(long sizeBytes) throws IOException {
        Path file = folder.resolve("store");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sizeBytes);
        }
        return file;
    }

    private static String other(String engine) {
        return engine.equals("native") ? "embedded" : "native";
    }

    @ParameterizedTest
    @CsvSource({
        "embedded, 512, 1048576, true, CLEAN",
        "native, 512, 1048576, true, CLEAN",
        "embedded, 4096, 1048576, false, UNCLEAN",
        "native, 4096, 1048576, false, UNCLEAN",
        "embedded, 4096, 65536, true, UNCLEAN",
        "native, 4096, 65536, true, UNCLEAN",
        "embedded, 512, 12288, true, UNCLEAN",
        "native, 512, 12288, true, UNCLEAN",
        "embedded, 4096, 67108864, true, CLEAN",
        "native, 4096, 67108864, true, CLEAN"
    })
    void whatOneWritesTheOtherReadsAndChanges(String writer, int blockSize, long clusterSize, boolean table, End end)
            throws IOException {
        Path file = file(128 * clusterSize + (16 << 20));
        BlobstoreOptions options =
                BlobstoreOptions.defaults().withClusterSize(clusterSize).withMetadataPages(512).withType("exchange");
        String reader = other(writer);
        List<String> written =
                StoreScript.with(
                        writer, file, blockSize, Optional.of(options), end, script -> script.everything(table));
        List<String> read = StoreScript.with(reader, file, blockSize, Optional.empty(), end, StoreScript::nothing);
        assertThat(read).isEqualTo(written);
        List<String> changed = StoreScript.with(reader, file, blockSize, Optional.empty(), end, StoreScript::goOn);
        assertThat(changed).hasSizeGreaterThan(written.size());
        List<String> back = StoreScript.with(writer, file, blockSize, Optional.empty(), end, StoreScript::nothing);
        assertThat(back).isEqualTo(changed);
    }

    @ParameterizedTest
    @CsvSource({"embedded, CLEAN", "native, CLEAN", "embedded, UNCLEAN", "native, UNCLEAN"})
    void hundredsOfBlobs(String writer, End end) throws IOException {
        Path file = file(64 << 20);
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(65_536).withMetadataPages(1000);
        List<String> written =
                StoreScript.with(writer, file, 4096, Optional.of(options), end, script -> script.many(600));
        assertThat(written).hasSize(601);
        assertThat(StoreScript.with(other(writer), file, 4096, Optional.empty(), end, StoreScript::nothing))
                .isEqualTo(written);
    }
}
