package io.spdkio.embedded.blob;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.lang.foreign.MemorySegment;

/** A device on memory of the test's own. */
final class ImageDevice implements BdevBackend {
    private final MemorySegment image;
    private final BdevGeometry geometry;

    ImageDevice(MemorySegment image, int blockSize) {
        this.image = image;
        this.geometry = BdevGeometry.of(blockSize, image.byteSize() / blockSize);
    }

    @Override
    public String productName() {
        return "Image";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ, WRITE, FLUSH, UNMAP, WRITE_ZEROES -> true;
            default -> false;
        };
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return this::submit;
    }

    private void submit(BdevIo io) {
        switch (io.type()) {
            case READ -> io.copyFrom(image, io.offsetBytes());
            case WRITE -> io.copyTo(image, io.offsetBytes());
            case UNMAP, WRITE_ZEROES -> image.asSlice(io.offsetBytes(), io.lengthBytes()).fill((byte) 0);
            default -> {
                // Memory is as durable as it gets.
            }
        }
        io.complete();
    }
}
