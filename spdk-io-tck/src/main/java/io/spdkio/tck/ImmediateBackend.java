package io.spdkio.tck;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

/** A device in Java that reads, writes, flushes, unmaps and writes zeroes, and has done so when it is asked. */
public abstract class ImmediateBackend implements BdevBackend {
    private final String productName;
    private final BdevGeometry geometry;

    /**
     * For the subclasses.
     *
     * @param productName what kind of device this is
     * @param sizeBytes its size
     * @param blockSize bytes in a block
     */
    protected ImmediateBackend(String productName, long sizeBytes, int blockSize) {
        this.productName = productName;
        this.geometry = BdevGeometry.of(blockSize, sizeBytes / blockSize);
    }

    /**
     * Does an I/O. Any thread that has a channel, several at once.
     *
     * @param io the I/O, not to be completed
     * @return the status that it ends with
     */
    protected abstract int serve(BdevIo io);

    @Override
    public final String productName() {
        return productName;
    }

    @Override
    public final BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public final boolean supports(IoType type) {
        return switch (type) {
            case READ, WRITE, FLUSH, UNMAP, WRITE_ZEROES -> true;
            default -> false;
        };
    }

    @Override
    public final Channel openChannel(SpdkThread thread) {
        return io -> io.complete(serve(io));
    }
}
