package io.spdkio.embedded.device;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.embedded.EmbeddedEngine;
import io.spdkio.embedded.EmbeddedThread;
import io.spdkio.embedded.file.BackingFile;
import io.spdkio.embedded.file.FileEngine;
import io.spdkio.embedded.file.FileOptions;
import io.spdkio.embedded.file.FileRing;
import io.spdkio.embedded.file.RingFile;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.MemorySegment;
import java.util.function.Function;

/** A device on a file or block device of the system. All file devices of a thread share one ring. */
public final class FileDevice implements BdevBackend, EmbeddedEngine.Rescannable {
    /** Linux transfers at most 2 GiB less a page at a time. */
    private static final long MAX_IO_BYTES = 1L << 30;

    /** Linux's {@code IOV_MAX}. */
    private static final int MAX_SEGMENTS = 1024;

    private final AioBdev spec;
    private final String name;
    private final FileEngine files;
    private final Function<SpdkThread, EmbeddedThread> threads;
    private final BackingFile file;
    private final BdevGeometry geometry;
    private final boolean writable;
    private Registration registration;

    /**
     * Opens the file.
     *
     * @param spec its options
     * @param files how files are read and written here
     * @param threads the engine's part of a thread
     */
    public FileDevice(AioBdev spec, FileEngine files, Function<SpdkThread, EmbeddedThread> threads) {
        this.spec = spec;
        this.name = spec.name();
        this.files = files;
        this.threads = threads;
        try {
            file =
                    files.openFile(
                            new FileOptions(
                                    spec.path(), spec.blockSize(), spec.readOnly(), spec.direct(), spec.createSize()));
        } catch (ErrnoException e) {
            throw SpdkException.withMessage("file device '" + name + "': " + e.getMessage(), -e.errno());
        }
        try {
            writable = !spec.readOnly() && file.readOnlyCause().isEmpty();
            geometry =
                    new BdevGeometry(
                            file.blockBytes(),
                            wholeBlocks(file.sizeBytes()),
                            0,
                            false,
                            MAX_IO_BYTES,
                            MAX_SEGMENTS,
                            file.memoryAlignmentBytes(),
                            1);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private long wholeBlocks(long sizeBytes) {
        long blocks = sizeBytes / file.blockBytes();
        if (blocks != 0 && sizeBytes % file.blockBytes() != 0) {
            throw SpdkException.withMessage(
                    "file device '"
                            + name
                            + "': "
                            + file
                            + " has "
                            + sizeBytes
                            + " bytes, which is not a multiple of the block size "
                            + file.blockBytes()
                            + "; take a smaller block size, or make the file longer",
                    -Errno.EINVAL);
        }
        if (blocks == 0) {
            throw SpdkException.withMessage(
                    "file device '"
                            + name
                            + "': "
                            + file
                            + " has "
                            + sizeBytes
                            + " bytes, less than one block of "
                            + file.blockBytes()
                            + "; name a larger file, or have it made with a size",
                    -Errno.EINVAL);
        }
        return blocks;
    }

    /**
     * What it was made from.
     *
     * @return the spec
     */
    public AioBdev spec() {
        return spec;
    }

    @Override
    public String productName() {
        return files.method() == FileEngine.Method.IO_URING ? "URING bdev" : "AIO disk";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ -> true;
            case WRITE, FLUSH, WRITE_ZEROES -> writable;
            case UNMAP -> writable && file.unmaps();
            case COMPARE, COMPARE_AND_WRITE, COPY, RESET, ABORT -> false;
        };
    }

    @Override
    public void registered(Registration target) {
        registration = target;
    }

    @Override
    public void rescan() {
        try {
            registration.resize(wholeBlocks(file.sizeBytes()));
        } catch (ErrnoException e) {
            throw SpdkException.withMessage("file device '" + name + "': " + e.getMessage(), -e.errno());
        }
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        try {
            ThreadRing ring = threads.apply(thread).resource(ThreadRing.class, _ -> new ThreadRing(files));
            return new FileChannel(ring.ring, ring.ring.attach(file));
        } catch (ErrnoException e) {
            throw SpdkException.withMessage("file device '" + name + "': " + e.getMessage(), -e.errno());
        }
    }

    @Override
    public void close() {
        file.close();
    }

    /** The ring of a thread. */
    private static final class ThreadRing implements EmbeddedThread.ThreadResource {
        private final FileRing<BdevIo> ring;

        ThreadRing(FileEngine files) {
            ring = files.newRing((io, status) -> io.complete(status == -Errno.ECANCELED ? IoStatus.ABORTED : status));
        }

        @Override
        public int poll() {
            return ring.poll();
        }

        @Override
        public void close() {
            ring.close();
        }
    }

    /** A thread's way to the file. */
    private record FileChannel(FileRing<BdevIo> ring, RingFile<BdevIo> file) implements Channel {
        @Override
        public void submit(BdevIo io) {
            IoRequest request = (IoRequest) io;
            long at = io.offsetBytes();
            long length = io.lengthBytes();
            boolean taken =
                    switch (io.type()) {
                        case READ ->
                                request.segmentCount() == 1
                                        ? file.read(request.data(), request.dataOffset(), length, at, io)
                                        : file.readv(segments(io), io.segmentCount(), at, io);
                        case WRITE ->
                                request.segmentCount() == 1
                                        ? file.write(request.data(), request.dataOffset(), length, at, io)
                                        : file.writev(segments(io), io.segmentCount(), at, io);
                        case FLUSH -> file.flush(io);
                        case WRITE_ZEROES -> file.writeZeroes(at, length, io);
                        case UNMAP -> file.unmap(at, length, io);
                        case COMPARE, COMPARE_AND_WRITE, COPY, RESET, ABORT ->
                                throw new IllegalStateException(io.type() + " is not for files");
                    };
            if (!taken) {
                io.complete(-Errno.ENOMEM);
            }
        }

        private static MemorySegment[] segments(BdevIo io) {
            MemorySegment[] segments = new MemorySegment[io.segmentCount()];
            for (int i = 0; i < segments.length; i++) {
                segments[i] = io.segment(i);
            }
            return segments;
        }

        @Override
        public void abort(BdevIo io) {
            ring.cancel(io);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
