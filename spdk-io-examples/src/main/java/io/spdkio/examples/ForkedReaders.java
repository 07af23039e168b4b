package io.spdkio.examples;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Sums up numbers on a device with sixteen readers in direct style: straight-line code, one OS thread, sixteen reads in
 * flight.
 *
 * <p>Needs {@code --add-opens java.base/java.lang=ALL-UNNAMED}.
 */
public final class ForkedReaders {
    private static final int READERS = 16;
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 1024;

    private ForkedReaders() {}

    /**
     * Runs it.
     *
     * @param args not used
     */
    public static void main(String[] args) {
        try (SpdkEnv env = SpdkEnv.open();
                SpdkThread thread = env.attachThread("main")) {
            Bdev bdev = env.bdevs().create(MallocBdev.of("numbers", (long) BLOCKS * BLOCK)).join();
            try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                    IoChannel channel = thread.ioChannel(desc)) {
                thread.fork(() -> write(env, desc, channel)).join();

                List<IoFuture<Long>> sums = new ArrayList<>();
                for (int reader = 0; reader < READERS; reader++) {
                    int first = reader;
                    sums.add(thread.fork(() -> sum(env, desc, channel, first)));
                }
                long total = sums.stream().mapToLong(IoFuture::join).sum();
                System.out.println("sum of the block numbers: " + total);
            }
        }
    }

    private static void write(SpdkEnv env, BdevDesc desc, IoChannel channel) {
        try (DmaBuf buffer = env.dma().allocate(BLOCK)) {
            for (int block = 0; block < BLOCKS; block++) {
                buffer.segment().set(ValueLayout.JAVA_LONG, 0, block);
                desc.write(channel, buffer, (long) block * BLOCK, BLOCK).join();
            }
        }
    }

    private static long sum(SpdkEnv env, BdevDesc desc, IoChannel channel, int first) {
        long sum = 0;
        try (DmaBuf buffer = env.dma().allocate(BLOCK)) {
            for (int block = first; block < BLOCKS; block += READERS) {
                desc.read(channel, buffer, (long) block * BLOCK, BLOCK).join();
                sum += buffer.segment().get(ValueLayout.JAVA_LONG, 0);
            }
        }
        return sum;
    }
}
