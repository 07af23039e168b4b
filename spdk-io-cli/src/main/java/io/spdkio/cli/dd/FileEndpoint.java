package io.spdkio.cli.dd;

import io.spdkio.cli.CliException;
import io.spdkio.dma.DmaBuf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** An ordinary file, a device file or a pipe: blocking calls on threads of their own. */
public final class FileEndpoint implements Endpoint {
    private static final int FILE_TYPE_MASK = 0170000;
    private static final int BLOCK_DEVICE = 0060000;

    private final String name;
    private final FileChannel channel;
    private final Executor io;
    private final boolean seekable;
    private CompletionStage<?> lastOfStream = CompletableFuture.completedFuture(null);

    private FileEndpoint(String name, FileChannel channel, Executor io, boolean seekable) {
        this.name = name;
        this.channel = channel;
        this.io = io;
        this.seekable = seekable;
    }

    /** Opens a file to read it. */
    public static FileEndpoint source(String name, Executor io) throws IOException {
        Path path = path(name);
        requireNoDirectory(path, name);
        return new FileEndpoint(name, FileChannel.open(path, StandardOpenOption.READ), io, isSeekable(path));
    }

    /** Opens a file to write it; it is made if it is missing, and keeps what it holds. */
    public static FileEndpoint target(String name, boolean readBack, Executor io) throws IOException {
        Path path = path(name);
        requireNoDirectory(path, name);
        boolean special = Files.exists(path) && !Files.isRegularFile(path);
        Set<OpenOption> options = new java.util.HashSet<>(Set.of(StandardOpenOption.WRITE));
        if (!special) {
            options.add(StandardOpenOption.CREATE);
        }
        if (readBack) {
            options.add(StandardOpenOption.READ);
        }
        return new FileEndpoint(name, FileChannel.open(path, options), io, isSeekable(path));
    }

    private static Path path(String name) {
        try {
            return Path.of(name);
        } catch (java.nio.file.InvalidPathException e) {
            throw CliException.usage("not a path: '" + name + "' (" + e.getReason() + ")");
        }
    }

    private static void requireNoDirectory(Path path, String name) {
        if (Files.isDirectory(path)) {
            throw CliException.failed(name + " is a directory; name a file or a device");
        }
    }

    /** Whether reads and writes take an offset: files and block devices, not pipes and character devices. */
    private static boolean isSeekable(Path path) throws IOException {
        if (Files.isRegularFile(path)) {
            return true;
        }
        if (!path.getFileSystem().supportedFileAttributeViews().contains("unix")) {
            return false;
        }
        Map<String, Object> attributes = Files.readAttributes(path, "unix:mode", new LinkOption[0]);
        return ((Integer) attributes.get("mode") & FILE_TYPE_MASK) == BLOCK_DEVICE;
    }

    /** Whether this is the file at a path. */
    boolean isSeekable() {
        return seekable;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public OptionalLong sizeBytes() {
        try {
            return seekable ? OptionalLong.of(channel.size()) : OptionalLong.empty();
        } catch (IOException e) {
            throw CliException.failed(name + ": " + e.getMessage(), e);
        }
    }

    @Override
    public int blockSize() {
        return 1;
    }

    @Override
    public CompletionStage<Integer> read(DmaBuf buffer, long offset, int length) {
        ByteBuffer bytes = buffer.byteBuffer().limit(length);
        if (seekable) {
            return CompletableFuture.supplyAsync(() -> read(bytes, offset), io);
        }
        // One after the other.
        CompletionStage<Integer> next = lastOfStream.handleAsync((_, _) -> read(bytes, -1), io);
        lastOfStream = next;
        return next;
    }

    private int read(ByteBuffer bytes, long offset) {
        try {
            while (bytes.hasRemaining()) {
                int n = offset < 0 ? channel.read(bytes) : channel.read(bytes, offset + bytes.position());
                if (n < 0) {
                    break;
                }
            }
            return bytes.position();
        } catch (IOException e) {
            throw failed("read", e);
        }
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        ByteBuffer bytes = buffer.byteBuffer().limit(length);
        if (seekable) {
            return CompletableFuture.runAsync(() -> write(bytes, offset), io);
        }
        CompletionStage<Void> next = lastOfStream.thenRunAsync(() -> write(bytes, -1), io);
        lastOfStream = next;
        return next;
    }

    private void write(ByteBuffer bytes, long offset) {
        try {
            while (bytes.hasRemaining()) {
                if (offset < 0) {
                    channel.write(bytes);
                } else {
                    channel.write(bytes, offset + bytes.position());
                }
            }
        } catch (IOException e) {
            throw failed("write", e);
        }
    }

    private CompletionException failed(String what, IOException e) {
        return new CompletionException(CliException.failed("can't " + what + " " + name + ": " + e.getMessage(), e));
    }

    @Override
    public CompletionStage<Void> flush() {
        if (!seekable) {
            return CompletableFuture.completedFuture(null);
        }
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        channel.force(true);
                    } catch (IOException e) {
                        throw failed("flush", e);
                    }
                },
                io);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw CliException.failed("can't close " + name + ": " + e.getMessage(), e);
        }
    }
}
