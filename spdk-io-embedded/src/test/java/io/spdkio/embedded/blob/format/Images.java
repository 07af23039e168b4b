package io.spdkio.embedded.blob.format;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Stores in memory. */
public final class Images {
    private Images() {}

    /** Reads from an image. */
    public static PageSource source(MemorySegment image) {
        return (offset, into) -> {
            MemorySegment.copy(image, offset, into, 0, into.byteSize());
            return Async.done();
        };
    }

    /** What is wrong with the store in an image. */
    public static List<String> check(MemorySegment image) {
        return StoreChecker.check(
                        source(image), image.byteSize(), size -> MemorySegment.ofArray(new byte[Math.toIntExact(size)]))
                .join();
    }
}
