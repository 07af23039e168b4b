package io.spdkio.embedded.blob;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.ClearMethod;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.blob.format.BlobMetadata;
import io.spdkio.embedded.blob.format.ClusterMap;
import io.spdkio.embedded.blob.format.XattrNames;
import io.spdkio.spi.EngineBlob;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * An open blob. Fields are the metadata thread's; those that channels read on other threads are volatile, or change
 * only while the channels are quiet.
 */
final class EmbeddedBlob implements EngineBlob {
    final EmbeddedBlobstore store;
    final BlobMetadata meta;

    /** The pages of its chain on the device, the first among them; empty when it is not there yet. */
    int[] chain = {};

    /** The clusters of it that are allocated; for channels. */
    volatile ClusterMap clusters;

    /** The snapshot that it is a clone of; for channels, changed while they are quiet. */
    volatile EmbeddedBlob parent;

    /** The device that it is a clone of. */
    volatile BackingDevice backing;

    private volatile long sizeBytes;
    private volatile boolean dataReadOnly;
    private volatile boolean thin;
    private volatile boolean snapshot;

    /** Whether an operation that excludes others is under way. */
    volatile boolean locked;

    /** How many operations rely on the clusters that it has and on its place in its family. */
    int shared;

    /** Whether it is being deleted, and can't be opened any more. */
    boolean deleting;

    boolean mdReadOnly;
    ClearMethod clearMethod;

    /** How often users have it open, and how often clones of it do. */
    int opens;

    int children;

    /** Serialises what is written of its metadata. */
    final AsyncLock writing = new AsyncLock();

    boolean dirty;

    /** Whether extent pages were written in place since the last flush. */
    boolean extentsUnflushed;

    /** What has changed of its map of clusters and is not written; null for nothing. */
    Unwritten unwritten;

    /** Clusters that come and go while it is thin and written to; null before the first. */
    ThinChanges thinChanges;

    private final SpinLock channelsLock = new SpinLock();
    private final List<EmbeddedBlobChannel> channels = new ArrayList<>(0);
    private int frozen;

    EmbeddedBlob(EmbeddedBlobstore store, BlobMetadata meta) {
        this.store = store;
        this.meta = meta;
        this.clearMethod = ClearMethod.DEFAULT;
        publish();
        readOnlyAsSaid();
    }

    /** Shows channels what the metadata says now. */
    void publish() {
        clusters = meta.clusters;
        thin = meta.isThin();
        sizeBytes = meta.clusters.count() * store.clusterSizeBytes();
    }

    void readOnlyAsSaid() {
        dataReadOnly = meta.isDataReadOnly();
        mdReadOnly = meta.isMetadataReadOnly();
    }

    void isSnapshot(boolean has) {
        snapshot = has;
    }

    @Override
    public String toString() {
        return "blob 0x" + Long.toHexString(meta.id) + " on '" + store.device() + "'";
    }

    // ---- what it is

    @Override
    public long id() {
        return meta.id;
    }

    @Override
    public boolean isReadOnly() {
        return dataReadOnly;
    }

    @Override
    public boolean isThin() {
        return thin;
    }

    @Override
    public boolean isSnapshot() {
        return snapshot;
    }

    @Override
    public boolean isClone() {
        return parent != null;
    }

