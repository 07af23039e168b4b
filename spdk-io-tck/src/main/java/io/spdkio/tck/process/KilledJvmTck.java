package io.spdkio.tck.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** After a flush has completed, killing the JVM loses none of what was written before it. */
@Timeout(120)
public abstract class KilledJvmTck extends ProcessTck {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 1024;

    @TempDir Path folder;

    /** For the subclasses. */
    protected KilledJvmTck() {}

    /** Writes blocks in random order, flushes after each batch and says so; never ends by itself. */
    static final class Writer {
        private Writer() {}

        static byte[] contents(int block, int generation) {
            byte[] bytes = new byte[BLOCK];
            new Random(block * 1_000_003L + generation).nextBytes(bytes);
            return bytes;
        }

        /** Which blocks a batch writes. */
        static int[] blocksOf(int batch) {
            return new Random(batch).ints(16, 0, BLOCKS).distinct().toArray();
        }

        public static void main(String[] arguments) {
            SpdkEnv env = environment().build();
            SpdkThread thread = env.attachThread("writer");
            AioBdev spec = AioBdev.create("f", Path.of(arguments[0]), (long) BLOCKS * BLOCK).withBlockSize(BLOCK);
            boolean direct = Boolean.parseBoolean(arguments[1]);
            BdevDesc desc = env.bdevs().create(direct ? spec : spec.buffered()).join().open(OpenMode.READ_WRITE);
            var channel = thread.ioChannel(desc);
            DmaBuf buffer = env.dma().allocate(BLOCK);
            for (int batch = 0; ; batch++) {
                for (int block : blocksOf(batch)) {
                    buffer.put(0, contents(block, batch));
                    desc.write(channel, buffer, (long) block * BLOCK, BLOCK).join();
                }
                desc.flush(channel).join();
                System.out.println("flushed " + batch);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"true, 1", "true, 37", "false, 5", "false, 60"})
    void whatWasFlushedIsThere(boolean direct, int batches) throws Exception {
        Path file = folder.resolve("device");
        try (ChildJvm child = start(Writer.class, file.toString(), Boolean.toString(direct))) {
            assertThat(child.awaitLine("flushed " + batches)).as("the writer's last words").isNotNull();
            child.kill();
        }
        byte[] found = Files.readAllBytes(file);
        assertThat(found).hasSize(BLOCKS * BLOCK);
        // The batch after the last one reported may have come in part, so each block is of its last flushed
        // generation or of a later one.
        int[] flushed = new int[BLOCKS];
        Arrays.fill(flushed, -1);
        for (int batch = 0; batch <= batches; batch++) {
            for (int block : Writer.blocksOf(batch)) {
                flushed[block] = batch;
            }
        }
        for (int block = 0; block < BLOCKS; block++) {
            byte[] now = Arrays.copyOfRange(found, block * BLOCK, (block + 1) * BLOCK);
            boolean known = flushed[block] < 0 && Arrays.equals(now, new byte[BLOCK]);
            for (int batch = Math.max(flushed[block], 0); !known && batch < batches + 20_000; batch++) {
                known = writes(batch, block) && Arrays.equals(now, Writer.contents(block, batch));
            }
            assertThat(known).as("block %d holds what was flushed, or something newer", block).isTrue();
        }
    }

    private static boolean writes(int batch, int block) {
        return Arrays.stream(Writer.blocksOf(batch)).anyMatch(it -> it == block);
    }
}
