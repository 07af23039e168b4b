package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.spi.SpinLock;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A file or block device, open. It is opened once and attached to the ring of every thread that uses it.
 *
 * <p>What is said here holds from any thread. The blocking operations are for the worker threads of a ring; they return
 * a negated errno where they fail.
 */
public abstract sealed class BackingFile implements AutoCloseable permits LinuxBackingFile, ChannelBackingFile {

    /** A way to have a range zeroed or given back without writing to all of it. */
    enum RangeCall {
        /** Zeroes it and keeps its space. */
        ZERO_RANGE,
        /** Makes a hole of it, which reads as zeros. */
        PUNCH_HOLE,
        /** Tells a block device that the contents are not needed. */
        DISCARD,
        /** There is none. */
        NONE
    }

    private final FileOptions options;
    private volatile RangeCall zeroCall = RangeCall.NONE;
    private volatile RangeCall unmapCall = RangeCall.NONE;
    private final SpinLock guard = new SpinLock();
    private int users = 1;
    private boolean closed;

    BackingFile(FileOptions options) {
        this.options = options;
    }

    /** {@return the file's name} */
    public final Path path() {
        return options.path();
    }

    final FileOptions options() {
        return options;
    }

    /** {@return what offsets and lengths of all I/O must be multiples of} */
    public abstract int blockBytes();

    /**
     * {@return what writes should be multiples of, so that the device need not read first; at least {@link
     * #blockBytes}}
     */
    public abstract int physicalBlockBytes();

    /** {@return the size as it is now} */
    public abstract long sizeBytes();

    /** {@return whether this is a block device} */
    public abstract boolean isBlockDevice();

    /** {@return why this can only be read, empty when it can be written} */
    public abstract Optional<String> readOnlyCause();

    /** {@return why I/O goes through the page cache, empty when it is direct} */
    public abstract Optional<String> bufferedCause();

    /**
     * {@return what memory should be aligned to} I/O with other memory is done all the same, at the price of a copy.
     */
    public abstract int memoryAlignmentBytes();

    /** {@return what direct I/O in the file must be aligned to, a power of two; 1 when it is not direct} */
    abstract int offsetAlignmentBytes();

    /** {@return whether a range can be unmapped} */
    public final boolean unmaps() {
        return unmapCall != RangeCall.NONE;
    }

    /** {@return whether I/O is nothing but copying memory, so that there is no point in doing it elsewhere} */
    abstract boolean isInMemory();

    abstract int read(MemorySegment data, long dataOffset, int bytes, long fileOffset);

    abstract int write(MemorySegment data, long dataOffset, int bytes, long fileOffset);

    abstract int flush();

    abstract int callRange(RangeCall call, long offset, long bytes);

    abstract void closeFile();

    final RangeCall zeroCall() {
        return zeroCall;
    }

    final RangeCall unmapCall() {
        return unmapCall;
    }

    /** Told once, before the first I/O. */
    final void setRangeCalls(RangeCall zero, RangeCall unmap) {
        zeroCall = zero;
        unmapCall = unmap;
    }

    /** Told that a call is not supported after all; the next best takes its place. */
    final void refuseRangeCall(RangeCall refused) {
        if (zeroCall == refused) {
            zeroCall = refused == RangeCall.ZERO_RANGE ? RangeCall.PUNCH_HOLE : RangeCall.NONE;
        }
        if (unmapCall == refused) {
            unmapCall = refused == RangeCall.PUNCH_HOLE && isBlockDevice() ? RangeCall.DISCARD : RangeCall.NONE;
        }
    }

    /** A ring begins to use the file. */
    final void attached() {
        try (SpinLock _ = guard.acquire()) {
            if (closed) {
                throw new ErrnoException(Errno.EBADF, path() + " is closed");
            }
            users++;
        }
    }

    /** A ring has ended to use the file. */
    final void detached() {
        boolean last;
        try (SpinLock _ = guard.acquire()) {
            users--;
            last = users == 0;
        }
        if (last) {
            closeFile();
        }
    }

    /** Closes the file as soon as no ring has it attached. Closing twice is fine. */
    @Override
    public final void close() {
        try (SpinLock _ = guard.acquire()) {
            if (closed) {
                return;
            }
            closed = true;
        }
        detached();
    }

    /** {@return whether a file that cannot be opened so may still be opened for reading} */
    static boolean maySettleForReading(FileOptions options, int errno) {
        boolean deniesWriting =
                errno == Errno.EACCES || errno == Errno.EPERM || errno == Errno.EROFS || errno == Errno.ETXTBSY;
        return deniesWriting && !options.readOnly() && options.createBytes().isEmpty();
    }

    /** {@return the failure to open a file, with what to do about it} */
    static ErrnoException cannotOpen(FileOptions options, int errno) {
        Path path = options.path();
        String advice =
                switch (errno) {
                    case Errno.ENOENT ->
                            options.createBytes().isPresent()
                                    ? "make the folder " + path.toAbsolutePath().getParent() + " first"
                                    : "check the name, or give a size to have it made";
                    case Errno.EACCES, Errno.EPERM ->
                            "as "
                                    + System.getProperty("user.name")
                                    + " one may not "
                                    + (options.readOnly() ? "read" : "read and write")
                                    + " it: change its permissions"
                                    + (path.startsWith("/dev") ? ", or join its group (often \"disk\")" : "");
                    case Errno.EISDIR -> "name a file in it";
                    case Errno.ENODEV -> "name an ordinary file or a block device";
                    case Errno.EROFS -> "open it for reading only";
                    case Errno.EBUSY -> "something else uses it: unmount it, or stop what holds it";
                    case Errno.EMFILE, Errno.ENFILE -> "raise the limit of open files with ulimit -n";
                    case Errno.ENOSPC, Errno.EDQUOT -> "free some space";
                    case Errno.EFBIG -> "the file system or ulimit -f does not allow files of this size";
                    default -> null;
                };
        return new ErrnoException(errno, "cannot open " + path, advice);
    }

    /** Brings a file to the size in which it is to be made. */
    final void growToCreateBytes(boolean existed) {
        long wanted = options.createBytes().orElse(0);
        long now = sizeBytes();
        if (wanted <= now) {
            return;
        }
        if (isBlockDevice()) {
            throw new ErrnoException(
                    Errno.EINVAL, path() + " has " + now + " bytes, not " + wanted, "a block device cannot be resized");
        }
        try {
            resize(wanted);
        } catch (ErrnoException e) {
            if (!existed) {
                try {
                    Files.deleteIfExists(path());
                } catch (IOException keepIt) {
                    e.addSuppressed(keepIt);
                }
            }
            throw cannotOpen(options, e.errno());
        }
    }

    abstract void resize(long bytes);

    @Override
    public String toString() {
        return path().toString();
    }
}
