package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.sys.raw.RpcH;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * SPDK's JSON-RPC server and the one client it has, both in this process, on the app thread. They meet at a socket in a
 * folder that only this user may enter: SPDK's server speaks through nothing else. Replies are matched by their id.
 */
final class JsonRpc {
    private static final byte END_OF_REPLY = '\n';
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(DeserializationFeature.USE_LONG_FOR_INTS).build();

    private final Path folder;
    private final Path address;
    private final MemorySegment server;
    private final Map<Long, Call> pending = new LinkedHashMap<>();
    private final ByteBuffer chunk = ByteBuffer.allocate(64 << 10);
    private byte[] reply = new byte[64 << 10];
    private int replyBytes;
    private SocketChannel socket;
    private ByteBuffer unsent = ByteBuffer.allocate(0);
    private long lastId;

    private record Call(String method, CompletableFuture<Object> result) {}

    /** Starts the server. */
    JsonRpc() {
        try (Arena arena = Arena.ofConfined()) {
            folder =
                    Files.createTempDirectory(
                            "spdk-io",
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            address = folder.resolve("rpc.sock");
            server = RpcH.spdk_rpc_server_listen(arena.allocateFrom(address.toString()));
        } catch (IOException e) {
            throw new SpdkException.EngineUnavailable(
                    "no folder for SPDK's RPC socket can be made in "
                            + System.getProperty("java.io.tmpdir")
                            + ": "
                            + e.getMessage()
                            + ". Name another with -Djava.io.tmpdir");
        }
        if (server.address() == 0) {
            throw new SpdkException.EngineUnavailable(
                    "SPDK's RPC server can't listen at "
                            + address
                            + "; a socket's path has at most 107 characters. Name a shorter folder with"
                            + " -Djava.io.tmpdir");
        }
        RpcH.spdk_rpc_set_state(RpcH.SPDK_RPC_RUNTIME);
    }

    /** Calls a method; fails with a {@link SpdkException.RpcFailed}. */
    CompletableFuture<Object> call(String method, Map<String, ?> params) {
        Map<String, Object> request = new LinkedHashMap<>();
        long id = ++lastId;
        request.put("jsonrpc", "2.0");
        request.put("id", id);
        request.put("method", method);
        if (!params.isEmpty()) {
            request.put("params", params);
        }
        byte[] text;
        try {
            text = JSON.writeValueAsBytes(request);
        } catch (JacksonException e) {
            throw new IllegalArgumentException("the parameters of " + method + " can't be written as JSON", e);
        }
        CompletableFuture<Object> result = new CompletableFuture<>();
        pending.put(id, new Call(method, result));
        try {
            if (socket == null) {
                connect();
            }
            ByteBuffer more = ByteBuffer.allocate(unsent.remaining() + text.length);
            unsent = more.put(unsent).put(text).flip();
            send();
        } catch (IOException e) {
            disconnected(e.getMessage());
        }
        return result;
    }

    private void connect() throws IOException {
        socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(address));
        socket.configureBlocking(false);
        replyBytes = 0;
        unsent = ByteBuffer.allocate(0);
    }

    private void send() throws IOException {
        if (unsent.hasRemaining()) {
            int _ = socket.write(unsent);
        }
    }

    /** Whether an answer is missing. */
    boolean isBusy() {
        return !pending.isEmpty();
    }

    /** Lets the server work and takes its replies; how many. */
    int pump() {
        if (pending.isEmpty()) {
            return 0;
        }
        int done = 0;
        try {
            send();
            RpcH.spdk_rpc_server_accept(server);
            for (int read = socket.read(chunk.clear()); read != 0; read = socket.read(chunk.clear())) {
                if (read < 0) {
                    disconnected("SPDK closed the connection; the request may be too large");
                    break;
                }
                done += take(chunk.array(), read);
            }
        } catch (IOException e) {
            disconnected(e.getMessage());
        }
        return done;
    }

    private int take(byte[] bytes, int count) {
        int done = 0;
        for (int i = 0; i < count; i++) {
            if (bytes[i] == END_OF_REPLY) {
                answer(Arrays.copyOf(reply, replyBytes));
                replyBytes = 0;
                done++;
            } else {
                if (replyBytes == reply.length) {
                    reply = Arrays.copyOf(reply, replyBytes * 2);
                }
                reply[replyBytes++] = bytes[i];
            }
        }
        return done;
    }

    private void answer(byte[] text) {
        if (text.length == 0) {
            return;
        }
        Map<?, ?> answer;
        try {
            answer = JSON.readValue(text, Map.class);
        } catch (JacksonException e) {
            disconnected("SPDK's reply is no JSON: " + e.getMessage());
            return;
        }
        Call call = answer.get("id") instanceof Number id ? pending.remove(id.longValue()) : null;
        if (call == null) {
            disconnected("SPDK's reply answers none of the requests: " + answer);
        } else if (answer.get("error") instanceof Map<?, ?> error) {
            int code = error.get("code") instanceof Number number ? number.intValue() : 0;
            call.result.completeExceptionally(
                    new SpdkException.RpcFailed(call.method, code, String.valueOf(error.get("message"))));
        } else {
            call.result.complete(answer.get("result"));
        }
    }

    private void disconnected(String why) {
        closeSocket();
        Map<Long, Call> lost = new LinkedHashMap<>(pending);
        pending.clear();
        lost.values()
                .forEach(call ->
                        call.result.completeExceptionally(
                                SpdkException.withMessage("RPC " + call.method + ": " + why, -Errno.EIO)));
    }

    private void closeSocket() {
        try {
            if (socket != null) {
                socket.close();
            }
        } catch (IOException e) {
            // Nothing was to be read from it any more.
        }
        socket = null;
    }

    /** Ends client and server. */
    void close() {
        disconnected("SPDK ends");
        RpcH.spdk_rpc_server_close(server);
        try {
            Files.deleteIfExists(folder.resolve("rpc.sock.lock"));
            Files.deleteIfExists(address);
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            System.getLogger("io.spdkio").log(System.Logger.Level.DEBUG, "cannot delete " + folder, e);
        }
    }
}
