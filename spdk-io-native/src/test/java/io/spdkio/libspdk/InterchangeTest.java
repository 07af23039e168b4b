package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.tck.SparseDisk;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What one engine writes, the other one reads, changes and gives back; contents, attributes and flags of every blob are
 * compared. Every feature in every combination of block size, cluster size, kind of map and end, and with larger
 * metadata pages, on sparse disks in memory.
 */
@RequiresSpdk
@Timeout(60)
class InterchangeTest {
    private static final long MIB = 1 << 20;
    private static final int CLUSTERS = 300;
    private static final int PAGE_BYTES = 4096;

    /** One row of the matrix. */
    record Shape(String writer, int blockSize, long clusterBytes, int pageBytes, boolean table, End end) {
        String reader() {
            return writer.equals("native") ? "embedded" : "native";
        }
    }

    /** Clusters of 3 MiB are no power of two. */
    static List<Shape> shapes() {
        List<Shape> shapes = new ArrayList<>();
        for (String writer : List.of("embedded", "native")) {
            for (int blockSize : List.of(512, 4096)) {
                for (long clusterBytes : List.of(MIB, 3 * MIB, 4 * MIB, 64 * MIB)) {
                    addShapes(shapes, writer, blockSize, clusterBytes, PAGE_BYTES);
                }
                addShapes(shapes, writer, blockSize, MIB, 8192);
                addShapes(shapes, writer, blockSize, MIB, 65536);
                addShapes(shapes, writer, blockSize, 3 * MIB, 3 * PAGE_BYTES);
            }
        }
        return shapes;
    }

    private static void addShapes(List<Shape> to, String writer, int blockSize, long clusterBytes, int pageBytes) {
        for (boolean table : List.of(true, false)) {
            for (End end : End.values()) {
                to.add(new Shape(writer, blockSize, clusterBytes, pageBytes, table, end));
            }
        }
    }

    /** A store of a shape, on a disk that both engines get in turn. */
    private record Exchange(Shape shape, SparseDisk disk) {
        private List<String> by(String engine, Optional<BlobstoreOptions> init, Function<StoreScript, ?> body) {
            CustomBdev device = CustomBdev.of("store", disk.device(shape.blockSize));
            List<String> holds = StoreScript.with(engine, device, init, shape.end, body);
            assertThat(StoreReader.check(disk)).as("after %s", engine).isEmpty();
            return holds;
        }

        List<String> by(String engine, Function<StoreScript, ?> body) {
            return by(engine, Optional.empty(), body);
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void whatOneWritesTheOtherReadsChangesAndGivesBack(Shape shape) {
        Exchange store = new Exchange(shape, new SparseDisk(CLUSTERS * shape.clusterBytes + 16 * MIB));
        BlobstoreOptions options =
                BlobstoreOptions.defaults()
                        .withClusterSize(shape.clusterBytes)
                        .withMetadataPages(1000)
                        .withMetadataPageSize(shape.pageBytes)
                        .withType("exchange");
        List<String> written =
                store.by(
                        shape.writer,
                        Optional.of(options),
                        script -> {
                            script.everything(shape.table);
                            return script.many(250);
                        });
        assertThat(written).hasSizeGreaterThan(270);
        assertSame(written, store.by(shape.reader(), StoreScript::nothing));
        List<String> changed = store.by(shape.reader(), StoreScript::goOn);
        assertThat(changed.size()).isGreaterThan(written.size());
        assertSame(changed, store.by(shape.writer, StoreScript::nothing));
        List<String> again = store.by(shape.writer, StoreScript::goOn);
        assertThat(again.size()).isGreaterThan(changed.size());
        assertSame(again, store.by(shape.reader(), StoreScript::nothing));
    }

    /** A store as it is made and unloaded, with two simple blobs in it. */
    @ParameterizedTest
    @MethodSource("sizes")
    void bothWriteTheSameBytes(int blockSize, int pageBytes) {
        BlobstoreOptions options =
                BlobstoreOptions.defaults()
                        .withClusterSize(3 * MIB)
                        .withMetadataPageSize(pageBytes)
                        .withType("exchange");
        List<MemorySegment> images = new ArrayList<>();
        for (String engine : List.of("embedded", "native")) {
            SparseDisk disk = new SparseDisk(100 * MIB + 8 * PAGE_BYTES);
            CustomBdev device = CustomBdev.of("store", disk.device(blockSize));
            var _ = StoreScript.with(engine, device, Optional.of(options), End.CLEAN, script -> script.many(2));
            MemorySegment image = MemorySegment.ofArray(new byte[Math.toIntExact(disk.sizeBytes())]);
            disk.read(0, image);
            images.add(image);
        }
        assertThat(images.getFirst().mismatch(images.getLast())).isEqualTo(-1);
    }

    static List<Arguments> sizes() {
        List<Arguments> sizes = new ArrayList<>();
        for (int blockSize : List.of(512, 1024, 2048, 4096)) {
            for (int pageBytes : List.of(4096, 8192, 12288, 65536)) {
                sizes.add(Arguments.of(blockSize, pageBytes));
            }
        }
        return sizes;
    }

    /** Of hundreds of lines only those that differ are of interest. */
    private static void assertSame(List<String> left, List<String> found) {
        List<String> missing = new ArrayList<>(left);
        missing.removeAll(found);
        List<String> other = new ArrayList<>(found);
        other.removeAll(left);
        assertThat(other).as("lines that are not those that were left").isEqualTo(missing);
        assertThat(found).hasSameSizeAs(left);
    }
}
