package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.ExternalSnapshots;
import io.spdkio.sys.StoreDevice;
import io.spdkio.sys.raw.BlobH;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The devices that blobs are clones of. Blobstore asks for one in the middle of its work, where no code of the program
 * may run: what is not there yet is noted and refused with EAGAIN; then the program is asked for it outside, and the
 * operation is done again. Belongs to the store's metadata thread.
 */
final class ExternalDevices {
    /** What the operation fails with that has to be done again. */
    static final int MISSING = -Errno.EAGAIN;

    private record Request(long blob, ByteBuffer identity) {}

    private final ExternalSnapshots finder;
    private final Function<String, NativeBdev> bdevs;
    private final Function<NativeBdev, StoreDevice> opener;
    private final List<Request> requests = new ArrayList<>();
    private final Map<ByteBuffer, Deque<Optional<StoreDevice>>> ready = new HashMap<>();

    /** While a store is loaded its blobs are looked at without their devices. */
    private boolean loading = true;

    private boolean wereFound;

    ExternalDevices(
            ExternalSnapshots finder, Function<String, NativeBdev> bdevs, Function<NativeBdev, StoreDevice> opener) {
        this.finder = finder;
        this.bdevs = bdevs;
        this.opener = opener;
    }

    void loaded() {
        loading = false;
    }

    /** Called from C: gives a device if one is ready. */
    int give(MemorySegment blob, MemorySegment id, int idLength, MemorySegment device) {
        MemorySegment to = Memory.at(device.address(), ValueLayout.ADDRESS.byteSize());
        to.set(ValueLayout.ADDRESS, 0, MemorySegment.NULL);
        if (loading) {
            return 0;
        }
        ByteBuffer identity = ByteBuffer.wrap(Memory.at(id.address(), idLength).toArray(ValueLayout.JAVA_BYTE));
        Deque<Optional<StoreDevice>> there = ready.get(identity);
        if (there == null || there.isEmpty()) {
            requests.add(new Request(BlobH.spdk_blob_get_id(blob), identity));
            return MISSING;
        }
        there.removeFirst()
                .ifPresent(given -> {
                    to.set(ValueLayout.ADDRESS, 0, given.bsDev());
                    given.release();
                });
        return 0;
    }

    /** Whether something was missing. */
    boolean areMissing() {
        return !requests.isEmpty();
    }

    /**
     * Asks the program for what was missing and opens it.
     *
     * @param needed whether a blob may not do without; it can be deleted without
     */
    void find(boolean needed) {
        List<Request> missing = List.copyOf(requests);
        requests.clear();
        for (Request request : missing) {
            Optional<StoreDevice> device = open(request, needed);
            ready.computeIfAbsent(request.identity(), _ -> new ArrayDeque<>()).addLast(device);
        }
        wereFound = true;
    }

    /** Whether some may be among what the store's blobs read from. */
    boolean mayBeInUse() {
        return wereFound;
    }

    private Optional<StoreDevice> open(Request request, boolean needed) {
        Optional<String> name = finder.bdevOf(new BlobId(request.blob()), request.identity().array().clone());
        if (name.isEmpty()) {
            if (needed) {
                throw new SpdkException.Unsupported(
                        "blob 0x%x is a clone of another device, which was not found; load the store with"
                                        .formatted(request.blob())
                                + " BlobstoreOptions.withExternalSnapshots",
                        -Errno.EOPNOTSUPP);
            }
            return Optional.empty();
        }
        return Optional.of(opener.apply(bdevs.apply(name.get())));
    }

    /** Closes what no blob has taken. */
    void discardLeft(NativeThread thread) {
        requests.clear();
        ready.values()
                .forEach(devices ->
                        devices.forEach(device ->
                                device.ifPresent(left -> {
                                    thread.as(() -> {
                                        left.discard();
                                        return null;
                                    });
                                    left.release();
                                })));
        ready.clear();
    }
}
