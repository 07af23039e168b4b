package io.spdkio.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;

/** Where the embedded delay device does better than SPDK's. */
@Timeout(60)
final class DelayDeviceTest {
    @Test
    void anAbortThatFindsTheIoStillInTheBaseIsNotForgotten() {
        try (SpdkEnv env = SpdkEnv.builder().engine("embedded").build()) {
            SpdkThread thread = env.attachThread("main");
            env.bdevs().create(MallocBdev.of("m", 1 << 20)).join();
            BdevDesc desc =
                    env.bdevs().create(DelayBdev.of("d", "m", Duration.ofHours(20))).join().open(OpenMode.READ_WRITE);
            DmaBuf buffer = env.dma().allocate(4096);
            var read = desc.read(thread.ioChannel(desc), buffer, 0, 4096);
            // The base is done, but nobody has polled: the I/O does not wait in the delay device yet.
            assertThat(read.cancel(true)).isTrue();
            for (int i = 0; i < 100; i++) {
                thread.poll();
            }
            assertThat(buffer.isLeased()).isFalse();
        }
    }

    @Test
    void anEnvironmentThatClosesDoesNotWaitForADelay() {
        SpdkEnv env = SpdkEnv.builder().engine("embedded").build();
        SpdkThread thread = env.attachThread("main");
        env.bdevs().create(MallocBdev.of("m", 1 << 20)).join();
        BdevDesc desc =
                env.bdevs().create(DelayBdev.of("d", "m", Duration.ofHours(20))).join().open(OpenMode.READ_WRITE);
        var read = desc.read(thread.ioChannel(desc), env.dma().allocate(4096), 0, 4096);
        env.close();
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.class);
    }
}
