package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** The shares of a millisecond, to the I/O, by a clock that the test moves. */
final class QosClockTest {
    private static final long SLICE = 1_000_000;

    private final AtomicLong now = new AtomicLong(1_000_000_000);

    private static long done(List<IoFuture<Void>> all) {
        return all.stream().filter(IoFuture::isDone).count();
    }

    private void run(QosLimits limits, long lengthBytes, Steps steps) {
        try (SpdkEnv env = SpdkEnv.builder().engine("embedded").clock(now::get).build()) {
            var thread = env.attachThread("main");
            Bdev bdev = env.bdevs().create(MallocBdev.of("m", 1 << 20, 512)).join();
            BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
            IoChannel channel = thread.ioChannel(desc);
            bdev.setQosLimits(limits).join();
            DmaBuf buffer = env.dma().allocate(lengthBytes);
            List<IoFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                all.add(desc.read(channel, buffer, 0, lengthBytes));
            }
            steps.run(slices -> {
                now.addAndGet(slices * SLICE);
                for (int i = 0; i < 5; i++) {
                    thread.poll();
                }
                return done(all);
            });
            bdev.setQosLimits(QosLimits.NONE).join();
            all.forEach(IoFuture::join);
        }
    }

    private interface Steps {
        void run(Clock clock);
    }

    private interface Clock {
        /** Lets so many slices pass; how many reads are done then. */
        long after(long slices);
    }

    @Test
    void eachMillisecondHasItsShareOfIos() {
        run(
                QosLimits.ofIos(3_000),
                512,
                clock -> {
                    assertThat(clock.after(0)).isEqualTo(3);
                    assertThat(clock.after(0)).isEqualTo(3);
                    assertThat(clock.after(1)).isEqualTo(6);
                    assertThat(clock.after(5)).as("what was due is caught up with").isEqualTo(21);
                });
    }

    @Test
    void whatOneIoOverrunsTheNextSlicesGoWithout() {
        // 4,194 bytes in a millisecond, reads of 16,384: one in four slices, near enough.
        run(
                QosLimits.ofMiB(4),
                16_384,
                clock -> {
                    assertThat(clock.after(0)).isEqualTo(1);
                    assertThat(clock.after(1)).isEqualTo(1);
                    assertThat(clock.after(1)).isEqualTo(1);
                    assertThat(clock.after(1)).isEqualTo(2);
                    assertThat(clock.after(16)).isEqualTo(6);
                });
    }

    @Test
    void whatNobodyUsedIsLost() {
        try (SpdkEnv env = SpdkEnv.builder().engine("embedded").clock(now::get).build()) {
            var thread = env.attachThread("main");
            Bdev bdev = env.bdevs().create(MallocBdev.of("m", 1 << 20, 512)).join();
            BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
            IoChannel channel = thread.ioChannel(desc);
            bdev.setQosLimits(QosLimits.ofIos(2_000)).join();
            now.addAndGet(100 * SLICE);
            DmaBuf buffer = env.dma().allocate(512);
            List<IoFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                all.add(desc.read(channel, buffer, 0, 512));
            }
            for (int i = 0; i < 5; i++) {
                thread.poll();
            }
            // The share of the slice that the limit began with, and of the one that began when that was used up.
            assertThat(done(all)).isEqualTo(4);
            bdev.setQosLimits(QosLimits.NONE).join();
            all.forEach(IoFuture::join);
        }
    }
}
