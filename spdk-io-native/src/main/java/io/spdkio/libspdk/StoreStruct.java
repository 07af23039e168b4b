package io.spdkio.libspdk;

import io.spdkio.spi.SpinLock;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.util.function.LongSupplier;

/**
 * A struct spdk_blob_store, which other threads may use until it is gone: that is guarded by the metadata thread's
 * {@link NativeThread#metadataLock}. On that thread, except where a method says otherwise.
 */
final class StoreStruct {
    private final NativeThread thread;
    private final StoreDevice device;
    private MemorySegment pointer = MemorySegment.NULL;

    /** Guarded by the metadata lock. */
    private boolean gone;

    private volatile boolean cutOff;

    StoreStruct(NativeThread thread, StoreDevice device) {
        this.thread = thread;
        this.device = device;
    }

    void made(long address) {
        pointer = MemorySegment.ofAddress(address);
    }

    MemorySegment pointer() {
        return pointer;
    }

    /** Blobstore has freed it, or has not made it in the end. */
    void freed() {
        try (SpinLock _ = thread.metadataLock()) {
            gone = true;
        }
    }

    boolean isGone() {
        return gone;
    }

    /** Reads from the struct, or gives what was read last. Any thread. */
    long read(LongSupplier reader, long last) {
        try (SpinLock _ = thread.metadataLock()) {
            return gone ? last : reader.getAsLong();
        }
    }

    /**
     * Opens a channel of the calling thread. Any thread.
     *
     * @return a null pointer where that can't be
     */
    MemorySegment openChannel(NativeThread on) {
        try (SpinLock _ = thread.metadataLock()) {
            // The thread that it belongs to may be about to end it.
            return gone || cutOff ? MemorySegment.NULL : on.as(() -> BlobH.spdk_bs_alloc_io_channel(pointer));
        }
    }

    /** From now on its device does nothing. Any thread. */
    void cutOff() {
        cutOff = true;
        try (SpinLock _ = thread.metadataLock()) {
            if (!gone) {
                device.cutOff();
            }
        }
    }

    /** Any thread. */
    boolean isCutOff() {
        return cutOff;
    }
}
