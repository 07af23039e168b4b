package io.spdkio.tck.process;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/** An NVMe-oF target over TCP on loopback, in a JVM of its own, that serves devices in memory. */
public final class TargetJvm implements AutoCloseable {
    /** The name of its subsystem. */
    public static final String NQN = "nqn.2016-06.io.spdk:tck";

    private final ChildJvm jvm;
    private int port;

    private TargetJvm(ChildJvm jvm) {
        this.jvm = jvm;
    }

    /**
     * Starts one that has no devices yet.
     *
     * @param engine the engine it runs on
     * @return the running target
     * @throws IOException if the JVM can't be started
     */
    public static TargetJvm start(String engine) throws IOException {
        TargetJvm target = new TargetJvm(ChildJvm.start(Program.class, engine));
        target.await();
        return target;
    }

    private String await() throws IOException {
        String line = jvm.awaitLine("TARGET ");
        if (line == null || line.startsWith("TARGET failed")) {
            throw new AssertionError("the target: " + line);
        }
        return line.substring("TARGET ".length());
    }

    private String ask(String command) throws IOException {
        jvm.send(command);
        return await();
    }

    /**
     * Serves devices as the namespaces of its subsystem.
     *
     * @param sizesBytes the size of each; their names are disk1, disk2 and so on, their blocks have 512 bytes
     * @throws IOException if the JVM has ended
     */
    public void serve(long... sizesBytes) throws IOException {
        serve("plain", sizesBytes);
    }

    /**
     * The same, with an error device over each. SPDK's own forgets to answer aborts.
     *
     * @param sizesBytes as there
     * @throws IOException if the JVM has ended
     */
    public void serveFaulty(long... sizesBytes) throws IOException {
        serve("faulty", sizesBytes);
    }

    private void serve(String kind, long... sizesBytes) throws IOException {
        StringBuilder command = new StringBuilder("serve ").append(kind);
        for (long size : sizesBytes) {
            command.append(' ').append(size);
        }
        port = Integer.parseInt(ask(command.toString()));
    }

    /**
     * Serves no longer; everything it had is gone.
     *
     * @throws IOException if the JVM has ended
     */
    public void end() throws IOException {
        ask("end");
    }

    /**
     * Removes a device while it is served.
     *
     * @param number its number, from 1
     * @throws IOException if the JVM has ended
     */
    public void remove(int number) throws IOException {
        ask("remove " + number);
    }

    /**
     * Has the next reads of a device that was served as a faulty one fail.
     *
     * @param number its number, from 1
     * @param count how many
     * @throws IOException if the JVM has ended
     */
    public void failReads(int number, int count) throws IOException {
        ask("fail " + number + " " + count);
    }

    /**
     * Where it listens on loopback.
     *
     * @return the TCP port
     */
    public int port() {
        return port;
    }

    /**
     * Its process.
     *
     * @return the JVM
     */
    public ChildJvm jvm() {
        return jvm;
    }

    @Override
    public void close() {
        jvm.close();
    }

    /** What runs in that JVM: one command a line, one answer each. */
    static final class Program {
        private static final int BLOCK = 512;

        private final SpdkEnv env;
        private final SpdkThread thread;
        private boolean serving;
        private int disks;

        private Program(String engine) {
            env = SpdkEnv.builder().engine(engine).noHuge(true).noPci(true).build();
            thread = env.attachThread("target");
            call("nvmf_create_transport", Map.of("trtype", "TCP"));
        }

        public static void main(String[] arguments) throws IOException {
            Program program = new Program(arguments[0]);
            System.out.println("TARGET ready");
            BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                try {
                    System.out.println("TARGET " + program.run(line.split(" ")));
                } catch (RuntimeException e) {
                    System.out.println("TARGET failed: " + line + ": " + e);
                }
            }
            // Who started it is gone.
            Runtime.getRuntime().halt(0);
        }

        private Object call(String method, Map<String, ?> params) {
            return thread.await(env.rpc().call(method, params));
        }

        private String run(String[] words) {
            return switch (words[0]) {
                case "serve" -> serve(words);
                case "end" -> end();
                case "remove" -> {
                    thread.await(env.bdevs().destroy("disk" + words[1]));
                    yield "removed";
                }
                case "fail" -> {
                    thread.await(
                            env.bdevs()
                                    .injectError(
                                            "disk" + words[1],
                                            ErrorBdev.Injection.next(
                                                    IoType.READ, ErrorBdev.Mode.FAILURE, Integer.parseInt(words[2]))));
                    yield "done";
                }
                default -> throw new IllegalArgumentException(words[0]);
            };
        }

        private String serve(String[] words) {
            call("nvmf_create_subsystem", Map.of("nqn", NQN, "allow_any_host", true, "serial_number", "TCK1"));
            serving = true;
            boolean faulty = words[1].equals("faulty");
            for (disks = 1; disks + 1 < words.length; disks++) {
                String memory = (faulty ? "memory" : "disk") + disks;
                thread.await(env.bdevs().create(MallocBdev.of(memory, Long.parseLong(words[disks + 1]), BLOCK)));
                if (faulty) {
                    thread.await(env.bdevs().create(new ErrorBdev("disk" + disks, memory, List.of())));
                }
                String id = UUID.randomUUID().toString();
                Map<String, String> namespace =
                        Map.of(
                                "bdev_name",
                                nameForRpc("disk" + disks),
                                "uuid",
                                id,
                                "nguid",
                                id.replace("-", "").toUpperCase(Locale.ROOT));
                call("nvmf_subsystem_add_ns", Map.of("nqn", NQN, "namespace", namespace));
            }
            int port = freePort();
            Map<String, String> address =
                    Map.of("trtype", "TCP", "adrfam", "IPv4", "traddr", "127.0.0.1", "trsvcid", Integer.toString(port));
            call("nvmf_subsystem_add_listener", Map.of("nqn", NQN, "listen_address", address));
            return Integer.toString(port);
        }

        /** SPDK calls an error device by another name than we do; both find it. */
        private String nameForRpc(String name) {
            List<?> found = (List<?>) call("bdev_get_bdevs", Map.of("name", name));
            return (String) ((Map<?, ?>) found.getFirst()).get("name");
        }

        private String end() {
            if (serving) {
                serving = false;
                call("nvmf_delete_subsystem", Map.of("nqn", NQN));
                for (int disk = 1; disk < disks; disk++) {
                    for (String name : List.of("disk" + disk, "memory" + disk)) {
                        if (env.bdevs().find(name).isPresent()) {
                            thread.await(env.bdevs().destroy(name));
                        }
                    }
                }
            }
            return "ended";
        }

        private static int freePort() {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