    @Override
    public long clusters() {
        return clusters.count();
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public long allocatedClusters() {
        return clusters.allocated();
    }

    @Override
    public OptionalLong nextIoUnit(long from, boolean allocated) {
        long unitsPerCluster = store.clusterSizeBytes() / store.ioUnitSizeBytes();
        long index = from / unitsPerCluster;
        ClusterMap map = clusters;
        if (index >= map.count()) {
            return OptionalLong.empty();
        }
        long found = allocated ? map.nextAllocated(index) : map.nextUnallocated(index);
        return found < 0 ? OptionalLong.empty() : OptionalLong.of(Math.max(from, found * unitsPerCluster));
    }

    /** Whether reads of what is not allocated have to be looked up elsewhere. */
    boolean hasParent() {
        return parent != null || meta.isExternalClone();
    }

    // ---- channels

    @Override
    public EngineChannel openChannel(EngineThread thread) {
        EmbeddedBlobChannel channel = new EmbeddedBlobChannel(this, (EmbeddedThread) thread);
        try (SpinLock _ = channelsLock.acquire()) {
            channel.startFrozen(frozen);
            channels.add(channel);
        }
        return channel;
    }

    void channelClosed(EmbeddedBlobChannel channel) {
        try (SpinLock _ = channelsLock.acquire()) {
            channels.remove(channel);
        }
    }

    /** Lets I/O wait that comes from now on, on all channels; completes when none is under way. On the md thread. */
    CompletableFuture<Void> freeze() {
        List<EmbeddedBlobChannel> all;
        try (SpinLock _ = channelsLock.acquire()) {
            frozen++;
            all = List.copyOf(channels);
        }
        List<CompletableFuture<Void>> quiet = new ArrayList<>();
        for (EmbeddedBlobChannel channel : all) {
            CompletableFuture<Void> reached = new CompletableFuture<>();
            quiet.add(reached);
            Runnable onMdThread = () -> store.onMdThread(() -> reached.complete(null));
            if (!channel.thread().context().post(() -> channel.freeze(onMdThread))) {
                // Its thread has exited; nothing comes from there any more.
                reached.complete(null);
            }
        }
        return MetadataIo.all(quiet);
    }

    /** The metadata thread has exited: who waits for it is told. */
    void abandon(SpdkException problem) {
        if (thinChanges != null) {
            thinChanges.end(problem);
        }
        List<EmbeddedBlobChannel> all;
        try (SpinLock _ = channelsLock.acquire()) {
            frozen = 0;
            all = List.copyOf(channels);
        }
        all.forEach(channel -> channel.thread().context().post(channel::abandon));
    }

    void unfreeze() {
        List<EmbeddedBlobChannel> all;
        try (SpinLock _ = channelsLock.acquire()) {
            frozen--;
            all = List.copyOf(channels);
        }
        for (EmbeddedBlobChannel channel : all) {
            channel.thread().context().post(channel::unfreeze);
        }
    }

    // ---- metadata

    /** To be changed. */
    Unwritten unwritten() {
        if (unwritten == null) {
            unwritten = new Unwritten();
        }
        return unwritten;
    }

    /** To be changed. */
    ThinChanges thinChanges() {
        if (thinChanges == null) {
            thinChanges = new ThinChanges();
        }
        return thinChanges;
    }

    void requireWritable(String what) {
        if (mdReadOnly) {
            throw new SpdkException.Busy(
                    what + " on " + this + ", which is read-only; make a clone of it and change that", -Errno.EPERM);
        }
    }

    @Override
    public CompletionStage<Void> resize(long count) {
        return store.resize(this, count);
    }

    @Override
    public void setReadOnly() {
        store.checkUsable();
        if ((meta.dataReadOnlyFlags & BlobMetadata.READ_ONLY) == 0) {
            meta.dataReadOnlyFlags |= BlobMetadata.READ_ONLY;
            dirty = true;
        }
    }

    @Override
    public CompletionStage<Void> syncMetadata() {
        return store.sync(this);
    }

    @Override
    public void setXattr(String name, byte[] value) {
        requireWritable("setting an attribute");
        store.checkUsable();
        String key = XattrNames.fromText(name);
        requireFits(key, value);
        meta.xattrs.put(key, value);
        dirty = true;
    }

    static void requireFits(String key, byte[] value) {
        if (key.length() > 0xffff || value.length > 0xffff || !BlobMetadata.xattrFits(key, value.length)) {
            throw new SpdkException.NoMemory(
                    "attribute '%s' with a value of %,d bytes does not fit a metadata page; split it"
                            .formatted(XattrNames.toText(key), value.length),
                    -Errno.ENOMEM);
        }
    }

    private String keyOf(String name) {
        String key = XattrNames.fromText(name);
        return meta.xattrs.containsKey(key) ? key : name;
    }

    @Override
    public Optional<byte[]> xattr(String name) {
        return Optional.ofNullable(meta.xattrs.get(keyOf(name))).map(byte[]::clone);
    }

    @Override
    public List<String> xattrNames() {
        return meta.xattrs.keySet().stream().map(XattrNames::toText).toList();
    }

    @Override
    public void removeXattr(String name) {
        requireWritable("removing an attribute");
        store.checkUsable();
        if (meta.xattrs.remove(keyOf(name)) == null) {
            throw new SpdkException.NotFound("there is no attribute '" + name + "' on " + this, -Errno.ENOENT);
        }
        dirty = true;
    }

    @Override
    public CompletionStage<Void> close() {
        return store.close(this);
    }
}
