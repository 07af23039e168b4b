package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IdleStrategy;
import io.spdkio.IoChannel;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LatencyHistogram;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a device counts. */
public abstract class StatisticsTck extends EngineTck {
    /** For the subclasses. */
    protected StatisticsTck() {}

    @Test
    void everyOperationIsCountedUnderItsKind() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(4096);
        assertThat(device.bdev.statistics()).isEqualTo(new BdevStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        for (int i = 0; i < 5; i++) {
            await(device.desc.read(device.channel, buffer, 0, 1024));
        }
        for (int i = 0; i < 3; i++) {
            await(device.desc.write(device.channel, buffer, 0, 512));
        }
        await(device.desc.unmap(device.channel, 0, 2048));
        BdevStatistics statistics = device.bdev.statistics();
        assertThat(statistics.readOps()).isEqualTo(5);
        assertThat(statistics.readBytes()).isEqualTo(5 * 1024);
        assertThat(statistics.writeOps()).isEqualTo(3);
        assertThat(statistics.writeBytes()).isEqualTo(3 * 512);
        assertThat(statistics.unmapOps()).isEqualTo(1);
        assertThat(statistics.unmapBytes()).isEqualTo(2048);
        assertThat(statistics.errors()).isZero();
        assertThat(statistics.readNanos()).isNotNegative();
        assertThat(statistics.writeNanos()).isNotNegative();
        await(device.desc.flush(device.channel));
        assertThat(device.bdev.statistics().otherOps()).isGreaterThanOrEqualTo(1);
        device.bdev.resetStatistics();
        assertThat(device.bdev.statistics()).isEqualTo(new BdevStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        await(device.desc.read(device.channel, buffer, 0, 512));
        assertThat(device.bdev.statistics().readOps()).isEqualTo(1);
    }

    @Test
    void failuresAreCounted() {
        TestBackend backend = TestBackend.of(64, 512).with((_, io) -> io.complete(-Errno.EIO));
        Device device = device(custom(backend));
        for (int i = 0; i < 3; i++) {
            completesWith(SpdkException.IoFailed.class, device.desc.read(device.channel, buffer(512), 0, 512));
        }
        assertThat(device.bdev.statistics().errors()).isEqualTo(3);
        assertThat(device.bdev.statistics().readBytes()).as("bytes that were read").isZero();
    }

    /** Ten blocks, on the calling thread; the channel is left open. */
    private IoChannel readTen(SpdkThread thread, Device device) {
        IoChannel channel = thread.ioChannel(device.desc);
        DmaBuf buffer = buffer(512);
        for (int i = 0; i < 10; i++) {
            bounded(device.desc.read(channel, buffer, 0, 512)).join();
        }
        return channel;
    }

    @Test
    void threadsAreSummedAlsoWhenTheyHaveExited() {
        Device device = mallocDevice(64, 512);
        device.write(0, new byte[512]);
        for (int i = 0; i < 3; i++) {
            int done =
                    env.<Integer>spawnThread(
                                    "worker",
                                    it -> {
                                        var _ = readTen(it, device);
                                        return 10;
                                    })
                            .join();
            assertThat(done).isEqualTo(10);
        }
        BdevStatistics statistics = device.bdev.statistics();
        assertThat(statistics.readOps()).isEqualTo(30);
        assertThat(statistics.readBytes()).isEqualTo(30 * 512);
        assertThat(statistics.writeOps()).isEqualTo(1);
        assertThat(env.bdevs().get(device.bdev.name()).statistics()).isEqualTo(statistics);
    }

    @Test
    void latenciesAreTheDevices() {
        String base = malloc(64, 512).name();
        Device device = device(create(DelayBdev.of("d", base, Duration.ofMillis(2))));
        DmaBuf buffer = buffer(512);
        for (int i = 0; i < 10; i++) {
            await(device.desc.read(device.channel, buffer, 0, 512));
        }
        assertThat(device.bdev.statistics().readNanos()).isGreaterThanOrEqualTo(10 * 2_000_000L);
    }

    @Test
    void aHistogramIsKeptOnlyWhenAskedFor() {
        String base = malloc(64, 512).name();
        Device device = device(create(DelayBdev.of("d", base, Duration.ofMillis(1))));
        DmaBuf buffer = buffer(512);
        await(device.desc.read(device.channel, buffer, 0, 512));
        assertThat(device.bdev.latency().count()).isZero();
        device.bdev.recordLatency(true);
        for (int i = 0; i < 20; i++) {
            await(device.desc.read(device.channel, buffer, 0, 512));
        }
        LatencyHistogram histogram = device.bdev.latency();
        assertThat(histogram.count()).isEqualTo(20);
        assertThat(histogram.nanosAtPercentile(0)).isGreaterThanOrEqualTo(990_000);
        assertThat(histogram.meanNanos()).isGreaterThanOrEqualTo(990_000);
        assertThat(histogram.nanosAtPercentile(50)).isLessThanOrEqualTo(histogram.nanosAtPercentile(99));
        List<Long> counts = new ArrayList<>();
        histogram.forEach((from, to, count) -> {
            assertThat(from).isLessThanOrEqualTo(to);
            counts.add(count);
        });
        assertThat(counts.stream().mapToLong(Long::longValue).sum()).isEqualTo(20);
        device.bdev.recordLatency(false);
        await(device.desc.read(device.channel, buffer, 0, 512));
        assertThat(device.bdev.latency().count()).as("no more").isLessThanOrEqualTo(20);
        device.bdev.resetStatistics();
        assertThat(device.bdev.latency().count()).isZero();
    }

    @Test
    void histogramsOfThreadsAreSummed() {
        Device device = mallocDevice(64, 512);
        device.bdev.recordLatency(true);
        for (int i = 0; i < 3; i++) {
            int done =
                    env.<Integer>spawnThread(
                                    "worker",
                                    it -> {
                                        readTen(it, device).close();
                                        it.exit();
                                        it.run(IdleStrategy.yielding());
                                        return 10;
                                    })
                            .join();
            assertThat(done).isEqualTo(10);
        }
        assertThat(device.bdev.latency().count()).isEqualTo(30);
    }

    @Test
    void supportsTellsWhatWorks() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        for (IoType type : IoType.values()) {
            if (!device.bdev.supports(type)) {
                continue;
            }
            switch (type) {
                case READ -> await(device.desc.read(device.channel, buffer, 0, 512));
                case WRITE -> await(device.desc.write(device.channel, buffer, 0, 512));
                case UNMAP -> await(device.desc.unmap(device.channel, 0, 512));
                case FLUSH -> await(device.desc.flush(device.channel));
                case RESET -> await(device.desc.reset(device.channel));
                case WRITE_ZEROES -> await(device.desc.writeZeroes(device.channel, 0, 512));
                case COMPARE -> await(device.desc.compare(device.channel, buffer(512), 0, 512));
                case COMPARE_AND_WRITE ->
                        await(device.desc.compareAndWrite(device.channel, buffer(512), buffer(512), 0, 512));
                case COPY -> await(device.desc.copy(device.channel, 0, 512, 512));
                case ABORT -> {}
            }
        }
        assertThat(device.bdev.supports(IoType.RESET)).isTrue();
    }
}
