package io.spdkio.embedded.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** A block device of the system: here one that loops back to a file, where this user may make such. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "needs Linux's loop devices")
class BlockDeviceTest {
    private static final long SIZE = 4 << 20;

    @TempDir Path folder;

    private Path device;

    @AfterEach
    void detach() throws Exception {
        if (device != null) {
            run("losetup", "--detach", device.toString());
        }
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException noSuchCommand) {
            return "failed: " + noSuchCommand.getMessage();
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        boolean ended = process.waitFor(20, TimeUnit.SECONDS);
        return ended && process.exitValue() == 0 ? output : "failed: " + output;
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aBlockDeviceReportsItsOwnSizeAndBlockSizeAndKeepsWhatIsWritten(int sectorSize) throws Exception {
        Path backing = folder.resolve("backing.img");
        Files.write(backing, new byte[(int) SIZE]);
        String made =
                run("losetup", "--find", "--show", "--sector-size", Integer.toString(sectorSize), backing.toString());
        assumeTrue(made.startsWith("/dev/"), () -> "no loop device for this user: " + made);
        device = Path.of(made);

        byte[] pattern = new byte[sectorSize * 2];
        Arrays.fill(pattern, (byte) 0x5c);
        try (SpdkEnv env = SpdkEnv.builder().engine("embedded").build();
                SpdkThread thread = env.attachThread("test")) {
            Bdev bdev = env.bdevs().create(AioBdev.of("loop", device)).join();
            assertThat(bdev.blockSize()).isEqualTo(sectorSize);
            assertThat(bdev.sizeBytes()).isEqualTo(SIZE);
            try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                    IoChannel channel = thread.ioChannel(desc);
                    DmaBuf buffer = env.dma().allocate(pattern.length)) {
                long last = SIZE - pattern.length;
                desc.write(channel, buffer.put(0, pattern), last, pattern.length).join();
                desc.flush(channel).join();
                assertThat(Arrays.copyOfRange(Files.readAllBytes(backing), (int) last, (int) SIZE)).isEqualTo(pattern);
                desc.writeZeroes(channel, last, sectorSize).join();
                desc.read(channel, buffer, last, pattern.length).join();
                assertThat(buffer.get(0, sectorSize)).containsOnly(0);
                assertThat(buffer.get(sectorSize, sectorSize)).containsOnly(0x5c);
                if (bdev.supports(IoType.UNMAP)) {
                    desc.unmap(channel, 0, SIZE / 2).join();
                }
            }
        }
    }
}
