package io.spdkio.embedded.file;

import io.spdkio.Errno;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.embedded.linux.LinuxFile;
import io.spdkio.embedded.linux.LinuxFile.DirectAlignment;
import io.spdkio.embedded.linux.LinuxFile.Flag;

import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** A file opened with Linux's own calls: direct I/O, holes, block devices. */
final class LinuxBackingFile extends BackingFile {

    private static final DirectAlignment ANY = new DirectAlignment(1, 1);

    private final LinuxFile file;
    private final int blockBytes;
    private final boolean inMemory;
    private final DirectAlignment alignment;
    private final Optional<String> readOnlyCause;
    private final Optional<String> bufferedCause;

    private LinuxBackingFile(FileOptions options, LinuxFile file, Optional<String> readOnlyCause, boolean existed) {
        super(options);
        this.file = file;
        this.readOnlyCause = readOnlyCause;
        this.blockBytes = chooseBlockBytes();
        growToCreateBytes(existed);
        this.inMemory = file.isInMemory();
        if (inMemory) {
            file.setInline();
        }
        Optional<DirectAlignment> direct = options.direct() && !inMemory ? file.tryDirect() : Optional.empty();
        this.bufferedCause = findBufferedCause(direct);
        if (bufferedCause.isPresent() && direct.isPresent()) {
            file.setBuffered();
        }
        this.alignment = bufferedCause.isPresent() ? ANY : direct.orElseThrow();
        findRangeCalls();
    }

    static LinuxBackingFile open(FileOptions options) {
        boolean existed = Files.exists(options.path());
        Optional<String> readOnlyCause = options.readOnly() ? Optional.of("opened for reading only") : Optional.empty();
        LinuxFile file;
        try {
            file = LinuxFile.open(options.path(), modes(options));
        } catch (ErrnoException e) {
            if (!maySettleForReading(options, e.errno())) {
                throw cannotOpen(options, e.errno());
            }
            try {
                file = LinuxFile.open(options.path(), Set.of());
            } catch (ErrnoException unreadable) {
                throw cannotOpen(options, e.errno());
            }
            readOnlyCause = Optional.of("cannot be opened for writing: " + Errno.describe(e.errno()));
        }
        try {
            return new LinuxBackingFile(options, file, readOnlyCause, existed);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static Set<Flag> modes(FileOptions options) {
        if (options.readOnly()) {
            return Set.of();
        }
        return options.createBytes().isPresent() ? EnumSet.of(Flag.WRITE, Flag.CREATE) : EnumSet.of(Flag.WRITE);
    }

    private int chooseBlockBytes() {
        if (options().blockBytes() != 0) {
            return options().blockBytes();
        }
        return isBlockDevice() ? file.logicalBlockBytes() : FileOptions.DEFAULT_BLOCK_BYTES;
    }

    private Optional<String> findBufferedCause(Optional<DirectAlignment> direct) {
        if (!options().direct()) {
            return Optional.of("asked for");
        }
        if (inMemory) {
            return Optional.of("the file lives in memory");
        }
        if (direct.isEmpty()) {
            return Optional.of("the file system does not do direct I/O");
        }
        int needed = direct.get().offsetBytes();
        return blockBytes % needed == 0
                ? Optional.empty()
                : Optional.of("direct I/O needs blocks of " + needed + " bytes here, not " + blockBytes);
    }

    private void findRangeCalls() {
        if (readOnlyCause.isPresent()) {
            return;
        }
        RangeCall unmap = RangeCall.NONE;
        if (isBlockDevice()) {
            unmap = file.discards() ? RangeCall.PUNCH_HOLE : RangeCall.NONE;
        } else {
            // Past its end a file has nothing to lose.
            long end = Math.min(Math.ceilDiv(file.sizeBytes(), 65536L) * 65536L, Long.MAX_VALUE - 2 * 65536L);
            if (file.allocate(LinuxFile.PUNCH_HOLE, end, 65536) == 0) {
                unmap = RangeCall.PUNCH_HOLE;
            }
        }
        setRangeCalls(RangeCall.ZERO_RANGE, unmap);
    }

    int fd() {
        return file.fd();
    }

    @Override
    public int blockBytes() {
        return blockBytes;
    }

    @Override
    public int physicalBlockBytes() {
        return isBlockDevice() ? Math.max(blockBytes, file.physicalBlockBytes()) : blockBytes;
    }

    @Override
    public long sizeBytes() {
        return file.sizeBytes();
    }

    @Override
    public boolean isBlockDevice() {
        return file.isBlockDevice();
    }

    @Override
    public Optional<String> readOnlyCause() {
        return readOnlyCause;
    }

    @Override
    public Optional<String> bufferedCause() {
        return bufferedCause;
    }

    @Override
    public int memoryAlignmentBytes() {
        return alignment.memoryBytes();
    }

    @Override
    int offsetAlignmentBytes() {
        return alignment.offsetBytes();
    }

    @Override
    boolean isInMemory() {
        return inMemory;
    }

    @Override
    int read(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        return file.read(data, dataOffset, bytes, fileOffset);
    }

    @Override
    int write(MemorySegment data, long dataOffset, int bytes, long fileOffset) {
        return file.write(data, dataOffset, bytes, fileOffset);
    }

    @Override
    int flush() {
        return file.dataSync();
    }

    @Override
    int callRange(RangeCall call, long offset, long bytes) {
        return switch (call) {
            case ZERO_RANGE -> file.allocate(LinuxFile.ZERO_RANGE, offset, bytes);
            case PUNCH_HOLE -> file.allocate(LinuxFile.PUNCH_HOLE, offset, bytes);
            case DISCARD -> file.discard(offset, bytes);
            case NONE -> -Errno.EOPNOTSUPP;
        };
    }

    @Override
    void resize(long bytes) {
        file.truncate(bytes);
    }

    @Override
    void closeFile() {
        file.close();
    }
}
