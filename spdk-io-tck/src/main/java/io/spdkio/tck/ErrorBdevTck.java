package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.ErrorBdev.Injection;
import io.spdkio.bdev.ErrorBdev.Mode;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayList;
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
    void pendingIoStaysUntilItIsAborted() {
        Device device = errorDevice(Injection.next(IoType.READ, Mode.PENDING, 1));
        IoFuture<Void> read = submit(device, IoType.READ);
        poll(50);
        assertThat(read).isNotDone();
        assertThat(device.channel.outstanding()).isEqualTo(1);
        await(env.bdevs().injectError(device.bdev.name(), Injection.none()));
        poll(50);
        assertThat(read).as("ending the rules does not end it").isNotDone();
        assertThat(await(device.desc.abort(device.channel, read))).isTrue();
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
        assertThat(differences(corrupted, pattern(seed, 512))).isEqualTo(1);
        assertThat(device.read(0, 512)).as("the next read").isEqualTo(pattern(seed, 512));
    }

    @Test
    void aCorruptedWriteStoresSomethingElseAndLeavesTheBufferAlone() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.CORRUPT_DATA, 1));
        buffer.put(0, pattern(seed, 512));
        await(submit(device, IoType.WRITE));
        assertThat(buffer.get(0, 512)).isEqualTo(pattern(seed, 512));
        assertThat(differences(device.read(0, 512), pattern(seed, 512))).isEqualTo(1);
        await(submit(device, IoType.WRITE));
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
    }

    private static int differences(byte[] one, byte[] two) {
        int count = 0;
        for (int i = 0; i < one.length; i++) {
            if (one[i] != two[i]) {
                count++;
            }
        }
        return count;
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
    void ioThatWaitsForMemoryCanBeAborted() {
        Device device = errorDevice(Injection.next(IoType.WRITE, Mode.NOMEM, Long.MAX_VALUE));
        IoFuture<Void> write = submit(device, IoType.WRITE);
        poll(50);
        assertThat(write).isNotDone();
        assertThat(await(device.desc.abort(device.channel, write))).isTrue();
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aQueueDepthIsWaitedFor() {
        Device device = errorDevice(new Injection(Set.of(IoType.READ), Mode.FAILURE, Long.MAX_VALUE, 1, 0, 1_000));
        for (int i = 0; i < 10; i++) {
            await(submit(device, IoType.READ));
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
