package io.spdkio.embedded.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Anonymous memory straight from the kernel: zero without being written, backed by pages only where it was touched.
 *
 * <p>All methods may be called from any thread.
 */
public final class LinuxMemory {

    /** The size of a huge page with {@link Huge#ADVISE}; such mappings start at a multiple of it. */
    public static final long HUGE_PAGE_BYTES = 2L << 20;

    /** {@link #lockedLimitBytes()} when there is none. */
    public static final long UNLIMITED = Long.MAX_VALUE;

    /** Whether the kernel is asked for transparent huge pages, which it may always refuse. */
    public enum Huge {
        /** Leave it to the system's setting. */
        DEFAULT,
        /** Ask for them: faster to fault in and to translate, coarser to give back. */
        ADVISE
    }

    private static final int PROT_READ_WRITE = 1 | 2;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int MADV_DONTNEED = 4;
    private static final int MADV_HUGEPAGE = 14;
    private static final int RLIMIT_MEMLOCK = 8;

    private LinuxMemory() {}

    /**
     * Maps zeroed memory that lives as long as {@code arena}. It counts against the machine's memory only as it is
     * written, so a mapping may be larger than that.
     *
     * @param bytes positive
     * @param arena decides which threads may use the memory and when it is given back
     * @throws ErrnoException when the kernel has no room for it (ENOMEM)
     */
    public static MemorySegment map(long bytes, Huge huge, Arena arena) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("cannot map " + bytes + " bytes");
        }
        Linux.ensureAvailable();
        long slack = huge == Huge.ADVISE ? HUGE_PAGE_BYTES : 0;
        long mappedBytes = Math.addExact(bytes, slack);
        long base = mapPages(mappedBytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        MemorySegment mapped = wrap(base, mappedBytes, arena);
        if (huge == Huge.DEFAULT) {
            return mapped;
        }
        // A kernel built without transparent huge pages says EINVAL: ordinary pages serve as well.
        Syscall.MADVISE.call(base, mappedBytes, MADV_HUGEPAGE);
        return mapped.asSlice(-base & (HUGE_PAGE_BYTES - 1), bytes);
    }

    /**
     * Gives the pages of a range of mapped memory back to the kernel; the range reads as zeros afterwards. Bytes in
     * pages that the range covers only in part are zeroed in place.
     *
     * @param mapped from {@link #map}
     */
    public static void discard(MemorySegment mapped, long offset, long bytes) {
        Objects.checkFromIndexSize(offset, bytes, mapped.byteSize());
        long page = 4096;
        long start = mapped.address() + offset;
        long firstPage = Math.ceilDiv(start, page) * page;
        long lastPage = Math.floorDiv(start + bytes, page) * page;
        if (lastPage <= firstPage || Syscall.MADVISE.call(firstPage, lastPage - firstPage, MADV_DONTNEED) < 0) {
            mapped.asSlice(offset, bytes).fill((byte) 0);
            return;
        }
        mapped.asSlice(offset, firstPage - start).fill((byte) 0);
        mapped.asSlice(lastPage - mapped.address(), start + bytes - lastPage).fill((byte) 0);
    }

    /** {@return how much memory this process may lock (RLIMIT_MEMLOCK, {@code ulimit -l}), or {@link #UNLIMITED}} */
    public static long lockedLimitBytes() {
        Linux.ensureAvailable();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limit = arena.allocate(16, 8);
            ErrnoException.check(
                    Syscall.PRLIMIT64.call(0, RLIMIT_MEMLOCK, 0, limit.address()), "cannot read", "RLIMIT_MEMLOCK");
            long soft = limit.get(ValueLayout.JAVA_LONG, 0);
            return soft < 0 ? UNLIMITED : soft;
        }
    }

    static long mapPages(long bytes, int flags, int fd, long offset) {
        long address = Syscall.MMAP.call(0, bytes, PROT_READ_WRITE, flags, fd, offset);
        return ErrnoException.check(address, "cannot map", bytes + " bytes of memory");
    }

    /** {@return pages mapped at an address, unmapped when the arena closes} */
    @SuppressWarnings("restricted")
    static MemorySegment wrap(long address, long bytes, Arena arena) {
        try {
            return MemorySegment.ofAddress(address)
                    .reinterpret(bytes, arena, segment -> Syscall.MUNMAP.call(segment.address(), bytes));
        } catch (RuntimeException e) { // a closed arena
            Syscall.MUNMAP.call(address, bytes);
            throw e;
        }
    }
}
