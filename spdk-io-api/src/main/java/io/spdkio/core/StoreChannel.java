package io.spdkio.core;

import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A thread's channel to a store: its ways to the blobs that it has done I/O on. Confined to the thread. */
final class StoreChannel implements SharedChannel {
    private final CoreThread thread;
    private final CoreBlobstore store;
    private final Handles handles = new Handles(this);
    private final Map<CoreBlob, BlobPort> ports = new HashMap<>();

    /** The port that was used last: most threads work on one blob for a while. */
    private BlobPort last;

    private boolean closing;
    private boolean released;

    StoreChannel(CoreThread thread, CoreBlobstore store) {
        this.thread = thread;
        this.store = store;
        store.channelOpened(this);
    }

    /** What a handle leads to; it has to be a channel to this store. */
    static StoreChannel of(IoChannel channel, CoreBlobstore store) {
        SharedChannel shared = SharedChannel.of(channel);
        if (shared instanceof StoreChannel mine && mine.store == store) {
            return mine;
        }
        throw new IllegalArgumentException(
                "the channel leads to "
                        + shared.target()
                        + "; get one to the blob's store with SpdkThread.ioChannel(blob.store())");
    }

    /** The way to a blob, made when it is first asked for. */
    BlobPort port(CoreBlob blob) {
        BlobPort found = last;
        if (found != null && found.blob() == blob) {
            return found;
        }
        thread.checkCurrent("the channel to " + target());
        found = ports.get(blob);
        if (found == null) {
            found = new BlobPort(this, blob);
            ports.put(blob, found);
            if (closing) {
                // Nothing can be submitted; the port is there to say so.
                found.close();
                return found;
            }
        }
        last = found;
        return found;
    }

    void portReleased(BlobPort port) {
        ports.remove(port.blob(), port);
        if (last == port) {
            last = null;
        }
        if (closing && ports.isEmpty()) {
            gone();
        }
    }

    private void gone() {
        if (!released) {
            released = true;
            store.channelReleased(this);
        }
    }

    @Override
    public CoreThread thread() {
        return thread;
    }

    @Override
    public IoDeviceId ioDeviceId() {
        return store.ioDeviceId();
    }

    @Override
    public String target() {
        return store.target();
    }

    @Override
    public Handles handles() {
        return handles;
    }

    @Override
    public int outstanding() {
        int sum = 0;
        for (BlobPort port : ports.values()) {
            sum += port.outstanding();
        }
        return sum;
    }

    @Override
    public void close() {
        closing = true;
        thread.forget(this);
        List.copyOf(ports.values()).forEach(BlobPort::close);
        if (ports.isEmpty()) {
            gone();
        }
    }

    @Override
    public void release() {
        closing = true;
        List.copyOf(ports.values()).forEach(BlobPort::release);
        gone();
    }

    @Override
    public void abandon() {
        closing = true;
        List.copyOf(ports.values()).forEach(port -> port.blob().portReleased(port));
        gone();
    }
}
