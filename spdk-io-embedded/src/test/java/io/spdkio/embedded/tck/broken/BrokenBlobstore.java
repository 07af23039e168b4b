package io.spdkio.embedded.tck.broken;

import io.spdkio.bdev.IoType;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.ClearMethod;
import io.spdkio.spi.EngineBlob;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoRequest;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A healthy store that does some things wrongly, and so do its blobs. */
final class BrokenBlobstore implements EngineBlobstore {
    private final EngineBlobstore store;
    private final Defect defect;

    BrokenBlobstore(EngineBlobstore store, Defect defect) {
        this.store = store;
        this.defect = defect;
    }

    private static CompletionStage<Void> done() {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<Void> setSuperBlob(OptionalLong id) {
        return defect == Defect.SUPER_BLOB_FORGOTTEN ? done() : store.setSuperBlob(id);
    }

    @Override
    public CompletionStage<OptionalLong> nextBlob(OptionalLong after) {
        CompletionStage<OptionalLong> next = store.nextBlob(after);
        return defect == Defect.CURSOR_SKIPS_BLOBS && after.isPresent()
                ? next.thenCompose(id -> id.isEmpty() ? next : store.nextBlob(id))
                : next;
    }

    @Override
    public CompletionStage<Long> cloneBlob(long id, Map<String, byte[]> xattrs) {
        CompletionStage<Long> clone = store.cloneBlob(id, xattrs);
        return defect == Defect.CLONES_ARE_COPIES
                ? clone.thenCompose(made -> store.inflateBlob(made).thenApply(_ -> made))
                : clone;
    }

    @Override
    public CompletionStage<Long> snapshotBlob(long id, Map<String, byte[]> xattrs) {
        return store.snapshotBlob(id, defect == Defect.SNAPSHOTS_LOSE_ATTRIBUTES ? Map.of() : xattrs);
    }

    @Override
    public CompletionStage<Void> decoupleParent(long id) {
        return defect == Defect.DECOUPLING_INFLATES ? store.inflateBlob(id) : store.decoupleParent(id);
    }

    @Override
    public CompletionStage<? extends EngineBlob> openBlob(long id, ClearMethod clearMethod) {
        return store.openBlob(id, clearMethod).thenApply(Opened::new);
    }

    private final class Opened implements EngineBlob {
        private final EngineBlob blob;

        Opened(EngineBlob blob) {
            this.blob = blob;
        }

        @Override
        public EngineChannel openChannel(EngineThread thread) {
            EngineChannel channel = blob.openChannel(thread);
            return defect != Defect.UNMAP_KEEPS_CLUSTERS
                    ? channel
                    : new EngineChannel() {
                        @Override
                        public void submit(IoRequest io) {
                            if (io.type() == IoType.UNMAP) {
                                io.complete();
                            } else {
                                channel.submit(io);
                            }
                        }

                        @Override
                        public void abort(IoRequest io) {
                            channel.abort(io);
                        }

                        @Override
                        public void close() {
                            channel.close();
                        }
                    };
        }

        @Override
        public CompletionStage<Void> resize(long clusters) {
            return defect == Defect.NEVER_SHRINKS && clusters < blob.clusters() ? done() : blob.resize(clusters);
        }

        @Override
        public void setReadOnly() {
            if (defect != Defect.READ_ONLY_IGNORED) {
                blob.setReadOnly();
            }
        }

        @Override
        public void removeXattr(String name) {
            if (defect != Defect.ATTRIBUTES_STAY) {
                blob.removeXattr(name);
            }
        }

        // ---- the rest as it is

        @Override
        public long id() {
            return blob.id();
        }

        @Override
        public boolean isReadOnly() {
            return blob.isReadOnly();
        }

        @Override
        public boolean isThin() {
            return blob.isThin();
        }

        @Override
        public boolean isSnapshot() {
            return blob.isSnapshot();
        }

        @Override
        public boolean isClone() {
            return blob.isClone();
        }

        @Override
        public long clusters() {
            return blob.clusters();
        }

        @Override
        public long sizeBytes() {
            return blob.sizeBytes();
        }

        @Override
        public long allocatedClusters() {
            return blob.allocatedClusters();
        }

        @Override
        public OptionalLong nextIoUnit(long from, boolean allocated) {
            return blob.nextIoUnit(from, allocated);
        }

        @Override
        public CompletionStage<Void> syncMetadata() {
            return blob.syncMetadata();
        }

        @Override
        public void setXattr(String name, byte[] value) {
            blob.setXattr(name, value);
        }

        @Override
        public Optional<byte[]> xattr(String name) {
            return blob.xattr(name);
        }

        @Override
        public List<String> xattrNames() {
            return blob.xattrNames();
        }

        @Override
        public CompletionStage<Void> close() {
            return blob.close();
        }
    }

    @Override
    public String type() {
        return store.type();
    }

    @Override
    public long clusterSizeBytes() {
        return store.clusterSizeBytes();
    }

    @Override
    public int pageSizeBytes() {
        return store.pageSizeBytes();
    }

    @Override
    public int ioUnitSizeBytes() {
        return store.ioUnitSizeBytes();
    }

    @Override
    public long totalDataClusters() {
        return store.totalDataClusters();
    }

    @Override
    public long freeClusters() {
        return store.freeClusters();
    }

    @Override
    public OptionalLong superBlob() {
        return store.superBlob();
    }

    @Override
    public CompletionStage<Void> grow() {
        return store.grow();
    }

    @Override
    public CompletionStage<Void> unload() {
        return store.unload();
    }

    @Override
    public CompletionStage<Void> destroy() {
        return store.destroy();
    }

    @Override
    public void abandon() {
        store.abandon();
    }

    @Override
    public CompletionStage<Long> createBlob(BlobOptions options) {
        return store.createBlob(options);
    }

    @Override
    public CompletionStage<Void> deleteBlob(long id) {
        return store.deleteBlob(id);
    }

    @Override
    public CompletionStage<Void> inflateBlob(long id) {
        return store.inflateBlob(id);
    }

    @Override
    public List<Long> clones(long id) {
        return store.clones(id);
    }

    @Override
    public OptionalLong parent(long id) {
        return store.parent(id);
    }
}
