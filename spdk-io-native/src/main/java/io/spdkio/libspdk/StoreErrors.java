package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.sys.StoreDevice;

import java.util.concurrent.CompletionException;

/** What goes wrong with a store, in words that say what to do. */
final class StoreErrors {
    private final NativeBlobstore store;
    private final NativeBdev bdev;
    private final StoreDevice device;
    private final SpdkLog log;

    StoreErrors(NativeBlobstore store, NativeBdev bdev, StoreDevice device, SpdkLog log) {
        this.store = store;
        this.bdev = bdev;
        this.device = device;
        this.log = log;
    }

    /** Without what a stage wraps it in. */
    static Throwable unwrapped(Throwable problem) {
        return problem instanceof CompletionException ? problem.getCause() : problem;
    }

    // ---- there is no store

    static SpdkException noStore(String what, String reason) {
        return SpdkException.withMessage(
                what
                        + ": there is no blobstore, or its super block is damaged, or it is larger than the device:"
                        + " EILSEQ"
                        + reason,
                -Errno.EILSEQ);
    }

    /** It could not be made or loaded. */
    SpdkException notBegun(String what, int status) {
        if (bdev.isRemoved()) {
            return removed();
        }
        String reason = log.reason();
        return switch (-status) {
            case Errno.ENXIO ->
                    SpdkException.withMessage(
                            what
                                    + " holds a blobstore of type '"
                                    + StoreShape.typeOn(device, "?")
                                    + "': ENXIO. Load it with that type, or with the empty string for any",
                            status);
            case Errno.EILSEQ -> noStore(what, reason);
            case Errno.ENOSPC, Errno.ENOMEM ->
                    SpdkException.withMessage(
                            what
                                    + ": "
                                    + IoStatus.describe(status)
                                    + reason
                                    + ". The device may be too small; make clusters smaller or metadata pages fewer",
                            -Errno.ENOSPC);
            default -> SpdkException.withMessage(what + ": " + IoStatus.describe(status) + reason, status);
        };
    }

    // ---- it takes no more operations

    SpdkException removed() {
        return new SpdkException.NotFound(
                "bdev '" + bdev.name() + "' was removed under its blobstore; unload the store", -Errno.ENODEV);
    }

    /** See {@link NativeBlobstore#hasFailed}. */
    SpdkException failed() {
        return bdev.isRemoved()
                ? removed()
                : SpdkException.withMessage(
                        "metadata of "
                                + store
                                + " could not be written, and it takes no changes any more: EIO. Unload and load it"
                                + log.reason(),
                        -Errno.EIO);
    }

    // ---- an operation

    SpdkException of(String what, int status) {
        if (bdev.isRemoved()) {
            return removed();
        }
        return switch (-status) {
            case Errno.ENOSPC ->
                    SpdkException.withMessage(
                            what + ": ENOSPC. The blobstore is full; delete or shrink blobs, or grow it", status);
            case Errno.EBUSY ->
                    SpdkException.withMessage(
                            what
                                    + ": EBUSY. It is open, has several clones, or another operation on it is under"
                                    + " way; close it or wait",
                            status);
            case Errno.EPERM ->
                    SpdkException.withMessage(
                            what + ": EPERM. It is read-only; make a clone of it and change that", status);
            case Errno.ENOMEM ->
                    SpdkException.withMessage(
                            what
                                    + ": ENOMEM. SPDK has no memory for it, or it does not fit a metadata page, or none"
                                    + " is free; delete blobs or attributes",
                            status);
            default -> SpdkException.withMessage(what + ": " + IoStatus.describe(status) + log.reason(), status);
        };
    }

    SpdkException.NotFound noBlob(long id) {
        return new SpdkException.NotFound(
                "there is no blob 0x%x in %s; list them with Blobstore.blobs".formatted(id, store), -Errno.ENOENT);
    }

    SpdkException noChannel() {
        if (bdev.isRemoved()) {
            return removed();
        }
        return SpdkException.withMessage("no channel to " + store + ": ENOMEM" + log.reason(), -Errno.ENOMEM);
    }
}
