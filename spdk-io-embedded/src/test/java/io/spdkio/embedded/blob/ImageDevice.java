package io.spdkio.embedded.blob;

import io.spdkio.IoStatus;
import io.spdkio.bdev.BdevIo;
import io.spdkio.tck.ImmediateBackend;

import java.lang.foreign.MemorySegment;

/** A device on memory of the test's own. */
final class ImageDevice extends ImmediateBackend {
    private final MemorySegment image;

    ImageDevice(MemorySegment image, int blockSize) {
        super("Image", image.byteSize(), blockSize);
        this.image = image;
    }

    @Override
    protected int serve(BdevIo io) {
        switch (io.type()) {
            case READ -> io.copyFrom(image, io.offsetBytes());
            case WRITE -> io.copyTo(image, io.offsetBytes());
            case UNMAP, WRITE_ZEROES -> image.asSlice(io.offsetBytes(), io.lengthBytes()).fill((byte) 0);
            default -> {
                // Memory is as durable as it gets.
            }
        }
        return IoStatus.SUCCESS;
    }
}
