package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.EngineBlob;

/** A thread's way to a blob. */
final class BlobPort extends IoPort {
    private final StoreChannel channel;
    private final CoreBlob blob;
    private final EngineBlob engine;

    BlobPort(StoreChannel channel, CoreBlob blob) {
        super(channel.thread(), blob.store().ioUnitSizeBytes());
        this.channel = channel;
        this.blob = blob;
        this.engine = blob.engine();
        blob.portOpened(this);
        try {
            leadTo(engine.openChannel(channel.thread().engineThread()));
        } catch (Throwable e) {
            neverOpened();
            blob.portReleased(this);
            throw e;
        }
    }

    CoreBlob blob() {
        return blob;
    }

    @Override
    String target() {
        return blob.target();
    }

    @Override
    long sizeBytes() {
        return engine.sizeBytes();
    }

    @Override
    void checkOpen() {
        blob.checkOpen();
    }

    @Override
    void checkMode(IoType type) {
        if (type.modifies() && engine.isReadOnly()) {
            throw readOnly(type, target(), "which is read-only; write to a clone of it, see Blobstore.clone");
        }
    }

    @Override
    int refusal(IoType type) {
        return switch (type) {
            case READ, WRITE, UNMAP, WRITE_ZEROES -> 0;
            case FLUSH, RESET, COMPARE, COMPARE_AND_WRITE, COPY, ABORT -> -Errno.EOPNOTSUPP;
        };
    }

    @Override
    SpdkException failure(String what, int status) {
        return switch (-status) {
            case Errno.ENOSPC -> BlobErrors.full(what, blob.store().lastFreeClusters(), 1);
            case Errno.EOPNOTSUPP ->
                    SpdkException.withMessage(
                            what + ": EOPNOTSUPP. Blobs take read, write, writeZeroes and unmap", status);
            default -> SpdkException.of(what, status);
        };
    }

    @Override
    void released() {
        channel.portReleased(this);
        blob.portReleased(this);
    }
}
