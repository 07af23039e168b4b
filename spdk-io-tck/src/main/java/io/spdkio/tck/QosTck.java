package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Limits on what a device does in a second. Real time passes here, so the bounds are wide: half of what a limit allows
 * must be done, and not more than half as much again.
 */
public abstract class QosTck extends EngineTck {
    private static final int BLOCK = 4096;
    private static final int DEPTH = 32;
    private static final Duration TIME = Duration.ofMillis(1_500);

    /** For the subclasses. */
    protected QosTck() {}

    private Device limited(QosLimits limits) {
        Device device = mallocDevice(1024, BLOCK);
        await(device.bdev.setQosLimits(limits));
        return device;
    }

    private static void assertWithin(long done, double perSecond) {
        double allowed = perSecond * TIME.toMillis() / 1000;
        assertThat((double) done).isBetween(allowed / 2, allowed * 1.5 + DEPTH);
    }

    /** Keeps reads or writes of a block outstanding for the time of a measurement; how many were done. */
    private final class Load {
        private final IoQueue queue;
        private final IoType type;
        private final DmaBuf buffer = buffer(BLOCK);
        private long done;
        private boolean stopped;

        Load(Device device, IoType type) {
            this.type = type;
            queue = device.desc.openQueue(device.channel, DEPTH, this::completed);
            for (int i = 0; i < DEPTH; i++) {
                submit(i);
            }
        }

        private void submit(long cookie) {
            if (type == IoType.READ) {
                queue.read(buffer, cookie * BLOCK, BLOCK, cookie);
            } else {
                queue.write(buffer, cookie * BLOCK, BLOCK, cookie);
            }
        }

        void stop() {
            stopped = true;
            pollUntil("the last I/O", () -> queue.outstanding() == 0);
        }

        private void completed(long cookie, int status) {
            assertThat(status).isZero();
            done++;
            if (!stopped) {
                submit(cookie);
            }
        }
    }

    @Test
    void theNumberOfIosIsLimited() {
        Device device = limited(QosLimits.ofIos(2_000));
        Load load = new Load(device, IoType.READ);
        pollFor(TIME);
        assertWithin(load.done, 2_000);
        await(device.bdev.setQosLimits(QosLimits.NONE));
        long before = load.done;
        pollUntil("more than the limit allows", () -> load.done > before + 100_000);
        load.stop();
    }

    @Test
    void theBytesAreLimited() {
        Device device = limited(QosLimits.ofMiB(4));
        Load reads = new Load(device, IoType.READ);
        Load writes = new Load(device, IoType.WRITE);
        pollFor(TIME);
        assertWithin(reads.done + writes.done, 4 * 1024 * 1024.0 / BLOCK);
        reads.stop();
        writes.stop();
    }

    @Test
    void readsAreLimitedAndWritesGoOn() {
        Device device = limited(new QosLimits(0, 0, 4, 0));
        Load reads = new Load(device, IoType.READ);
        Load writes = new Load(device, IoType.WRITE);
        pollFor(TIME);
        assertWithin(reads.done, 4 * 1024 * 1024.0 / BLOCK);
        assertThat(writes.done).isGreaterThan(10 * reads.done);
        reads.stop();
        writes.stop();
    }

    @Test
    void writesAreLimitedAndReadsGoOn() {
        Device device = limited(new QosLimits(0, 0, 0, 4));
        Load reads = new Load(device, IoType.READ);
        Load writes = new Load(device, IoType.WRITE);
        pollFor(TIME);
        assertWithin(writes.done, 4 * 1024 * 1024.0 / BLOCK);
        assertThat(reads.done).isGreaterThan(10 * writes.done);
        reads.stop();
        writes.stop();
    }

