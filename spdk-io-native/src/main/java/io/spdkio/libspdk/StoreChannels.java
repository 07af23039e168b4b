package io.spdkio.libspdk;

import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The channels to the blobs of a store, which are of many threads. Any thread. */
final class StoreChannels {
    private final NativeBlobstore store;
    private final StoreStruct bs;
    private final Set<NativeBlobChannel> channels = ConcurrentHashMap.newKeySet();

    StoreChannels(NativeBlobstore store, StoreStruct bs) {
        this.store = store;
        this.bs = bs;
    }

    boolean areNone() {
        return channels.isEmpty();
    }

    /** Whose channels there are. */
    Set<NativeThread> threads() {
        Set<NativeThread> threads = new HashSet<>();
        channels.forEach(channel -> threads.add(channel.thread()));
        return threads;
    }

    /** Opens a channel of the calling thread. */
    NativeBlobChannel open(NativeThread on, NativeBlob blob, BlobGate gate) {
        MemorySegment channel = bs.openChannel(on);
        if (channel.address() == 0) {
            throw store.errors().noChannel();
        }
        NativeBlobChannel opened = new NativeBlobChannel(store, on, blob, channel, gate);
        channels.add(opened);
        try {
            if (store.bdev().device() != null) {
                on.openCustomChannel(store.bdev().device());
            }
        } catch (Throwable e) {
            opened.close();
            throw e;
        }
        on.blobChannelOpened();
        return opened;
    }

    void closed(NativeBlobChannel channel) {
        if (channels.remove(channel)) {
            channel.thread().blobChannelClosed();
        }
    }
}
