package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.linux.ErrnoException;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** A file opened with {@link FileChannel}, as every system can: through the page cache, and without holes. */
final class ChannelBackingFile extends BackingFile {

    private final FileChannel channel;
    private final Optional<String> readOnlyCause;

    private ChannelBackingFile(
            FileOptions options, FileChannel channel, Optional<String> readOnlyCause, boolean existed) {
        super(options);
        this.channel = channel;
        this.readOnlyCause = readOnlyCause;
        growToCreateBytes(existed);
    }

    static ChannelBackingFile open(FileOptions options) {
        boolean existed = Files.exists(options.path());
        if (Files.isDirectory(options.path())) {
            throw cannotOpen(options, Errno.EISDIR);
        }
        Optional<String> readOnlyCause = options.readOnly() ? Optional.of("opened for reading only") : Optional.empty();
        FileChannel channel;
        try {
            channel = FileChannel.open(options.path(), modes(options));
        } catch (IOException e) {
            int errno = errnoOf(e);
            if (!maySettleForReading(options, errno)) {
                throw cannotOpen(options, errno);
            }
            try {
                channel = FileChannel.open(options.path(), StandardOpenOption.READ);
            } catch (IOException unreadable) {
                throw cannotOpen(options, errno);
            }
            readOnlyCause = Optional.of("cannot be opened for writing: " + Errno.describe(errno));
        }
        try {
            return new ChannelBackingFile(options, channel, readOnlyCause, existed);
        } catch (RuntimeException e) {
            try {
                channel.close();
            } catch (IOException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
    }

    private static Set<? extends OpenOption> modes(FileOptions options) {
        if (options.readOnly()) {
            return Set.of(StandardOpenOption.READ);
        }
        return options.createBytes().isPresent()
                ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE)
                : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /** The JDK keeps the errno to itself; its text is all there is. */
    private static int errnoOf(IOException e) {
        if (e instanceof NoSuchFileException) {
            return Errno.ENOENT;
        }
        if (e instanceof AccessDeniedException) {
            return Errno.EACCES;
        }
        String text = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (text.contains("no space left") || text.contains("not enough space")) {
            return Errno.ENOSPC;
        }
        if (text.contains("read-only file system")) {
            return Errno.EROFS;
        }
        if (text.contains("quota")) {
            return Errno.EDQUOT;
        }
        if (text.contains("file too large")) {
            return Errno.EFBIG;
        }
        if (text.contains("too many open files")) {
            return Errno.EMFILE;
        }
        if (text.contains("is a directory")) {
            return Errno.EISDIR;
        }
        return Errno.EIO;
    }

    @Override
    public int blockBytes() {
        return options().blockBytes() != 0 ? options().blockBytes() : FileOptions.DEFAULT_BLOCK_BYTES;
    }

    @Override
    public int physicalBlockBytes() {
        return blockBytes();
    }

    @Override
    public long sizeBytes() {
        try {
            return channel.size();
        } catch (IOException e) {
            throw new ErrnoException(errnoOf(e), "cannot read the size of " + path());
        }
    }

    @Override
    public boolean isBlockDevice() {
        return !Files.isRegularFile(path());
    }

    @Override
    public Optional<String> readOnlyCause() {
        return readOnlyCause;
    }

    @Override
    public Optional<String> bufferedCause() {
        return Optional.of("FileChannel is used");
    }

    @Override
    public int memoryAlignmentBytes() {
        return 1;
    }

    @Override
    int offsetAlignmentBytes() {
        return 1;
    }

    @Override
    boolean isInMemory() {
        return false;
    }

    @Override
    int read(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        try {
            return Math.max(0, channel.read(buffer(data, dataOffset, bytes), fileOffset));
        } catch (IOException e) {
            return -errnoOf(e);
        } catch (NonReadableChannelException e) {
            return -Errno.EBADF;
        }
    }

    @Override
    int write(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        try {
            return channel.write(buffer(data, dataOffset, bytes), fileOffset);
        } catch (IOException e) {
            return -errnoOf(e);
        } catch (NonWritableChannelException e) {
            return -Errno.EBADF;
        }
    }

    private static ByteBuffer buffer(MemorySegment data, long dataOffset, int bytes) {
        return data.asSlice(dataOffset, bytes).asByteBuffer();
    }

    @Override
    int flush() {
        try {
            channel.force(false);
            return 0;
        } catch (IOException e) {
            return -errnoOf(e);
        }
    }

    @Override
    int callRange(RangeCall call, long offset, long bytes) {
        return -Errno.EOPNOTSUPP;
    }

    /** {@code truncate} only shrinks; the last byte, written, takes the rest along. */
    @Override
    void resize(long bytes) {
        try {
            channel.write(ByteBuffer.allocate(1), bytes - 1);
        } catch (IOException e) {
            throw new ErrnoException(errnoOf(e), "cannot resize " + path() + " to " + bytes + " bytes");
        }
    }

    @Override
    void closeFile() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new ErrnoException(errnoOf(e), "cannot close " + path());
        }
    }
}
