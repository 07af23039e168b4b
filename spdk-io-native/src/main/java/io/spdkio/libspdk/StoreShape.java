package io.spdkio.libspdk;

import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** What a store is for as long as it is loaded: its type and its units. */
record StoreShape(String type, long clusterSizeBytes, int pageSizeBytes, int ioUnitSizeBytes) {
    private static final int SUPER_TYPE_AT = 56;
    private static final int TYPE_BYTES = BlobH.SPDK_BLOBSTORE_TYPE_LENGTH;

    /**
     * Of a store that has been loaded or made.
     *
     * @param bs a struct spdk_blob_store
     */
    static StoreShape of(MemorySegment bs, StoreDevice device) {
        String type;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment tag = BlobH.spdk_bs_get_bstype(arena, bs);
            type = unpadded(tag.asSlice(0, TYPE_BYTES).toArray(ValueLayout.JAVA_BYTE), 0);
        }
        return new StoreShape(
                // A store that was loaded as of any type says that it has none.
                type.isEmpty() ? typeOn(device, "") : type,
                BlobH.spdk_bs_get_cluster_size(bs),
                (int) BlobH.spdk_bs_get_page_size(bs),
                (int) BlobH.spdk_bs_get_io_unit_size(bs));
    }

    /** The type in the super block on a device, if there is one. */
    static String typeOn(StoreDevice device, String otherwise) {
        return device.superBlock().map(bytes -> unpadded(bytes, SUPER_TYPE_AT)).orElse(otherwise);
    }

    private static String unpadded(byte[] bytes, int at) {
        String padded = new String(bytes, at, TYPE_BYTES, StandardCharsets.ISO_8859_1);
        int end = padded.indexOf('\0');
        return end < 0 ? padded : padded.substring(0, end);
    }
}
