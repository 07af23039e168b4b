package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.ErrorBdev.Injection;
import io.spdkio.bdev.ErrorBdev.Mode;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The error device: what it fails, how often, and that it fails the same again. */
public abstract class ErrorBdevTck extends EngineTck {
    private DmaBuf buffer;

    /** For the subclasses. */
    protected ErrorBdevTck() {}

    private Device errorDevice(Injection... injections) {
        buffer = buffer(512);
        String base = malloc(64, 512).name();
        return device(create(new ErrorBdev(newName("error"), base, List.of(injections))));
    }

    private IoFuture<Void> submit(Device device, IoType type) {
        return switch (type) {
            case READ -> device.desc.read(device.channel, buffer, 0, 512);
            case WRITE -> device.desc.write(device.channel, buffer, 0, 512);
            case UNMAP -> device.desc.unmap(device.channel, 0, 512);
            case FLUSH -> device.desc.flush(device.channel);
            default -> throw new IllegalArgumentException(type.label());
        };
    }

    @Test
    void withoutRulesNothingFails() {
        Device device = errorDevice();
        device.write(0, pattern(seed, 512));
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
        await(submit(device, IoType.UNMAP));
        await(submit(device, IoType.FLUSH));
        await(device.desc.reset(device.channel));
    }

    @ParameterizedTest
    @EnumSource(
            value = IoType.class,
            names = {"READ", "WRITE", "UNMAP", "FLUSH"})
    void theNextIosOfATypeFailAndNoMore(IoType type) {
        Device device = errorDevice(Injection.next(type, Mode.FAILURE, 3));
        for (int i = 0; i < 3; i++) {
            SpdkException.IoFailed failure = completesWith(SpdkException.IoFailed.class, submit(device, type));
            assertThat(failure.errno()).isNotZero();
            assertThat(failure).hasMessageContaining(device.bdev.name());
            for (IoType other : List.of(IoType.READ, IoType.WRITE, IoType.UNMAP, IoType.FLUSH)) {
                if (other != type) {
                    await(submit(device, other));
                }
            }
        }
        for (int i = 0; i < 3; i++) {
            await(submit(device, type));
        }
    }

