package io.spdkio.embedded.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.spdkio.Errno;
import io.spdkio.spi.SpinLock;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * An open file or block device: its descriptor, what the kernel tells of it, and blocking I/O at explicit offsets.
 *
 * <p>Methods that return an {@code int} or {@code long} result give a negated errno where they fail, as completions do;
 * the others throw {@link ErrnoException}. All may be called from any thread, but {@link #close()} must come last: a
 * descriptor in use elsewhere could by then be another file's.
 */
public final class LinuxFile implements AutoCloseable {

    /** How to open a file. */
    public enum Flag {
        /** For writing too. */
        WRITE(2),
        /** Made when it is missing, for its owner and group. */
        CREATE(0100);

        private final int bits;

        Flag(int bits) {
            this.bits = bits;
        }
    }

    /** What direct I/O must be multiples of: offsets and lengths in the file, and addresses in memory. */
    public record DirectAlignment(int offsetBytes, int memoryBytes) {}

    /**
     * A file's attributes.
     *
     * @param sizeBytes zero for a block device, see {@link LinuxFile#sizeBytes()}
     * @param directTold whether the kernel tells what direct I/O needs
     * @param directOffsetBytes the alignment in the file, 0 where it cannot do direct I/O
     */
    private record Status(
            int mode,
            long sizeBytes,
            int deviceMajor,
            int deviceMinor,
            boolean directTold,
            int directOffsetBytes,
            int directMemoryBytes) {
        boolean isType(int type) {
            return (mode & S_IFMT) == type;
        }
    }

    private static final int AT_FDCWD = -100;
    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int O_CLOEXEC = 02000000;
    private static final int O_NONBLOCK = 04000;
    private static final int O_DIRECT = Linux.isAarch64() ? 0200000 : 040000;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;

    private static final int STATX_BYTES = 256;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_DIOALIGN = 0x2000;
    private static final int S_IFMT = 0170000;
    private static final int S_IFDIR = 0040000;
    private static final int S_IFBLK = 0060000;
    private static final int S_IFREG = 0100000;

    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int FALLOC_FL_ZERO_RANGE = 0x10;

    /** Mode of {@code fallocate(2)} that turns a range into a hole: it reads as zeros and takes no space. */
    public static final int PUNCH_HOLE = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    /** Mode of {@code fallocate(2)} that makes a range read as zeros and keeps its space. */
    public static final int ZERO_RANGE = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;

    private static final int BLKGETSIZE64 = 0x80081272;
    private static final int BLKSSZGET = 0x1268;
    private static final int BLKPBSZGET = 0x127b;
    private static final int BLKDISCARD = 0x1277;
    private static final int BLKZEROOUT = 0x127f;

    private static final long TMPFS_MAGIC = 0x01021994L;
    private static final long RAMFS_MAGIC = 0x858458f6L;

    private final Path path;
    private final int fd;
    private final Status opened;
    private final SpinLock guard = new SpinLock();
    private volatile boolean closed;

    private LinuxFile(Path path, int fd) {
        this.path = path;
        this.fd = fd;
        this.opened = status();
    }

    /**
     * Opens a file or block device, through the page cache for the time being.
     *
     * @throws ErrnoException when it cannot be opened, EISDIR for a directory and ENODEV for what is neither included
     */
    public static LinuxFile open(Path path, Set<Flag> flags) {
        Linux.ensureAvailable();
        // Non-blocking, because opening a pipe would wait for its other end.
        int bits = O_CLOEXEC | O_NONBLOCK;
        for (Flag flag : flags) {
            bits |= flag.bits;
        }
        long fd;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(path.toString(), StandardCharsets.UTF_8);
            fd = retryInterrupted(Syscall.OPENAT, AT_FDCWD, name.address(), bits, 0660);
        }
        ErrnoException.check(fd, "cannot open", path);
        try {
            LinuxFile file = new LinuxFile(path, (int) fd);
            if (!file.isRegular() && !file.isBlockDevice()) {
                boolean directory = file.opened.isType(S_IFDIR);
                throw new ErrnoException(
                        directory ? Errno.EISDIR : Errno.ENODEV, path + " is neither a file nor a block device");
            }
            file.setFlag(O_NONBLOCK, false);
            return file;
        } catch (RuntimeException e) {
            Syscall.CLOSE.call(fd);
            throw e;
        }
    }

    /** {@return the file's name as it was opened} */
    public Path path() {
        return path;
    }

    /** {@return the descriptor, for as long as this is open} */
    public int fd() {
        if (closed) {
            throw new ErrnoException(Errno.EBADF, path + " is closed");
        }
        return fd;
    }

    /** {@return whether this is an ordinary file} */
    public boolean isRegular() {
        return opened.isType(S_IFREG);
    }

    /** {@return whether this is a block device} */
    public boolean isBlockDevice() {
        return opened.isType(S_IFBLK);
    }

    /** {@return the size as it is now, of a block device too} */
    public long sizeBytes() {
        return isBlockDevice() ? ioctlGet(BLKGETSIZE64, true) : status().sizeBytes;
    }

    /** {@return the smallest unit that this block device addresses} */
    public int logicalBlockBytes() {
        return (int) ioctlGet(BLKSSZGET, false);
    }

    /** {@return the smallest unit that this block device writes without reading first} */
    public int physicalBlockBytes() {
        return (int) ioctlGet(BLKPBSZGET, false);
    }

    /** {@return whether this block device can discard} */
    public boolean discards() {
        Path limit = Path.of("/sys/dev/block/" + opened.deviceMajor + ":" + opened.deviceMinor);
        try {
            // A partition's queue is its parent's.
            Path own = limit.resolve("queue/discard_max_bytes");
            Path file = Files.exists(own) ? own : limit.resolve("../queue/discard_max_bytes");
            return !Files.readString(file).strip().equals("0");
        } catch (IOException notTold) {
            return false;
        }
    }

    /** {@return whether the file lives in memory (tmpfs, ramfs)} */
    public boolean isInMemory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statfs = arena.allocate(120, 8);
            if (Syscall.FSTATFS.call(fd(), statfs.address()) < 0) {
                return false;
            }
            long type = statfs.get(JAVA_LONG, 0);
            return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
        }
    }

    /**
     * Switches to direct I/O, around the page cache, where this file can do it.
     *
     * @return what it must be aligned to, or empty where the file stays with the page cache
     */
    public Optional<DirectAlignment> tryDirect() {
        Status now = status();
        if (now.directTold && now.directOffsetBytes == 0) {
            return Optional.empty();
        }
        try {
            setFlag(O_DIRECT, true);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EINVAL) {
                return Optional.empty();
            }
            throw e;
        }
        Optional<DirectAlignment> alignment =
                now.directTold
                        ? Optional.of(new DirectAlignment(now.directOffsetBytes, now.directMemoryBytes))
                        : tryAlignments();
        if (alignment.isEmpty()) {
            setFlag(O_DIRECT, false);
        }
        return alignment;
    }

    /** Switches back to the page cache. */
    public void setBuffered() {
        setFlag(O_DIRECT, false);
    }

    /** Kernels before 6.1 and some file systems do not tell the alignment; then a few reads find it out. */
    private Optional<DirectAlignment> tryAlignments() {
        try (Arena arena = Arena.ofConfined()) {
            for (int bytes = 512; bytes <= 65536; bytes *= 2) {
                MemorySegment data = arena.allocate(2L * bytes, 2L * bytes);
                // An odd multiple in memory and in the file: what needs more says EINVAL.
                if (read(data, bytes, bytes, bytes) >= 0) {
                    return Optional.of(new DirectAlignment(bytes, bytes));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Makes io_uring do the reads and writes of this file, which lives in memory, at once, inside the submitting system
     * call, instead of handing each to a kernel thread. It does so for files that promise not to block, and among
     * ordinary files for writes only around the page cache. Those in tmpfs do not promise, though all they do is copy
     * memory: the two flags, which mean nothing to them otherwise, are taken for it.
     *
     * <p>Measured on Linux 6.18, one core, 4 KiB, queue depth 64: reads 1.0 instead of 0.4 million a second, writes
     * 0.96 instead of 0.57 on two cores.
     */
    public void setInline() {
        setFlag(O_NONBLOCK, true);
        try {
            setFlag(O_DIRECT, true);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EINVAL) { // before Linux 6.6
                throw e;
            }
        }
    }

    private void setFlag(int flag, boolean on) {
        long flags = ErrnoException.check(Syscall.FCNTL.call(fd(), F_GETFL), "cannot read the flags of", path);
        ErrnoException.check(
                Syscall.FCNTL.call(fd(), F_SETFL, on ? flags | flag : flags & ~flag), "cannot set the flags of", path);
    }

    /** Sets the size; what is added is a hole. */
    public void truncate(long sizeBytes) {
        ErrnoException.check(Syscall.FTRUNCATE.call(fd(), sizeBytes), "cannot resize to " + sizeBytes + " bytes", path);
    }

    /** Reads once at an offset, blocking. @return bytes read, 0 at the end of the file, or a negated errno */
    public int read(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        return transfer(Syscall.PREAD64, data, dataOffset, bytes, fileOffset);
    }

    /** Writes once at an offset, blocking. @return bytes written, maybe fewer than asked, or a negated errno */
    public int write(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        return transfer(Syscall.PWRITE64, data, dataOffset, bytes, fileOffset);
    }

    private int transfer(Syscall syscall, MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        if (!data.isNative()) {
            throw new IllegalArgumentException("not off-heap memory: " + data);
        }
        Objects.checkFromIndexSize(dataOffset, bytes, data.byteSize());
        long result;
        do {
            result = syscall.call4(fd(), data.address() + dataOffset, bytes, fileOffset);
        } while (result == -Errno.EINTR);
        return (int) result;
    }

    /** Makes what was written durable ({@code fdatasync}). @return 0 or a negated errno */
    public int dataSync() {
        return (int) retryInterrupted(Syscall.FDATASYNC, fd());
    }

    /**
     * @param mode {@link #PUNCH_HOLE} or {@link #ZERO_RANGE} @return 0 or a negated errno
     */
    public int allocate(int mode, long offset, long bytes) {
        return (int) retryInterrupted(Syscall.FALLOCATE, fd(), mode, offset, bytes);
    }

    /** Discards a range of a block device. @return 0 or a negated errno */
    public int discard(long offset, long bytes) {
        return ioctlRange(BLKDISCARD, offset, bytes);
    }

    /** Writes zeros to a range of a block device, with its help where it has some. @return 0 or a negated errno */
    public int zeroOut(long offset, long bytes) {
        return ioctlRange(BLKZEROOUT, offset, bytes);
    }

    /** Closes the descriptor; closing twice is fine. */
    @Override
    public void close() {
        try (SpinLock _ = guard.acquire()) {
            if (closed) {
                return;
            }
            closed = true;
        }
        Syscall.CLOSE.call(fd);
    }

    @Override
    public String toString() {
        return path + (closed ? " (closed)" : " (descriptor " + fd + ")");
    }

    private static long retryInterrupted(Syscall syscall, long... arguments) {
        long result;
        do {
            result = syscall.call(arguments);
        } while (result == -Errno.EINTR);
        return result;
    }

    private long ioctlGet(int request, boolean eightBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(8, 8);
            ErrnoException.check(
                    Syscall.IOCTL.call(fd(), Integer.toUnsignedLong(request), value.address()),
                    "cannot read the geometry of",
                    path);
            return eightBytes ? value.get(JAVA_LONG, 0) : value.get(JAVA_INT, 0);
        }
    }

    private int ioctlRange(int request, long offset, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment range = arena.allocateFrom(JAVA_LONG, offset, bytes);
            return (int) retryInterrupted(Syscall.IOCTL, fd(), request, range.address());
        }
    }

    private Status status() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statx = arena.allocate(STATX_BYTES, 8);
            MemorySegment empty = arena.allocate(1);
            ErrnoException.check(
                    Syscall.STATX.call(
                            fd(), empty.address(), AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, statx.address()),
                    "cannot read the attributes of",
                    path);
            return new Status(
                    statx.get(JAVA_SHORT, 28),
                    statx.get(JAVA_LONG, 40),
                    statx.get(JAVA_INT, 128),
                    statx.get(JAVA_INT, 132),
                    (statx.get(JAVA_INT, 0) & STATX_DIOALIGN) != 0,
                    statx.get(JAVA_INT, 156),
                    statx.get(JAVA_INT, 152));
        }
    }
}
