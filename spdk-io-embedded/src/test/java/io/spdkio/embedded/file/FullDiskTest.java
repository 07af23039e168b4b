package io.spdkio.embedded.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.embedded.file.FileEngine.Method;

import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * On a file system of 1 MiB, mounted for a JVM of its own in a namespace of its own: no privilege is needed where users
 * may make these.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "mounts a small tmpfs in a namespace")
class FullDiskTest {

    @TempDir Path folder;

    @ParameterizedTest
    @EnumSource
    void writeThatFindsTheDiskFullFailsAloneWithEnospc(Method method) throws Exception {
        method.unavailabilityCause().ifPresent(cause -> assumeTrue(false, cause));
        Result mount = inNamespace(List.of("true"));
        assumeTrue(mount.status == 0, () -> "no mount namespace for this user: " + mount.output);
        Result java =
                inNamespace(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-D" + FileEngine.METHOD_PROPERTY + "=" + method.label(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                FillDisk.class.getName(),
                                folder.resolve("file").toString()));
        assertThat(java.status).as(java.output).isZero();
        assertThat(java.output).contains("refused with ENOSPC");
    }

    private record Result(int status, String output) {}

    private Result inNamespace(List<String> command) throws IOException, InterruptedException {
        List<String> all =
                new ArrayList<>(
                        List.of(
                                "unshare",
                                "--mount",
                                "--map-root-user",
                                "sh",
                                "-c",
                                "mount -t tmpfs -o size=1m spdk-io \"$0\" && exec \"$@\"",
                                folder.toString()));
        all.addAll(command);
        try {
            Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Result(process.waitFor(), output);
        } catch (IOException noSuchCommand) {
            return new Result(127, noSuchCommand.getMessage());
        }
    }

    /** Runs in a JVM of its own. */
    static final class FillDisk {
        private static final int BLOCK = 65536;
        private static final int BLOCKS = 64;

        private static FileRing<Integer> ring;
        private static final int[] STATUS = new int[BLOCKS];

        private FillDisk() {}

        public static void main(String[] args) {
            try (Arena arena = Arena.ofShared();
                    FileEngine engine = FileEngine.open();
                    FileRing<Integer> opened = engine.newRing((request, status) -> STATUS[request] = status);
                    BackingFile backing =
                            engine.openFile(FileOptions.of(Path.of(args[0])).createdWith((long) BLOCKS * BLOCK));
                    RingFile<Integer> file = opened.attach(backing)) {
                ring = opened;
                MemorySegment data = arena.allocate(BLOCK, 4096).fill((byte) 5);
                for (int i = 0; i < BLOCKS; i++) {
                    file.write(data, 0, BLOCK, (long) i * BLOCK, i);
                }
                await();
                List<Integer> written = new ArrayList<>();
                int refused = 0;
                for (int i = 0; i < BLOCKS; i++) {
                    check(STATUS[i] == 0 || STATUS[i] == -Errno.ENOSPC, "status " + STATUS[i]);
                    if (STATUS[i] == 0) {
                        written.add(i);
                    } else {
                        refused++;
                    }
                }
                check(refused > BLOCKS / 2, "only " + refused + " refused");
                check(written.size() > 2, "only " + written.size() + " written");
                long there = (long) written.getFirst() * BLOCK;
                file.write(data, 0, BLOCK, there, 0);
                file.read(data, 0, BLOCK, (long) written.getLast() * BLOCK, 1);
                await();
                check(STATUS[0] == 0 && STATUS[1] == 0, "what is there can be written and read");
                if (backing.unmaps()) {
                    file.unmap(there, BLOCK, 0);
                    await();
                    file.write(data, 0, BLOCK, there, 1);
                    await();
                    check(STATUS[0] == 0 && STATUS[1] == 0, "unmapping makes room");
                }
                System.out.println(refused + " of " + BLOCKS + " writes refused with ENOSPC");
            }
        }

        private static void await() {
            while (ring.inFlight() != 0) {
                ring.poll();
            }
        }

        private static void check(boolean condition, String what) {
            if (!condition) {
                throw new AssertionError(what);
            }
        }
    }
}
