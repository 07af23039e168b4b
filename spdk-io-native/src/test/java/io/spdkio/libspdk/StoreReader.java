package io.spdkio.libspdk;

import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.PageSource;
import io.spdkio.embedded.blob.format.StoreChecker;
import io.spdkio.embedded.blob.format.StoreScan;
import io.spdkio.embedded.blob.format.SuperBlock;
import io.spdkio.tck.SparseDisk;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Reads images as the other engine does, which knows nothing of how SPDK writes. */
public final class StoreReader {
    private StoreReader() {}

    private static PageSource source(MemorySegment image) {
        return (offset, into) -> {
            MemorySegment.copy(image, offset, into, 0, into.byteSize());
            return Async.done();
        };
    }

    private static MemorySegment memory(long size) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(size)]);
    }

    /** What is wrong with the store. */
    public static List<String> check(MemorySegment image) {
        return check(source(image), image.byteSize());
    }

    /** The same, on a disk. */
    static List<String> check(SparseDisk disk) {
        return check(
                (offset, into) -> {
                    disk.read(offset, into);
                    return Async.done();
                },
                disk.sizeBytes());
    }

    private static List<String> check(PageSource source, long sizeBytes) {
        return StoreChecker.check(source, sizeBytes, StoreReader::memory).join();
    }

    /** Which cluster of the store each of a blob's is. */
    public static List<Long> clusters(MemorySegment image, long blob) {
        SuperBlock superBlock = SuperBlock.decode(image.asSlice(0, SuperBlock.SIZE_BYTES), image.byteSize());
        List<Long> clusters = new ArrayList<>();
        StoreScan scan =
                new StoreScan(
                        superBlock,
                        source(image),
                        StoreReader::memory,
                        null,
                        true,
                        problem -> {
                            throw problem;
                        });
        scan.visit(met -> {
            if (met.id == blob) {
                ClusterMap map = met.clusters;
                for (long i = 0; i < map.count(); i++) {
                    clusters.add(Integer.toUnsignedLong(map.get(i)));
                }
            }
        });
        scan.run().join();
        return clusters;
    }
}
