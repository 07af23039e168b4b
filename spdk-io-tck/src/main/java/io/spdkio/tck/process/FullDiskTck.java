package io.spdkio.tck.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A full disk is ENOSPC on the write that finds it full, and on nothing else. */
@Timeout(120)
public abstract class FullDiskTck extends ProcessTck {
    @TempDir Path folder;

    /** For the subclasses. */
    protected FullDiskTck() {}

    /** Fills a small file system through a device, makes room, and goes on. */
    static final class Program {
        private static final int BLOCK = 4096;

        private Program() {}

        public static void main(String[] arguments) throws IOException {
            Path folder = Path.of(arguments[0]);
            Path filler = Files.write(folder.resolve("filler"), new byte[1 << 20]);
            try (SpdkEnv env = environment().build()) {
                SpdkThread thread = env.attachThread("main");
                AioBdev spec = AioBdev.create("f", folder.resolve("device"), 16 << 20).withBlockSize(BLOCK);
                boolean direct = Boolean.parseBoolean(arguments[1]);
                BdevDesc desc = env.bdevs().create(direct ? spec : spec.buffered()).join().open(OpenMode.READ_WRITE);
                var channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(BLOCK);
                long full = -1;
                for (long block = 0; full < 0 && block < 4096; block++) {
                    buffer.fill((byte) (block + 1));
                    try {
                        desc.write(channel, buffer, block * BLOCK, BLOCK).join();
                    } catch (SpdkException.IoFailed e) {
                        System.out.println((e.errno() == Errno.ENOSPC ? "full: " : "wrong: ") + e.getMessage());
                        full = block;
                    }
                }
                int wrong = 0;
                for (long block = 0; block < full; block++) {
                    desc.read(channel, buffer, block * BLOCK, BLOCK).join();
                    byte[] found = buffer.get(0, BLOCK);
                    for (byte each : found) {
                        wrong += each == (byte) (block + 1) ? 0 : 1;
                    }
                }
                System.out.println("written before: " + full + " blocks, wrong bytes: " + wrong);
                Files.delete(filler);
                desc.write(channel, buffer, full * BLOCK, BLOCK).join();
                desc.flush(channel).join();
                System.out.println("goes on");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theWriteThatFindsTheDiskFullFailsAlone(boolean direct) throws Exception {
        // A file system of 4 MiB in a mount namespace of the child's own.
        List<String> prefix =
                List.of(
                        "unshare",
                        "-Urm",
                        "sh",
                        "-c",
                        "mount -t tmpfs -o size=4m tmpfs '" + folder + "' && exec \"$0\" \"$@\"");
        assumeTrue(canUnshare(), "needs unshare -Urm for a small file system of its own");
        try (ChildJvm child = start(prefix, Program.class, folder.toString(), Boolean.toString(direct))) {
            List<String> output = child.allOutput();
            assertThat(child.exitCode()).as("%s", output).isZero();
            assertThat(output).anyMatch(line -> line.startsWith("full: ") && line.contains("free space"));
            assertThat(output).anyMatch(line -> line.matches("written before: [1-9]\\d* blocks, wrong bytes: 0"));
            assertThat(output).contains("goes on");
        }
    }

    private boolean canUnshare() throws InterruptedException {
        try {
            return new ProcessBuilder(
                                    "unshare",
                                    "-Urm",
                                    "mount",
                                    "-t",
                                    "tmpfs",
                                    "-o",
                                    "size=4m",
                                    "tmpfs",
                                    folder.toString())
                            .redirectErrorStream(true)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