    @Test
    void theLimitIsOfAllThreadsTogether() {
        Bdev bdev = malloc(1024, BLOCK);
        await(bdev.setQosLimits(QosLimits.ofIos(2_000)));
        List<JoinHandle<Long>> loads = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            loads.add(
                    env.spawnThread(
                            "load" + t,
                            it -> {
                                var desc = bdev.open(OpenMode.READ_WRITE);
                                var channel = it.ioChannel(desc);
                                DmaBuf buffer = buffer(BLOCK);
                                long done = 0;
                                long begin = System.nanoTime();
                                while (System.nanoTime() - begin < TIME.toNanos()) {
                                    List<IoFuture<Void>> some = new ArrayList<>();
                                    for (int i = 0; i < 8; i++) {
                                        some.add(desc.read(channel, buffer, 0, BLOCK));
                                    }
                                    for (IoFuture<Void> one : some) {
                                        bounded(one).join();
                                        done++;
                                    }
                                }
                                desc.close();
                                return done;
                            }));
        }
        long sum = 0;
        for (JoinHandle<Long> load : loads) {
            pollUntil("the end of the load", load.result()::isDone);
            sum += load.join();
        }
        assertWithin(sum, 2_000);
    }

    @Test
    void limitsAreToldAsTheyAreRounded() {
        Bdev bdev = malloc(64, BLOCK);
        assertThat(bdev.qosLimits()).isEqualTo(QosLimits.NONE);
        await(bdev.setQosLimits(new QosLimits(1_001, 2, 3, 4)));
        assertThat(bdev.qosLimits()).isEqualTo(new QosLimits(2_000, 2, 3, 4));
        await(bdev.setQosLimits(QosLimits.ofMiB(7)));
        assertThat(bdev.qosLimits()).isEqualTo(new QosLimits(0, 7, 0, 0));
        await(bdev.setQosLimits(QosLimits.NONE));
        assertThat(bdev.qosLimits().isNone()).isTrue();
        await(bdev.setQosLimits(QosLimits.NONE));
    }

    /** With a thousandth of a second's share used up, the rest of these waits for many more. */
    private List<IoFuture<Void>> heldBack(Device device, DmaBuf buffer) {
        await(device.bdev.setQosLimits(QosLimits.ofMiB(1)));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            writes.add(device.desc.write(device.channel, buffer, 0, buffer.sizeBytes()));
        }
        poll(5);
        assertThat(writes.getLast()).isNotDone();
        return writes;
    }

    @Test
    void whatIsHeldBackPassesWhenTheLimitEnds() {
        Device device = mallocDevice(64, BLOCK);
        DmaBuf buffer = buffer(64 * BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer);
        await(device.bdev.setQosLimits(QosLimits.NONE));
        // The limit would have let pass four in this time.
        pollFor(Duration.ofSeconds(1));
        assertThat(writes).allSatisfy(write -> assertThat(write).isDone());
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void whatIsHeldBackCanBeAborted() {
        Device device = mallocDevice(64, BLOCK);
        DmaBuf buffer = buffer(64 * BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer);
        assertThat(await(device.desc.abort(device.channel, writes.getLast()))).isTrue();
        assertThat(writes.getLast().exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        await(device.bdev.setQosLimits(QosLimits.NONE));
        awaitAll(writes.subList(0, writes.size() - 1));
    }

    @Test
    void aResetEndsWhatIsHeldBack() {
        Device device = mallocDevice(64, BLOCK);
        DmaBuf buffer = buffer(64 * BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer);
        await(device.desc.reset(device.channel));
        assertThat(writes).allSatisfy(write -> assertThat(write).isDone());
        assertThat(writes.getLast().exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aDeviceRemovedEndsWhatIsHeldBack() {
        Device device = mallocDevice(64, BLOCK);
        DmaBuf buffer = buffer(64 * BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer);
        IoFuture<Void> destroyed = env.bdevs().destroy(device.bdev.name());
        for (IoFuture<Void> write : writes) {
            pollUntil("the end of the writes", write::isDone);
        }
        device.close();
        await(destroyed);
        assertRemoved(failureOf(() -> device.bdev.setQosLimits(QosLimits.ofIos(1_000))));
    }

    @Test
    void anEnvironmentClosesWithIoHeldBack() {
        Device device = mallocDevice(64, BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer(64 * BLOCK));
        env.close();
        assertThat(writes).allSatisfy(write -> assertThat(write).isDone());
    }

    @Test
    void whatIsNotReadOrWrittenIsNotHeldBack() {
        Device device = mallocDevice(64, BLOCK);
        DmaBuf buffer = buffer(64 * BLOCK);
        List<IoFuture<Void>> writes = heldBack(device, buffer);
        await(device.desc.unmap(device.channel, 0, BLOCK));
        await(device.desc.flush(device.channel));
        assertThat(writes.getLast()).isNotDone();
        await(device.desc.reset(device.channel));
    }

    @Test
    void theMethodOfTheControlPlaneSetsTheLimitsItNames() {
        Bdev bdev = malloc(64, BLOCK);
        // Without a channel SPDK's method changes limits only once.
        Device used = device(bdev);
        String name = bdev.name();
        await(env.rpc().call("bdev_set_qos_limit", Map.of("name", name, "rw_ios_per_sec", 5_500)));
        assertThat(bdev.qosLimits()).isEqualTo(new QosLimits(6_000, 0, 0, 0));
        await(env.rpc().call("bdev_set_qos_limit", Map.of("name", name, "w_mbytes_per_sec", 3)));
        assertThat(bdev.qosLimits()).isEqualTo(new QosLimits(6_000, 0, 0, 3));
        await(env.rpc().call("bdev_set_qos_limit", Map.of("name", name, "rw_ios_per_sec", 0)));
        assertThat(bdev.qosLimits()).isEqualTo(new QosLimits(0, 0, 0, 3));
        SpdkException.RpcFailed nothing =
                failsWith(
                        SpdkException.RpcFailed.class,
                        () -> env.rpc().call("bdev_set_qos_limit", Map.of("name", name)));
        assertThat(nothing.code()).isEqualTo(-io.spdkio.Errno.EINVAL);
        used.close();
    }

    @Test
    void anImpossibleLimitIsRefused() {
        for (long limit : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThatThrownBy(() -> QosLimits.ofIos(limit)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> QosLimits.ofMiB(limit)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new QosLimits(0, 0, limit, 0)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new QosLimits(0, 0, 0, limit)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> malloc(64, BLOCK).setQosLimits(null)).isInstanceOf(NullPointerException.class);
    }
}
