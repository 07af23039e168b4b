package io.spdkio.sys;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A block device of SPDK's whose I/O Java does: for SPDK a bdev like any other, which its targets, blobstore and
 * virtual bdevs can use. A request goes to the {@link BdevRing} that is {@linkplain BdevRing#attach attached} to the
 * SPDK thread on which it was made, and from there to a {@link BdevRequests}; a thread without a ring cannot open a
 * channel.
 *
 * <p>SPDK emulates compare, compare-and-write, copy and write-zeroes by reads and writes when the device does not do
 * them, splits what is larger than its limits, and gives a read that came without a buffer one.
 *
 * <p>Raw: all methods belong on the OS thread that carries SPDK's app thread, and none may be called once {@link
 * BdevRequests#gone} has been.
 */
public final class ServedBdev {
    /** What a device is like. Limits of 0 are none. */
    public static final class Options {
        private final String name;
        private final int id;
        private final int blockBytes;
        private final long blockCount;
        private String product = "Java disk";
        private long operations = 1L << BdevRing.READ;
        private int physicalBlockBytes;
        private int alignmentBytes = 1;
        private int boundaryBlocks;
        private boolean splitOnBoundary;
        private int maxRwBlocks;
        private int maxSegments;
        private int maxSegmentBytes;
        private int writeUnitBlocks = 1;
        private int atomicUnitBlocks;
        private boolean writeCache;
        private byte[] uuid = new byte[UUID_BYTES];

        /**
         * A device that only reads.
         *
         * @param name its name, which no other bdev has
         * @param id its number in requests, which no other served device has
         * @param blockBytes the size of a block
         * @param blockCount its size
         */
        public Options(String name, int id, int blockBytes, long blockCount) {
            if (name.isEmpty() || blockBytes <= 0 || blockCount < 0) {
                throw new IllegalArgumentException(
                        "device '" + name + "' of " + blockCount + " blocks of " + blockBytes + " bytes");
            }
            this.name = name;
            this.id = id;
            this.blockBytes = blockBytes;
            this.blockCount = blockCount;
        }

        /**
         * What kind of device it is said to be.
         *
         * @param productName such as {@code Malloc disk}
         * @return this
         */
        public Options product(String productName) {
            product = productName;
            return this;
        }

        /**
         * What the device does itself.
         *
         * @param supported {@link BdevRing}'s constants that {@link BdevRequests#request} names
         * @return this
         */
        public Options operations(int... supported) {
            operations = 0;
            for (int operation : supported) {
                operations |= 1L << operation;
            }
            return this;
        }

        /**
         * The size of a physical block.
         *
         * @param bytes 0 for the size of a block
         * @return this
         */
        public Options physicalBlock(int bytes) {
            physicalBlockBytes = bytes;
            return this;
        }

        /**
         * What buffers are aligned to; SPDK copies others. SPDK then also splits what is larger than its large buffers.
         *
         * @param bytes a power of two
         * @return this
         */
        public Options alignment(int bytes) {
            if (Integer.bitCount(bytes) != 1) {
                throw new IllegalArgumentException("an alignment of " + bytes + " bytes is no power of two");
            }
            alignmentBytes = bytes;
            return this;
        }

        /**
         * Reads and writes should not cross multiples of this.
         *
         * @param blocks 0 for no boundary
         * @param split whether SPDK splits those that do
         * @return this
         */
        public Options boundary(int blocks, boolean split) {
            boundaryBlocks = blocks;
            splitOnBoundary = split && blocks > 0;
            return this;
        }

        /**
         * SPDK splits larger reads and writes.
         *
         * @param rwBlocks the longest, in blocks
         * @param segments the most vectors of one
         * @param segmentBytes the longest vector
         * @return this
         */
        public Options limits(int rwBlocks, int segments, int segmentBytes) {
            maxRwBlocks = rwBlocks;
            maxSegments = segments;
            maxSegmentBytes = segmentBytes;
            return this;
        }

        /**
         * What a write should be a multiple of, and what compare-and-write may be at most.
         *
         * @param writeBlocks number of blocks
         * @param atomicBlocks number of blocks, up to 65535; 0 for {@code writeBlocks}
         * @return this
         */
        public Options units(int writeBlocks, int atomicBlocks) {
            if (atomicBlocks < 0 || atomicBlocks > 65_535) {
                throw new IllegalArgumentException("an atomic unit of " + atomicBlocks + " blocks; at most 65535");
            }
            writeUnitBlocks = writeBlocks;
            atomicUnitBlocks = atomicBlocks;
            return this;
        }

        /**
         * Whether written data may be lost before a flush.
         *
         * @param volatileCache true if so
         * @return this
         */
        public Options writeCache(boolean volatileCache) {
            writeCache = volatileCache;
            return this;
        }

        /**
         * Its UUID; SPDK makes one up otherwise.
         *
         * @param bytes 16, in the order in which they are written
         * @return this
         */
        public Options uuid(byte[] bytes) {
            if (bytes.length != UUID_BYTES) {
                throw new IllegalArgumentException("a UUID has 16 bytes, not " + bytes.length);
            }
            uuid = bytes.clone();
            return this;
        }

        private MemorySegment toC(Arena arena) {
            MemorySegment c = arena.allocate(OPTIONS_BYTES, 8);
            c.set(ADDRESS, 0, arena.allocateFrom(name));
            c.set(ADDRESS, 8, arena.allocateFrom(product));
            c.set(JAVA_LONG, 16, blockCount);
            c.set(JAVA_LONG, 24, operations);
            c.set(JAVA_INT, 32, id);
            c.set(JAVA_INT, 36, blockBytes);
            c.set(JAVA_INT, 40, physicalBlockBytes);
            c.set(JAVA_INT, 44, Integer.numberOfTrailingZeros(alignmentBytes));
            c.set(JAVA_INT, 48, boundaryBlocks);
            c.set(JAVA_INT, 52, splitOnBoundary ? 1 : 0);
            c.set(JAVA_INT, 56, maxRwBlocks);
            c.set(JAVA_INT, 60, maxSegments);
            c.set(JAVA_INT, 64, maxSegmentBytes);
            c.set(JAVA_INT, 68, writeUnitBlocks);
            c.set(JAVA_INT, 72, atomicUnitBlocks);
            c.set(JAVA_INT, 76, writeCache ? 1 : 0);
            MemorySegment.copy(uuid, 0, c, JAVA_BYTE, 80, UUID_BYTES);
            return c;
        }
    }

    private static final int UUID_BYTES = 16;
    private static final long OPTIONS_BYTES = 96;
    private static final int ENODEV = -19;
    private static final int EEXIST = -17;
    private static final int EBUSY = -16;

    private final MemorySegment device;

    private ServedBdev(MemorySegment device) {
        this.device = device;
    }

    /**
     * Registers a device. Modules look for their metadata on every new device: it may be read before this returns.
     *
     * @param options what it is like
     * @return the device
     * @throws NativeException when there is a bdev of that name, or SPDK's app thread has no ring, or SPDK refuses the
     *     device or has no memory for it
     */
    public static ServedBdev register(Options options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment registered = arena.allocate(ADDRESS);
            int rc = Bridge.deviceRegister(options.toC(arena), registered);
            if (rc != 0) {
                throw new NativeException(
                        "cannot register the device "
                                + options.name
                                + ": "
                                + switch (rc) {
                                    case ENODEV -> "attach a ring to SPDK's app thread first";
                                    case EEXIST -> "there is a bdev of that name or UUID";
                                    default -> "SPDK says " + rc + ", and its log says why";
                                });
            }
            return new ServedBdev(registered.get(ADDRESS, 0));
        }
    }

    /**
     * The address of the struct spdk_bdev.
     *
     * @return an address, valid until {@link BdevRequests#gone}
     */
    public long bdev() {
        return Bridge.deviceBdev(device).address();
    }

    /**
     * Begins to unregister the device: whoever has it open is told to close it, and then {@link BdevRequests#destruct}
     * follows. Doing so again before that does nothing.
     */
    public void unregister() {
        Bridge.deviceUnregister(device);
    }

    /**
     * Changes the size, and tells whoever has the device open.
     *
     * @param blockCount the new size
     * @throws NativeException when it is smaller and somebody has the device open
     */
    public void resize(long blockCount) {
        int rc = Bridge.deviceResize(device, blockCount);
        if (rc != 0) {
            throw new NativeException(
                    rc == EBUSY
                            ? "a device cannot shrink while it is open"
                            : "SPDK cannot change the size of the device (" + rc + ")");
        }
    }

    /**
     * Answers {@link BdevRequests#destruct}, once, on the OS thread where it was told. {@link BdevRequests#gone}
     * follows, and this object must not be used any more.
     */
    public void destructed() {
        Bridge.deviceDestructed(device);
    }
}
