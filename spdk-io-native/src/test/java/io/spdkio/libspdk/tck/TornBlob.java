package io.spdkio.libspdk.tck;

import io.spdkio.embedded.blob.format.Async;
import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.MetadataPage;
import io.spdkio.embedded.blob.format.PageSource;
import io.spdkio.embedded.blob.format.StoreChecker;
import io.spdkio.embedded.blob.format.StoreScan;
import io.spdkio.embedded.blob.format.SuperBlock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Looks at images for what SPDK leaves of a blob that it was making smaller. Before it writes the blob's first page it
 * writes the last extent page that stays anew, in place, with the clusters that stay, and then those behind it, with
 * none. SPDK reads the extent pages that the first page names one after the other, and each has to begin where the one
 * before it ended, and to name a cluster.
 */
final class TornBlob {
    /** In a metadata page, behind the type of its first descriptor: the length, the first cluster, the clusters. */
    private static final int LENGTH_AT = 17;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private TornBlob() {}

    static PageSource source(MemorySegment image) {
        return (offset, into) -> {
            MemorySegment.copy(image, offset, into, 0, into.byteSize());
            return Async.done();
        };
    }

    static MemorySegment memory(long size) {
        return MemorySegment.ofArray(new byte[Math.toIntExact(size)]);
    }

    static List<String> check(MemorySegment image) {
        return StoreChecker.check(source(image), image.byteSize(), TornBlob::memory).join();
    }

    /** Whether an extent page that a blob's first page names is none, or ends before the next one begins. */
    static boolean isOn(MemorySegment image, long blob) {
        SuperBlock superBlock = SuperBlock.decode(image.asSlice(0, SuperBlock.SIZE_BYTES), image.byteSize());
        List<BlobMetadata> found = new ArrayList<>();
        StoreScan scan = new StoreScan(superBlock, source(image), TornBlob::memory, null, false, _ -> {});
        scan.visit(met -> {
            if (met.id == blob) {
                found.add(met);
            }
        });
        scan.run().join();
        return !found.isEmpty() && isTorn(image, superBlock, found.getFirst().extentPages);
    }

    private static boolean isTorn(MemorySegment image, SuperBlock superBlock, int[] table) {
        boolean endsEarly = false;
        for (int number : table) {
            if (number == 0) {
                continue;
            }
            long at = (superBlock.mdStart() + number) * superBlock.pageSizeBytes();
            byte[] page = image.asSlice(at, superBlock.pageSizeBytes()).toArray(ValueLayout.JAVA_BYTE);
            if (endsEarly || !MetadataPage.isValid(page)) {
                return true;
            }
            endsEarly = MemorySegment.ofArray(page).get(INT, LENGTH_AT) / Integer.BYTES - 1 < ClusterMap.PIECE;
        }
        return false;
    }
}
