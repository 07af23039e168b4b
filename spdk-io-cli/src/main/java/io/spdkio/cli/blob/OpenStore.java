package io.spdkio.cli.blob;

import io.spdkio.IoChannel;
import io.spdkio.bdev.IoType;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.cli.CliException;
import io.spdkio.embedded.blob.format.Printable;
import io.spdkio.embedded.blob.format.SuperBlock;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A loaded store. Closing it unloads it. */
final class OpenStore implements AutoCloseable {
    /** The attribute that holds a blob's name. */
    static final String NAME = "name";

    private static final Pattern ID = Pattern.compile("0[xX][0-9a-fA-F]{1,16}");
    private static final int IDS_IN_MESSAGE = 5;

    private final Device device;
    private final Blobstore store;
    private final boolean wasClean;
    private IoChannel channel;

    private OpenStore(Device device, Blobstore store, boolean wasClean) {
        this.device = device;
        this.store = store;
        this.wasClean = wasClean;
    }

    /** Loads the store on a device, of whatever type. */
    static OpenStore load(Device device) {
        return load(device, BlobstoreOptions.defaults());
    }

    /** Loads the store on a device. */
    static OpenStore load(Device device, BlobstoreOptions options) {
        device.requireStore();
        if (!device.bdev().supports(IoType.WRITE)) {
            throw CliException.failed(
                    device.spec()
                            + " can only be read, and a store is written when it is loaded; spdk-io blob check and"
                            + " dump only read");
        }
        Optional<SuperBlock> before = device.superBlock();
        Blobstore store =
                device.env().blobstores().load(device.bdev(), options.withExternalSnapshots(device.externals())).join();
        boolean clean = before.filter(block -> block.isClean() && block.hasBlobIdMask()).isPresent();
        return new OpenStore(device, store, clean && !options.forceRecovery());
    }

    /** Makes a new store. */
    static OpenStore init(Device device, BlobstoreOptions options) {
        return new OpenStore(device, device.env().blobstores().init(device.bdev(), options).join(), true);
    }

    Device device() {
        return device;
    }

    Blobstore store() {
        return store;
    }

    /** Whether it had been unloaded before, so that nothing had to be recovered. */
    boolean wasClean() {
        return wasClean;
    }

    /** The way for blob I/O. */
    IoChannel channel() {
        if (channel == null) {
            channel = device.thread().ioChannel(store);
        }
        return channel;
    }

    /** All blobs. */
    List<BlobId> ids() {
        List<BlobId> ids = new ArrayList<>();
        BlobCursor cursor = store.blobs();
        for (Optional<BlobId> next = cursor.next().join(); next.isPresent(); next = cursor.next().join()) {
            ids.add(next.get());
        }
        return ids;
    }

    /** Opens a blob that the user named by its id or its name. */
    Blob open(String text) {
        return store.open(find(text)).join();
    }

    /** Finds a blob that the user named by its id or its name. */
    BlobId find(String text) {
        if (ID.matcher(text).matches()) {
            return new BlobId(Long.parseUnsignedLong(text.substring(2), 16));
        }
        List<BlobId> named = named(text);
        if (named.isEmpty()) {
            throw CliException.failed(
                    "there is no blob named '%s' on %s; spdk-io blob ls lists those that there are"
                            .formatted(text, device.spec()));
        }
        if (named.size() > 1) {
            throw CliException.failed(
                    "%,d blobs are named '%s': %s%s; give the id"
                            .formatted(
                                    named.size(),
                                    text,
                                    named.stream()
                                            .limit(IDS_IN_MESSAGE)
                                            .map(BlobId::toString)
                                            .collect(Collectors.joining(", ")),
                                    named.size() > IDS_IN_MESSAGE ? " and more" : ""));
        }
        return named.getFirst();
    }

    /** The blobs with a name. */
    List<BlobId> named(String name) {
        return ids().stream().filter(id -> BlobInfo.nameOf(this, id).filter(name::equals).isPresent()).toList();
    }

    /** Refuses a name that could not be used to find the blob. */
    void requireFree(String name) {
        if (name == null) {
            return;
        }
        if (name.isEmpty() || ID.matcher(name).matches() || Printable.text(NewBlob.bytes(name)).isEmpty()) {
            throw CliException.usage(
                    "--name '%s' is no name: it is empty, looks like an id, or has control characters"
                            .formatted(Printable.harmless(name)));
        }
        List<BlobId> taken = named(name);
        if (!taken.isEmpty()) {
            throw CliException.failed(
                    "blob %s is named '%s' already; choose another --name".formatted(taken.getFirst(), name));
        }
    }

    /** How many clusters so many bytes need. */
    long clustersFor(long bytes) {
        return Math.ceilDiv(bytes, store.clusterSizeBytes());
    }

    @Override
    public void close() {
        store.close();
    }
}
