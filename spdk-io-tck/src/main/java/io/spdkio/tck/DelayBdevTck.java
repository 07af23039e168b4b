package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.DelayBdev.Latencies;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The delay device. Times are real: only lower bounds are asserted. */
public abstract class DelayBdevTck extends EngineTck {
    private static final Duration NONE = Duration.ZERO;
    private static final Duration SOME = Duration.ofMillis(20);
    private static final Duration FOREVER = Duration.ofHours(20);
    private DmaBuf buffer;

    /** For the subclasses. */
    protected DelayBdevTck() {}

    private Device delayDevice(Duration read, Duration write) {
        buffer = buffer(512);
        Bdev base = malloc(64, 512);
        return device(create(new DelayBdev(newName("delay"), base.name(), new Latencies(read, read, write, write))));
    }

    private Duration timed(Runnable work) {
        long begin = System.nanoTime();
        work.run();
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    @Test
    void readsAndWritesAreDelayedApart() {
        Device device = delayDevice(SOME, NONE);
        device.write(0, pattern(seed, 512));
        assertThat(timed(() -> await(device.desc.read(device.channel, buffer, 0, 512)))).isGreaterThanOrEqualTo(SOME);
        assertThat(buffer.get(0, 512)).isEqualTo(pattern(seed, 512));
        Device other = delayDevice(NONE, SOME);
        assertThat(timed(() -> other.write(0, pattern(seed, 512)))).isGreaterThanOrEqualTo(SOME);
    }

    @Test
    void manyAreDelayedAtTheSameTime() {
        Device device = delayDevice(SOME, SOME);
        List<IoFuture<Void>> reads = new ArrayList<>();
        Duration took =
                timed(() -> {
                    for (int i = 0; i < 2_000; i++) {
                        reads.add(device.desc.read(device.channel, buffer, i % 64 * 512L, 512));
                    }
                    awaitAll(reads);
                });
        assertThat(took).isGreaterThanOrEqualTo(SOME);
        assertThat(took).as("one after the other they take 40 s").isLessThan(SOME.multipliedBy(1_500));
    }

    @Test
    void oneInAHundredGetsTheP99Time() {
        buffer = buffer(512);
        Bdev base = malloc(64, 512);
        Device device = device(create(new DelayBdev("d", base.name(), new Latencies(NONE, FOREVER, NONE, FOREVER))));
        int stuck = 0;
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            reads.add(device.desc.read(device.channel, buffer, 0, 512));
        }
        pollUntil("most reads", () -> reads.stream().filter(IoFuture::isDone).count() >= 1_800);
        for (IoFuture<Void> read : reads) {
            stuck += read.isDone() ? 0 : 1;
        }
        assertThat(stuck).isBetween(1, 200);
        await(device.desc.reset(device.channel));
        assertThat(reads).allSatisfy(read -> assertThat(read).isDone());
    }

    @Test
    void theTimesCanBeChangedWhileItRuns() {
        // A delay that was shortened need not let new I/O pass what still waits under the old one (vbdev_delay.c).
        Device device = delayDevice(FOREVER, FOREVER);
        IoFuture<Void> old = device.desc.read(device.channel, buffer, 0, 512);
        poll(50);
        assertThat(await(device.desc.abort(device.channel, old))).isTrue();
        await(env.bdevs().updateDelay(device.bdev.name(), new Latencies(NONE, NONE, NONE, NONE)));
        await(device.desc.read(device.channel, buffer, 0, 512));
        device.write(0, pattern(seed, 512));
        await(env.bdevs().updateDelay(device.bdev.name(), new Latencies(SOME, SOME, NONE, NONE)));
        assertThat(timed(() -> await(device.desc.read(device.channel, buffer, 0, 512)))).isGreaterThanOrEqualTo(SOME);
    }

    @Test
    void aDelayedIoCanBeAborted() {
        Device device = delayDevice(FOREVER, FOREVER);
        List<IoFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            all.add(device.desc.read(device.channel, buffer, 0, 512));
        }
        poll(50);
        assertThat(await(device.desc.abort(device.channel, all.get(4)))).isTrue();
        assertThat(all.get(4).exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        for (int i = 0; i < 10; i++) {
            assertThat(all.get(i).isDone()).isEqualTo(i == 4);
        }
        assertThat(buffer.isLeased()).isTrue();
        all.forEach(it -> it.cancel(true));
        pollUntil("the aborts", () -> !buffer.isLeased());
        buffer.close();
    }

    @Test
    void anIoThatIsCancelledRightAfterSubmitEnds() {
        Device device = delayDevice(SOME, SOME);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        assertThat(read.cancel(true)).isTrue();
        pollUntil("the abort", () -> !buffer.isLeased());
    }

    @Test
    void aDeadlineAbortsADelayedIo() {
        Device device = delayDevice(FOREVER, FOREVER);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512).withDeadline(SOME);
        completesWith(SpdkException.TimedOut.class, read);
        pollUntil("the abort", () -> !buffer.isLeased());
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void resetAbortsWhatIsDelayed() {
        Device device = delayDevice(FOREVER, FOREVER);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        IoFuture<Void> write = device.desc.write(device.channel, buffer, 0, 512);
        poll(50);
        assertThat(read).isNotDone();
        await(device.desc.reset(device.channel));
        assertThat(read).isDone();
        assertThat(write).isDone();
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(write.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        buffer.close();
    }

    @Test
    void removalEndsWhatIsDelayed() {
        Device device = delayDevice(FOREVER, FOREVER);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        poll(50);
        IoFuture<Void> destroyed = env.bdevs().destroy(device.bdev.name());
        failsWith(SpdkException.class, () -> read);
        device.close();
        await(destroyed);
    }

    @Test
    void aDelayLiesBetweenNothingAndADay() {
        Duration negative = Duration.ofNanos(-1);
        Duration tooLong = Duration.ofDays(1).plusNanos(1);
        for (Duration bad : List.of(negative, tooLong)) {
            assertThatThrownBy(() -> new Latencies(bad, NONE, NONE, NONE)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new Latencies(NONE, bad, NONE, NONE)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new Latencies(NONE, NONE, bad, NONE)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new Latencies(NONE, NONE, NONE, bad)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