    @Test
    void aFailedWriteLeavesTheDeviceAsItWas() {
        Device device = errorDevice();
        device.write(0, pattern(seed, 512));
        await(env.bdevs().injectError(device.bdev.name(), Injection.next(IoType.WRITE, Mode.FAILURE, 1)));
        buffer.fill((byte) 9);
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.WRITE));
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
        await(submit(device, IoType.WRITE));
        assertThat(device.read(0, 512)).containsOnly(9);
    }

    @Test
    void rulesMayBeAddedAndEndedWhileItRuns() {
        Device device = errorDevice();
        await(submit(device, IoType.READ));
        await(
                env.bdevs()
                        .injectError(
                                device.bdev.name(),
                                new Injection(Set.of(IoType.READ, IoType.WRITE), Mode.FAILURE, 1_000, 1, 0, 0)));
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.READ));
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.WRITE));
        await(submit(device, IoType.FLUSH));
        await(env.bdevs().injectError(device.bdev.name(), Injection.none()));
        await(submit(device, IoType.READ));
        await(submit(device, IoType.WRITE));
    }

    @Test
    void aRuleForATypeTakesThePlaceOfTheOneBefore() {
        Device device = errorDevice(Injection.next(IoType.READ, Mode.FAILURE, 1_000));
        String name = device.bdev.name();
        await(env.bdevs().injectError(name, Injection.next(IoType.READ, Mode.FAILURE, 2)));
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.READ));
        await(env.bdevs().injectError(name, Injection.next(IoType.WRITE, Mode.FAILURE, 1)));
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.READ));
        await(submit(device, IoType.READ));
        completesWith(SpdkException.IoFailed.class, submit(device, IoType.WRITE));
        await(submit(device, IoType.WRITE));
    }

    @Test
    void aRuleForSeveralTypesCountsEachByItself() {
        Device device = errorDevice(new Injection(Injection.TYPES, Mode.FAILURE, 2, 1, 0, 0));
        for (int i = 0; i < 2; i++) {
            for (IoType type : Injection.TYPES) {
                completesWith(SpdkException.IoFailed.class, submit(device, type));
            }
        }
        for (IoType type : Injection.TYPES) {
            await(submit(device, type));
        }
    }

    @Test
    void aRateHitsThatShareAndTheSameOnesForTheSameSeed() {
        List<Integer> first = failuresWithRate(0.25, 7);
        assertThat(first).hasSizeBetween(150, 350);
        assertThat(failuresWithRate(0.25, 7)).isEqualTo(first);
        assertThat(failuresWithRate(0.25, 8)).isNotEqualTo(first);
        assertThat(failuresWithRate(1, 7)).hasSize(1_000);
        assertThat(failuresWithRate(0.001, 7)).hasSizeLessThan(20);
    }

    private List<Integer> failuresWithRate(double rate, long rateSeed) {
        Device device = errorDevice(Injection.rate(IoType.READ, Mode.FAILURE, rate, rateSeed));
        List<Integer> failed = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            IoFuture<Void> read = submit(device, IoType.READ);
            pollUntil("completion", read::isDone);
            if (read.isCompletedExceptionally()) {
                failed.add(i);
            }
        }
        return failed;
    }

    @Test
    void pendingIoStaysWhenTheRulesEnd() {
        Device device = errorDevice(Injection.next(IoType.READ, Mode.PENDING, 1));
        IoFuture<Void> read = submit(device, IoType.READ);
        poll(50);
        assertThat(read).isNotDone();
        assertThat(device.channel.outstanding()).isEqualTo(1);
        await(env.bdevs().injectError(device.bdev.name(), Injection.none()));
        poll(50);
        assertThat(read).as("ending the rules does not end it").isNotDone();
        await(device.desc.reset(device.channel));
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void pendingIoStaysUntilTheDeviceIsReset() {
        Device device = errorDevice(Injection.next(IoType.READ, Mode.PENDING, 5));
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            reads.add(submit(device, IoType.READ));
        }
        poll(50);
        assertThat(reads).allSatisfy(read -> assertThat(read).isNotDone());
        await(device.desc.reset(device.channel));
        for (IoFuture<Void> read : reads) {
            assertThat(read).as("aborted before the reset completed").isDone();
            assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        }
        assertThat(buffer.isLeased()).isFalse();
        await(submit(device, IoType.READ));
    }

    @Test
    void pendingIoEndsWhenTheDeviceIsRemoved() {
        Device device = errorDevice(Injection.next(IoType.READ, Mode.PENDING, 1));
        IoFuture<Void> read = submit(device, IoType.READ);
        poll(20);
        IoFuture<Void> destroyed = env.bdevs().destroy(device.bdev.name());
        failsWith(SpdkException.class, () -> read);
        device.close();
        await(destroyed);
    }

    @Test
    void aCorruptedReadDiffersFromWhatIsStored() {
        Device device = errorDevice();
        device.write(0, pattern(seed, 512));
        await(env.bdevs().injectError(device.bdev.name(), Injection.next(IoType.READ, Mode.CORRUPT_DATA, 1)));
        byte[] corrupted = device.read(0, 512);
        byte[] expected = pattern(seed, 512);
        expected[0] ^= (byte) 0xff;
        assertThat(corrupted).isEqualTo(expected);
        assertThat(device.read(0, 512)).as("the next read").isEqualTo(pattern(seed, 512));
    }

    @Test
    void aCorruptedWriteStoresSomethingElse() {
        Device device = errorDevice(Injection.corrupt(IoType.WRITE, 1, 511, 0x10));
        byte[] expected = pattern(seed, 512);
        device.write(0, expected);
        expected[511] ^= 0x10;
        assertThat(device.read(0, 512)).isEqualTo(expected);
        device.write(0, pattern(seed, 512));
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
    }

    @Test
    void theByteToCorruptIsCountedOverAllBuffers() {
        Device device = errorDevice(Injection.corrupt(IoType.READ, 1, 150, 1));
        device.write(0, pattern(seed, 512));
        DmaBuf head = buffer(100);
        DmaBuf tail = buffer(412);
        await(device.desc.readv(device.channel, List.of(head, tail), 0));
        byte[] expected = pattern(seed, 512);
        expected[150] ^= 1;
        assertThat(head.get(0, 100)).isEqualTo(Arrays.copyOf(expected, 100));
        assertThat(tail.get(0, 412)).isEqualTo(Arrays.copyOfRange(expected, 100, 512));
    }

    @Test
    void anIoThatIsTooShortToBeCorruptedIsLeftAlone() {
        Device device = errorDevice(Injection.corrupt(IoType.READ, 1, 512, 1));
        device.write(0, pattern(seed, 512));
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
    }

    @Test
    void aDeviceWithoutMemoryIsTriedAgainUntilItHas() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.NOMEM, 50));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            writes.add(device.desc.write(device.channel, buffer(filled(i + 1, 512)), i * 512L, 512));
        }
        awaitAll(writes);
        for (int i = 0; i < 20; i++) {
            assertThat(device.read(i * 512L, 512)).containsOnly(i + 1);
        }
    }

    @Test
    void ioThatWaitsForMemoryEndsWithItsDevice() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.NOMEM, Long.MAX_VALUE));
        IoFuture<Void> write = submit(device, IoType.WRITE);
        poll(50);
        assertThat(write).isNotDone();
        var destroyed = env.bdevs().destroy(device.bdev.name());
        completesWith(SpdkException.class, write);
        assertThat(buffer.isLeased()).isFalse();
        device.close();
        await(destroyed);
    }

    @Test
    void cancelledIoThatItKeepsEndsWithTheThread() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.PENDING, 3));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            writes.add(submit(device, IoType.WRITE));
        }
        poll(50);
        writes.forEach(write -> write.cancel(true));
        poll(50);
        thread.exit();
        pollUntil("the thread's end", () -> thread.state() == SpdkThread.State.EXITED);
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aQueueDepthIsWaitedFor() {
        String base = malloc(64, 512).name();
        String slow = create(DelayBdev.of(newName("delay"), base, Duration.ofMillis(50))).name();
        Injection third = new Injection(Set.of(IoType.READ), Mode.FAILURE, 1_000, 1, 0, 2);
        Device device = device(create(new ErrorBdev(newName("error"), slow, List.of(third))));
        buffer = buffer(512);
        for (int round = 0; round < 2; round++) {
            List<IoFuture<Void>> atBase = List.of(submit(device, IoType.READ), submit(device, IoType.READ));
            completesWith(SpdkException.IoFailed.class, submit(device, IoType.READ));
            awaitAll(atBase);
        }
    }

    @Test
    void anImpossibleRuleIsRefused() {
        assertThatThrownBy(() -> Injection.next(IoType.READ, Mode.FAILURE, 0))
                .isInstanceOf(IllegalArgumentException.class);
        for (double rate : new double[] {0, -0.1, 1.1, Double.NaN}) {
            assertThatThrownBy(() -> Injection.rate(IoType.READ, Mode.FAILURE, rate, 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> new Injection(Set.of(), Mode.FAILURE, 1, 1, 0, -1))
                .isInstanceOf(IllegalArgumentException.class);
        for (Mode mode : List.of(Mode.PENDING, Mode.CORRUPT_DATA)) {
            assertThatThrownBy(() -> Injection.rate(IoType.READ, mode, 0.5, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(mode.name());
        }
        for (int value : new int[] {0, -1, 256}) {
            assertThatThrownBy(() -> Injection.corrupt(IoType.READ, 1, 0, value))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> Injection.corrupt(IoType.READ, 1, -1, 1)).isInstanceOf(IllegalArgumentException.class);
        for (IoType type : EnumSet.complementOf(EnumSet.copyOf(Injection.TYPES))) {
            assertThatThrownBy(() -> Injection.next(type, Mode.FAILURE, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(type.label());
        }
    }

    @Test
    void failuresHitSplitAndStackedIoOnce() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.FAILURE, 1));
        DmaBuf large = buffer(32 * 512);
        completesWith(SpdkException.IoFailed.class, device.desc.write(device.channel, large, 0, 32 * 512));
        await(device.desc.write(device.channel, large, 0, 32 * 512));
        large.close();
    }
}
