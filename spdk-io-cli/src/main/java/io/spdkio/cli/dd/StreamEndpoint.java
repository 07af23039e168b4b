package io.spdkio.cli.dd;

import io.spdkio.cli.CliException;
import io.spdkio.dma.DmaBuf;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** Standard input or output: blocking calls on a thread of their own, one after the other. */
public final class StreamEndpoint implements Endpoint {
    private static final int PIECE_BYTES = 1 << 16;

    private final String name;
    private final InputStream in;
    private final OutputStream out;
    private final Executor io;
    private CompletionStage<?> last = CompletableFuture.completedFuture(null);

    private StreamEndpoint(String name, InputStream in, OutputStream out, Executor io) {
        this.name = name;
        this.in = in;
        this.out = out;
        this.io = io;
    }

    /** Something to read. */
    public static StreamEndpoint source(String name, InputStream in, Executor io) {
        return new StreamEndpoint(name, in, OutputStream.nullOutputStream(), io);
    }

    /** Something to write. */
    public static StreamEndpoint target(String name, OutputStream out, Executor io) {
        return new StreamEndpoint(name, InputStream.nullInputStream(), out, io);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public OptionalLong sizeBytes() {
        return OptionalLong.empty();
    }

    @Override
    public int blockSize() {
        return 1;
    }

    @Override
    public CompletionStage<Integer> read(DmaBuf buffer, long offset, int length) {
        ByteBuffer bytes = buffer.byteBuffer().limit(length);
        CompletionStage<Integer> next = last.handleAsync((_, _) -> read(bytes), io);
        last = next;
        return next;
    }

    private int read(ByteBuffer bytes) {
        byte[] piece = new byte[Math.min(PIECE_BYTES, bytes.remaining())];
        try {
            while (bytes.hasRemaining()) {
                int n = in.read(piece, 0, Math.min(piece.length, bytes.remaining()));
                if (n < 0) {
                    break;
                }
                bytes.put(piece, 0, n);
            }
            return bytes.position();
        } catch (IOException e) {
            throw failed("read", e);
        }
    }

    @Override
    public CompletionStage<Void> write(DmaBuf buffer, long offset, int length) {
        ByteBuffer bytes = buffer.byteBuffer().limit(length);
        CompletionStage<Void> next = last.thenRunAsync(() -> write(bytes), io);
        last = next;
        return next;
    }

    private void write(ByteBuffer bytes) {
        byte[] piece = new byte[Math.min(PIECE_BYTES, bytes.remaining())];
        try {
            while (bytes.hasRemaining()) {
                int n = Math.min(piece.length, bytes.remaining());
                bytes.get(piece, 0, n);
                out.write(piece, 0, n);
            }
            out.flush();
        } catch (IOException e) {
            throw failed("write", e);
        }
    }

    private CompletionException failed(String what, IOException e) {
        return new CompletionException(CliException.failed("can't " + what + " " + name + ": " + e.getMessage(), e));
    }

    @Override
    public CompletionStage<Void> flush() {
        return CompletableFuture.completedFuture(null);
    }

    /** Leaves the stream open: it is the process's. */
    @Override
    public void close() {
        // Nothing is held.
    }
}
