package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Stores in memory. */
public final class Images {
    private Images() {}

    /** Reads from an image. */
    public static PageSource source(MemorySegment image) {
        return (offset, into) -> {
            MemorySegment.copy(image, offset, into, 0, into.byteSize());
            return Async.done();
        };
    }

    /** What is wrong with the store in an image. */
    public static List<String> check(MemorySegment image) {
        return StoreChecker.check(source(image), image.byteSize(), Images::memory).join();
    }

    /** Which cluster of the store each of a blob's is. */
    public static List<Long> clusters(MemorySegment image, long blob) {
        SuperBlock superBlock = SuperBlock.decode(image.asSlice(0, SuperBlock.SIZE_BYTES), image.byteSize());
        List<Long> clusters = new ArrayList<>();
        StoreScan scan =
                new StoreScan(superBlock, source(image), Images::memory, null, true, problem -> {
                    throw problem;
                });
        scan.visit(met -> {
            if (met.id == blob) {
                for (long i = 0; i < met.clusters.count(); i++) {
                    clusters.add(Integer.toUnsignedLong(met.clusters.get(i)));
                }
            }
        });
        scan.run().join();
        return clusters;
    }

    private static MemorySegment memory(long size) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(size)]);
    }

    /** What the metadata in an image says. */
    public static List<StoreDump.Line> dump(MemorySegment image) {
        List<StoreDump.Line> lines = new ArrayList<>();
        StoreDump.dump(source(image), image.byteSize(), Images::memory, lines::add).join();
        return lines;
    }
}
