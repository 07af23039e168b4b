package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * A bdev as blobstore wants it (struct spdk_bs_dev). Other than SPDK's own it flushes metadata where the bdev flushes,
 * its I/O can be aborted ({@link BdevRing#BLOB_ABORT}), and it can be {@linkplain #cutOff cut off} from the bdev.
 *
 * <p>Who opened it calls {@link #release} once; blobstore destroys its own part.
 */
public final class StoreDevice {
    private static final long SUPER_BYTES = 4096;

    private static final VarHandle LOST = ValueLayout.JAVA_INT.varHandle();
    private static final VarHandle BOTH = ValueLayout.JAVA_LONG.varHandle();

    private final MemorySegment store;
    private final MemorySegment lost;

    private StoreDevice(MemorySegment store) {
        this.store = store;
        this.lost = Bridge.storeLost(store);
    }

    /**
     * Opens a bdev. On the OS thread that carries SPDK's app thread.
     *
     * @param name the bdev
     * @param writable whether to write, which claims it
     * @param module the struct spdk_bdev_module that claims
     * @param onEvent the function that is told of events, with a null pointer
     * @param result receives 0 or {@code -errno}
     * @return the device, or empty
     */
    public static Optional<StoreDevice> open(
            String name, boolean writable, MemorySegment module, MemorySegment onEvent, int[] result) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rc = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment store = Bridge.storeOpen(arena.allocateFrom(name), writable, module, onEvent, rc);
            result[0] = rc.get(ValueLayout.JAVA_INT, 0);
            return store.address() == 0
                    ? Optional.empty()
                    : Optional.of(new StoreDevice(MemorySegment.ofAddress(store.address())));
        }
    }

    /**
     * What blobstore takes.
     *
     * @return the struct spdk_bs_dev
     */
    public MemorySegment bsDev() {
        return store;
    }

    /** Gives up this object's part. It is not used again. Any thread. */
    public void release() {
        Bridge.storeRelease(store);
    }

    /** Closes it when it was never given to blobstore. On an SPDK thread. */
    public void discard() {
        Bridge.storeDiscard(store);
    }

    /**
     * Whether blobstore has destroyed it and the bdev is free again. Any thread.
     *
     * @return true if so
     */
    public boolean isClosed() {
        return Bridge.storeIsClosed(store);
    }

    /** Takes the bdev's size again. On the store's thread. */
    public void resize() {
        Bridge.storeResize(store);
    }

    /**
     * Makes durable what was written before, where the bdev flushes. On the store's thread, as the SPDK thread.
     *
     * @param done called with the argument and 0 or {@code -errno}
     * @param argument the callback's
     */
    public void flush(MemorySegment done, MemorySegment argument) {
        Bridge.storeFlush(store, done, argument);
    }

    /**
     * Reads blocks that blobstore does not use just now, or does not know of yet. On the store's thread, as the SPDK
     * thread.
     *
     * @param buffer memory that devices can reach
     * @param firstBlock the first
     * @param blocks how many
     * @param done called with the argument and 0 or {@code -errno}
     * @param argument the callback's
     */
    public void read(MemorySegment buffer, long firstBlock, long blocks, MemorySegment done, MemorySegment argument) {
        Bridge.storeTransfer(store, false, buffer, firstBlock, blocks, done, argument);
    }

    /**
     * Writes blocks that blobstore does not use just now, or does not know of yet, and flushes where the bdev does. On
     * the store's thread, as the SPDK thread.
     *
     * @param buffer memory that devices can reach
     * @param firstBlock the first
     * @param blocks how many
     * @param done called with the argument and 0 or {@code -errno}
     * @param argument the callback's
     */
    public void write(MemorySegment buffer, long firstBlock, long blocks, MemorySegment done, MemorySegment argument) {
        Bridge.storeTransfer(store, true, buffer, firstBlock, blocks, done, argument);
    }

    /**
     * How many writes of metadata did not take place. After the first that fails there are none any more, though they
     * seem to succeed and are kept in memory: what is on the device stays as it is, for the next load. Any thread;
     * cheap.
     *
     * @return a number of writes
     */
    public int lostWrites() {
        return (int) LOST.getAcquire(lost, 0L);
    }

    /**
     * While it remembers, metadata that is written can be read even when the device fails or is gone. As often on as
     * off. On the store's thread.
     *
     * @param on whether to begin or to end
     */
    public void remember(boolean on) {
        Bridge.storeRemember(store, on);
    }

    /** Begins to lose writes: blobstore takes something for written that is not. On the store's thread. */
    public void fail() {
        Bridge.storeFail(store);
    }

    /**
     * How many metadata pages are free, less those that are kept back. What blobstore has taken and not written yet
     * counts as free. On the store's thread.
     *
     * @param ioTakes whether to leave out what I/O may take for extents in the next moment
     * @return a number of pages; a very large one when nothing is known of them
     */
    public int sparePages(boolean ioTakes) {
        return Bridge.storeSparePages(store, ioTakes);
    }

    /**
     * Whether writes were lost or metadata pages are too few. Any thread; cheaper than to ask for both.
     *
     * @return true if {@link #lostWrites} is not 0 or {@link #isShortOfPages} is true
     */
    public boolean isInTrouble() {
        return (long) BOTH.getAcquire(lost, 0L) != 0;
    }

    /**
     * Whether there are fewer free metadata pages than are kept back. Any thread; cheap.
     *
     * @return true if so
     */
    public boolean isShortOfPages() {
        return (int) LOST.getAcquire(lost, ValueLayout.JAVA_INT.byteSize()) != 0;
    }

    /**
     * Keeps back the pages that I/O of a blob may need for the blob's metadata. On the store's thread.
     *
     * @param id the blob's
     * @param open whether it is open, for who may write it
     * @param addedBytes what is to be written of its metadata more than was written
     */
    public void keepPages(long id, boolean open, int addedBytes) {
        Bridge.storeKeepPages(store, (int) id, open, addedBytes);
    }

    /**
     * How often a blob's metadata were written since it was created or the store loaded. On the store's thread.
     *
     * @param id the blob's
     * @return a number of writes, which wraps around
     */
    public int writesOf(long id) {
        return Bridge.storeWritesOf(store, (int) id);
    }

    /**
     * What is known of a blob's metadata, as they were last read or written. On the store's thread.
     *
     * @param pages how many metadata pages they take; 0 when nothing is known
     * @param bytes what their descriptors take
     * @param userBytes of that, what users' attributes take
     * @param missing how many extent pages, or clusters of a blob without an extent table, are not allocated
     * @param extentTable whether the blob has an extent table
     * @param kept how many pages are kept back for it
     */
    public record BlobPages(int pages, int bytes, int userBytes, int missing, boolean extentTable, int kept) {}

    /**
     * What is known of a blob's metadata. On the store's thread; elsewhere it may be of several moments.
     *
     * @param id the blob's
     * @return what is known
     */
    public BlobPages pagesOf(long id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = arena.allocate(ValueLayout.JAVA_INT, 7);
            Bridge.storePagesOf(store, (int) id, result);
            return new BlobPages(
                    result.getAtIndex(ValueLayout.JAVA_INT, 0),
                    result.getAtIndex(ValueLayout.JAVA_INT, 1),
                    result.getAtIndex(ValueLayout.JAVA_INT, 2),
                    result.getAtIndex(ValueLayout.JAVA_INT, 3),
                    result.getAtIndex(ValueLayout.JAVA_INT, 4) != 0,
                    result.getAtIndex(ValueLayout.JAVA_INT, 5));
        }
    }

    /**
     * Cuts it off for good: nothing is written any more, though writes of metadata seem to succeed, and reads and I/O
     * of blobs fail. Any thread.
     */
    public void cutOff() {
        Bridge.storeCutOff(store);
    }

    /** Aborts what the bdev does for it on the calling SPDK thread. */
    public void abort() {
        Bridge.storeAbort(store);
    }

    /**
     * The super block as it was last read or written.
     *
     * @return a copy of its 4096 bytes, or empty
     */
    public Optional<byte[]> superBlock() {
        MemorySegment there = Bridge.storeSuper(store);
        return there.address() == 0
                ? Optional.empty()
                : Optional.of(Bridge.memory(there.address(), SUPER_BYTES).toArray(ValueLayout.JAVA_BYTE));
    }

    /**
     * Lets blobstore take attributes from a table.
     *
     * @param options a struct spdk_blob_xattr_opts
     * @param xattrs names and values
     * @param arena lives until blobstore has taken them, which is before its function returns
     */
    public static void xattrs(MemorySegment options, Map<String, byte[]> xattrs, Arena arena) {
        int count = xattrs.size();
        MemorySegment names = arena.allocate(ValueLayout.ADDRESS, Math.max(1, count));
        MemorySegment values = arena.allocate(ValueLayout.ADDRESS, Math.max(1, count));
        MemorySegment lengths = arena.allocate(ValueLayout.JAVA_LONG, Math.max(1, count));
        int i = 0;
        for (Map.Entry<String, byte[]> xattr : xattrs.entrySet()) {
            byte[] value = xattr.getValue();
            MemorySegment copy = arena.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, copy, ValueLayout.JAVA_BYTE, 0, value.length);
            names.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(xattr.getKey(), StandardCharsets.UTF_8));
            values.setAtIndex(ValueLayout.ADDRESS, i, copy);
            lengths.setAtIndex(ValueLayout.JAVA_LONG, i, value.length);
            i++;
        }
        MemorySegment table = arena.allocate(32, 8);
        table.set(ValueLayout.JAVA_LONG, 0, count);
        table.set(ValueLayout.ADDRESS, 8, names);
        table.set(ValueLayout.ADDRESS, 16, values);
        table.set(ValueLayout.ADDRESS, 24, lengths);
        Bridge.storeXattrs(options, table);
    }
}
