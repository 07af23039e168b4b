package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;

/** A map of what is used, as it lies on the device after a clean unload: a type, a number of bits, and the bits. */
public enum UsedMask {
    /** Metadata pages. */
    PAGES("metadata pages"),
    /** Clusters. */
    CLUSTERS("clusters"),
    /** Metadata pages that are the first of a blob. */
    BLOB_IDS("blob ids");

    static final int LENGTH_AT = 1;
    static final int BITS_AT = 5;

    private final String label;

    UsedMask(String label) {
        this.label = label;
    }

    /** What is used, for a message. */
    String label() {
        return label;
    }

    /** Bytes that a mask takes. */
    static long sizeBytes(long bits) {
        return BITS_AT + ((bits + 7) >>> 3);
    }

    /**
     * The most bits that fit so many bytes.
     *
     * @param bytes how many bytes
     * @return the number of bits
     */
    public static long capacity(long bytes) {
        return (bytes - BITS_AT) * 8;
    }

    @SuppressWarnings("EnumOrdinal") // it is the format's number
    int type() {
        return ordinal();
    }

    /**
     * Writes a mask.
     *
     * @param bits what is used
     * @param to zeroed memory, at least as large as the mask
     */
    public void encode(Bits bits, MemorySegment to) {
        Fields.u8(to, 0, type());
        Fields.u32(to, LENGTH_AT, bits.capacity());
        bits.store(to, BITS_AT);
    }

    /**
     * Reads a mask.
     *
     * @param from the mask's pages
     * @param expectedBits how many there should be
     * @param mayBeLonger whether there may be more, which are left out: a store that was being grown has more clusters
     * @return what is used
     */
    public Bits decode(MemorySegment from, long expectedBits, boolean mayBeLonger) {
        int type = Fields.u8(from, 0);
        long length = Fields.u32(from, LENGTH_AT);
        if (type != type()) {
            throw new CorruptStoreException("the map of used " + label + " has type " + type + " instead of " + type());
        }
        if (length < expectedBits || (length > expectedBits && !mayBeLonger)) {
            throw new CorruptStoreException(
                    "the map of used " + label + " has " + length + " entries instead of " + expectedBits);
        }
        if (sizeBytes(expectedBits) > from.byteSize()) {
            throw new CorruptStoreException("the map of used " + label + " is larger than the space for it");
        }
        return Bits.load(from, BITS_AT, expectedBits);
    }
}
