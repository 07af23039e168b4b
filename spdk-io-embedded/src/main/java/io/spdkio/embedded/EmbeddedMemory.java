package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.embedded.linux.Linux;
import io.spdkio.embedded.linux.LinuxMemory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Memory for buffers and malloc devices: mapped by the kernel where that can be asked, for large blocks; the JDK's
 * else.
 */
public final class EmbeddedMemory {
    /** Smaller blocks are not worth a mapping of their own. */
    private static final long SMALLEST_MAPPING_BYTES = 256 << 10;

    private static final long PAGE_BYTES = 4096;

    private EmbeddedMemory() {}

    /**
     * Allocates zeroed memory.
     *
     * @param what what it is for, for a message
     * @param sizeBytes how much
     * @param alignmentBytes a power of two
     * @param arena frees it
     * @return the memory
     */
    public static MemorySegment allocate(String what, long sizeBytes, long alignmentBytes, Arena arena) {
        try {
            if (Linux.isAvailable() && sizeBytes >= SMALLEST_MAPPING_BYTES && alignmentBytes <= PAGE_BYTES) {
                refuseMoreThanThereIs(what, sizeBytes);
                LinuxMemory.Huge huge =
                        sizeBytes >= LinuxMemory.HUGE_PAGE_BYTES ? LinuxMemory.Huge.ADVISE : LinuxMemory.Huge.DEFAULT;
                return LinuxMemory.map(sizeBytes, huge, arena);
            }
            return arena.allocate(sizeBytes, alignmentBytes);
        } catch (ErrnoException | OutOfMemoryError e) {
            throw noMemory(what, sizeBytes, e.getMessage());
        }
    }

    private static SpdkException.NoMemory noMemory(String what, long sizeBytes, String why) {
        return new SpdkException.NoMemory(
                "no memory for %s of %,d bytes: %s. Make it smaller".formatted(what, sizeBytes, why), -Errno.ENOMEM);
    }

    /** A mapping is filled only as it is written, and then it would be too late to refuse. */
    private static void refuseMoreThanThereIs(String what, long sizeBytes) {
        long available = availableBytes();
        if (sizeBytes > available) {
            throw noMemory(what, sizeBytes, "the machine has %,d bytes left".formatted(available));
        }
    }

    private static long availableBytes() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("MemAvailable:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(Long.MAX_VALUE);
        } catch (IOException | NumberFormatException e) {
            return Long.MAX_VALUE;
        }
    }
}
