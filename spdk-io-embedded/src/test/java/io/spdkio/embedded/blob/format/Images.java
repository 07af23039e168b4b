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
                new StoreScan(
                        superBlock,
                        source(image),
                        Images::memory,
                        null,
                        true,
                        problem -> {
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

    /**
     * Writes what SPDK writes of a blob that it makes smaller before it writes its first page, as far as it comes with
     * a number of writes; and marks the store as loaded.
     */
    public static void halfShrink(MemorySegment image, long blob, long to, int writes) {
        MemorySegment first = image.asSlice(0, SuperBlock.SIZE_BYTES);
        SuperBlock superBlock = SuperBlock.decode(first, image.byteSize());
        superBlock.setClean(false);
        superBlock.encode(first);
        StoreScan scan = new StoreScan(superBlock, source(image), Images::memory, null, true, _ -> {});
        scan.visit(met -> {
            if (met.id == blob) {
                met.clusters.resize(to);
                int piece = Math.max(1, ClusterMap.piecesFor(to)) - 1;
                for (int end = piece + writes; piece < end; piece++) {
                    MemorySegment page =
                            image.asSlice(
                                    (superBlock.mdStart() + met.extentPages[piece]) * superBlock.pageSizeBytes(),
                                    MetadataPage.SIZE_BYTES);
                    extentPage(met, page, piece);
                }
            }
        });
        scan.run().join();
    }

    private static void extentPage(BlobMetadata blob, MemorySegment page, int piece) {
        long begin = (long) piece * ClusterMap.PIECE;
        MetadataPage.begin(page, blob.id, 0);
        Fields.u8(page, MetadataPage.DESCRIPTORS_AT, Descriptor.EXTENT_PAGE);
        long count = Math.clamp(blob.clusters.count() - begin, 0, ClusterMap.PIECE);
        Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 1, 4 + 4 * count);
        Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 5, begin);
        for (int i = 0; i < count; i++) {
            Fields.u32(page, MetadataPage.DESCRIPTORS_AT + 9 + 4L * i, blob.clusters.get(begin + i));
        }
        MetadataPage.seal(page);
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
