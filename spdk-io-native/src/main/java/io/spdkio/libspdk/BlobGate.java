package io.spdkio.libspdk;

import io.spdkio.spi.SpinLock;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/** Where the I/O of a blob waits while blobstore changes the blob, see {@link BlobExclusion}. */
final class BlobGate {
    private final NativeThread metadataThread;
    private final SpinLock lock = new SpinLock();
    private final Set<NativeBlobChannel> channels = new LinkedHashSet<>();

    /** How many operations keep it closed. */
    private int closed;

    BlobGate(NativeThread metadataThread) {
        this.metadataThread = metadataThread;
    }

    /** A new channel; how many operations keep it closed. On the channel's thread. */
    int join(NativeBlobChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.add(channel);
            return closed;
        }
    }

    void leave(NativeBlobChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.remove(channel);
        }
    }

    boolean isUnused() {
        try (SpinLock _ = lock.acquire()) {
            return channels.isEmpty() && closed == 0;
        }
    }

    private List<NativeBlobChannel> change(int by) {
        try (SpinLock _ = lock.acquire()) {
            closed += by;
            return List.copyOf(channels);
        }
    }

    /** Holds back what is submitted from now on; completes on the metadata thread when nothing is under way. */
    CompletableFuture<Void> close() {
        List<NativeBlobChannel> now = change(1);
        CompletableFuture<Void> quiet = new CompletableFuture<>();
        if (now.isEmpty()) {
            quiet.complete(null);
            return quiet;
        }
        AtomicInteger left = new AtomicInteger(now.size());
        Runnable one =
                () -> {
                    if (left.decrementAndGet() == 0) {
                        metadataThread.later(() -> quiet.complete(null));
                    }
                };
        now.forEach(channel -> channel.run(() -> channel.hold(one), one));
        return quiet;
    }

    /** Ends what {@link #close} began. */
    void open() {
        change(-1).forEach(channel -> channel.run(channel::release, () -> {}));
    }
}
