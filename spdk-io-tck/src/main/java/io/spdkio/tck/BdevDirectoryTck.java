package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.PassthruBdev;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** The directory of devices: creating, finding, destroying, resizing. */
public abstract class BdevDirectoryTck extends EngineTck {
    /** For the subclasses. */
    protected BdevDirectoryTck() {}

    @Test
    void aNewDeviceIsFoundByItsName() {
        Bdev bdev = create(MallocBdev.of("m0", 1 << 20));
        assertThat(bdev.name()).isEqualTo("m0");
        assertThat(bdev.productName()).isNotBlank();
        assertThat(bdev.isRemoved()).isFalse();
        assertThat(bdev.claimedBy()).isEmpty();
        assertThat(bdev.supports(IoType.READ)).isTrue();
        assertThat(bdev.supports(IoType.WRITE)).isTrue();
        assertThat(env.bdevs().find("m0"))
                .hasValueSatisfying(found -> {
                    assertThat(found.name()).isEqualTo("m0");
                    assertThat(found.uuid()).isEqualTo(bdev.uuid());
                });
        assertThat(env.bdevs().get("m0").geometry()).isEqualTo(bdev.geometry());
        assertThat(bdev.toString()).contains("m0");
    }

    @Test
    void creationCompletesInALaterPollOfTheCallersThread() {
        IoFuture<Bdev> created = env.bdevs().create(MallocBdev.of("m0", 1 << 20));
        List<Thread> where = new ArrayList<>();
        CompletableFuture<Void> then = created.thenRun(() -> where.add(Thread.currentThread()));
        await(then);
        assertThat(where).containsExactly(Thread.currentThread());
    }

    @Test
    void devicesAreListedInTheOrderOfTheirCreation() {
        List<String> names = new ArrayList<>();
        for (String name : List.of("zulu", "alpha", "mike", "bravo")) {
            names.add(create(NullBdev.of(name, 1 << 20)).name());
        }
        assertThat(env.bdevs().list()).extracting(Bdev::name).isEqualTo(names);
        await(env.bdevs().destroy("mike"));
        assertThat(env.bdevs().list()).extracting(Bdev::name).containsExactly("zulu", "alpha", "bravo");
    }

    @Test
    void aMissingDeviceIsNotFoundAndThoseThereAreAreNamed() {
        create(NullBdev.of("the-other-one", 1 << 20));
        assertThat(env.bdevs().find("missing")).isEmpty();
        assertThatThrownBy(() -> env.bdevs().get("missing"))
                .isInstanceOf(SpdkException.NotFound.class)
                .hasMessageContaining("missing")
                .hasMessageContaining("the-other-one");
        assertThat(failsWith(SpdkException.NotFound.class, () -> env.bdevs().destroy("missing")))
                .hasMessageContaining("missing");
    }

    @Test
    void aNameIsTakenOnce() {
        create(MallocBdev.of("m0", 1 << 20));
        device(env.bdevs().get("m0")).write(0, pattern(seed, 4096));
        for (BdevSpec second : List.of(MallocBdev.of("m0", 4096), NullBdev.of("m0", 4096))) {
            assertThat(failsWith(SpdkException.AlreadyExists.class, () -> env.bdevs().create(second)))
                    .hasMessageContaining("m0");
        }
        TestBackend backend = TestBackend.of(8, 512);
        failsWith(SpdkException.AlreadyExists.class, () -> env.bdevs().create(CustomBdev.of("m0", backend)));
        assertThat(env.bdevs().list()).hasSize(1);
        assertThat(device(env.bdevs().get("m0")).read(0, 4096))
                .as("the first is unharmed")
                .isEqualTo(pattern(seed, 4096));
    }

    @Test
    void ofManyThatWantANameOneGetsIt() throws Exception {
        List<CompletableFuture<Boolean>> racers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            racers.add(
                    onNewThread(() -> {
                        try {
                            return bounded(env.bdevs().create(NullBdev.of("n0", 1 << 20))).join() != null;
                        } catch (SpdkException.AlreadyExists e) {
                            return false;
                        }
                    }));
        }
        int winners = 0;
        for (CompletableFuture<Boolean> racer : racers) {
            winners += await(racer) ? 1 : 0;
        }
        assertThat(winners).isEqualTo(1);
        assertThat(env.bdevs().list()).hasSize(1);
    }

    @Test
    void aNameIsFreeAgainAfterDestroyAndTheNewDeviceIsAnother() {
        Bdev first = create(MallocBdev.of("m0", 4096));
        device(first).write(0, pattern(seed, 4096));
        // The descriptor above is open: close all by making a fresh environment of the name.
        env.close();
        env = open(builder());
        thread = env.attachThread("main");
        for (int i = 0; i < 3; i++) {
            Bdev again = create(MallocBdev.of("m0", 4096));
            Device device = device(again);
            assertThat(device.read(0, 4096)).containsOnly(0);
            device.write(0, pattern(seed, 4096));
            device.close();
            await(env.bdevs().destroy("m0"));
            assertThat(again.isRemoved()).isTrue();
            assertThat(env.bdevs().find("m0")).isEmpty();
        }
    }

    @Test
    void aNameHas1To255Characters() {
        assertThatThrownBy(() -> NullBdev.of("", 4096)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NullBdev.of("  ", 4096)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NullBdev.of("x".repeat(256), 4096)).isInstanceOf(IllegalArgumentException.class);
        String longest = "x".repeat(255);
        assertThat(create(NullBdev.of(longest, 4096)).name()).isEqualTo(longest);
        assertThat(create(NullBdev.of("with blank, ünïcode & / signs", 4096)).name())
                .isEqualTo("with blank, ünïcode & / signs");
    }

    @Test
    void anUuidIsTheOneGivenOrOneOfItsOwn() {
        UUID uuid = UUID.fromString("12345678-9abc-4def-8123-456789abcdef");
        assertThat(create(new MallocBdev("m", 4096, 4096, Optional.of(uuid), 0)).uuid()).isEqualTo(uuid);
        UUID other = UUID.fromString("22345678-9abc-4def-8123-456789abcdef");
        assertThat(create(new NullBdev("n", 4096, 4096, Optional.of(other))).uuid()).isEqualTo(other);
        HashSet<UUID> uuids = new HashSet<>();
        for (int i = 0; i < 50; i++) {
            assertThat(uuids.add(create(NullBdev.of("n" + i, 4096)).uuid())).isTrue();
        }
        assertThat(uuids).doesNotContain(new UUID(0, 0));
    }

    @Test
    void aDeviceOnTopNeedsItsBase() {
        for (BdevSpec spec :
                List.of(
                        PassthruBdev.over("top", "missing"),
                        ErrorBdev.over("top", "missing"),
                        DelayBdev.of("top", "missing", Duration.ofMillis(1)))) {
            assertThat(failsWith(SpdkException.NotFound.class, () -> env.bdevs().create(spec)))
                    .hasMessageContaining("missing");
            assertThat(env.bdevs().list()).isEmpty();
        }
    }

    @Test
    void aDeviceOnTopWhoseNameIsTakenLeavesItsBaseFree() {
        Bdev base = create(MallocBdev.of("base", 4096));
        create(NullBdev.of("taken", 4096));
        failsWith(SpdkException.AlreadyExists.class, () -> env.bdevs().create(PassthruBdev.over("taken", base.name())));
        assertThat(base.claimedBy()).isEmpty();
        device(base).write(0, pattern(seed, 4096));
    }

    @Test
    void aThreadThatIsNoneOfOursMayUseTheDirectory() throws Exception {
        Bdev bdev = elsewhere(() -> bounded(env.bdevs().create(MallocBdev.of("m0", 4096))).join());
        assertThat(bdev.name()).isEqualTo("m0");
        runElsewhere(() -> {
            assertThat(env.bdevs().list()).hasSize(1);
            assertThat(env.bdevs().get("m0").blockCount()).isEqualTo(1);
            bounded(env.bdevs().destroy("m0")).join();
        });
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void destroyCompletesWhenTheLastDescriptorIsClosed() {
        Bdev bdev = malloc(8, 512);
        BdevDesc one = bdev.open(OpenMode.READ_WRITE);
        BdevDesc two = bdev.open(OpenMode.READ_ONLY);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        poll(20);
        assertThat(destroyed).isNotDone();
        assertThat(bdev.isRemoved()).isTrue();
        one.close();
        poll(20);
        assertThat(destroyed).isNotDone();
        two.close();
        await(destroyed);
        assertThat(env.bdevs().find(bdev.name())).isEmpty();
    }

    @Test
    void destroyClosesTheBackendOnce() {
        TestBackend backend = TestBackend.of(8, 512);
        Bdev bdev = custom(backend);
        Device device = device(bdev);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        poll(10);
        assertThat(backend.closes).hasValue(0);
        device.close();
        await(destroyed);
        assertThat(backend.closes).hasValue(1);
        assertThat(backend.channelsClosed).hasValue(1);
        env.close();
        assertThat(backend.closes).hasValue(1);
    }

    @Test
    void destroyingABaseTakesWhatStandsOnItAlong() {
        Bdev base = create(MallocBdev.of("base", 4096));
        create(PassthruBdev.over("p", "base"));
        create(ErrorBdev.over("e", "p"));
        Bdev top = create(DelayBdev.of("d", "e", Duration.ofNanos(1)));
        await(env.bdevs().destroy("base"));
        pollUntil("removal of the whole stack", () -> env.bdevs().list().isEmpty());
        assertThat(base.isRemoved()).isTrue();
        assertThat(top.isRemoved()).isTrue();
    }

    @Test
    void destroyingATopLeavesItsBaseUnclaimed() {
        Bdev base = create(MallocBdev.of("base", 4096));
        create(PassthruBdev.over("p", "base"));
        assertThat(base.claimedBy()).isPresent();
        assertThatThrownBy(() -> base.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.Busy.class);
        await(env.bdevs().destroy("p"));
        assertThat(base.claimedBy()).isEmpty();
        device(base).write(0, pattern(seed, 4096));
        create(PassthruBdev.over("again", newBase()));
    }

    private String newBase() {
        return malloc(8, 512).name();
    }

    @Test
    void aBaseCarriesOneDeviceOnly() {
        create(MallocBdev.of("base", 4096));
        create(PassthruBdev.over("p", "base"));
        assertThat(failsWith(SpdkException.Busy.class, () -> env.bdevs().create(PassthruBdev.over("q", "base"))))
                .hasMessageContaining("base");
        assertThat(env.bdevs().find("q")).isEmpty();
    }

    @Test
    void aBackendThatCantBeSetUpMakesNoDevice() {
        TestBackend broken =
                new TestBackend(BdevGeometry.of(512, 8)) {
                    @Override
                    public BdevGeometry geometry() {
                        throw new IllegalStateException("on purpose");
                    }
                };
        assertThat(failureOf(() -> env.bdevs().create(CustomBdev.of("c", broken))))
                .hasStackTraceContaining("on purpose");
        assertThat(env.bdevs().list()).isEmpty();
        create(NullBdev.of("c", 4096));
    }

    @Test
    void tenThousandDevicesAreFine() {
        List<IoFuture<Bdev>> created = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            created.add(env.bdevs().create(NullBdev.of("n" + i, 1 << 20)));
        }
        awaitAll(created);
        assertThat(env.bdevs().list()).hasSize(10_000);
        for (int i = 0; i < 10_000; i += 7) {
            assertThat(env.bdevs().get("n" + i).name()).isEqualTo("n" + i);
        }
        Device first = device(env.bdevs().get("n0"));
        Device last = device(env.bdevs().get("n9999"));
        first.write(0, new byte[4096]);
        last.write(0, new byte[4096]);
        first.close();
        last.close();
        List<IoFuture<Void>> destroyed = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            destroyed.add(env.bdevs().destroy("n" + i));
        }
        awaitAll(destroyed);
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void creatingAndDestroyingFromManyThreadsLosesNothing() throws Exception {
        List<CompletableFuture<Integer>> workers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            int worker = w;
            workers.add(
                    onNewThread(() -> {
                        for (int i = 0; i < 200; i++) {
                            String name = "w" + worker + "-" + i;
                            bounded(env.bdevs().create(NullBdev.of(name, 4096))).join();
                            if (i % 2 == 0) {
                                bounded(env.bdevs().destroy(name)).join();
                            }
                        }
                        return 200;
                    }));
        }
        for (CompletableFuture<Integer> worker : workers) {
            assertThat(await(worker)).isEqualTo(200);
        }
        assertThat(env.bdevs().list()).hasSize(400);
    }

    // ---- resize

    @Test
    void aNullDeviceGrows() {
        Bdev bdev = create(NullBdev.of("n", 1 << 20, 512));
        Device device = device(bdev);
        assertThatThrownBy(() -> device.write(1 << 20, new byte[512])).isInstanceOf(IllegalArgumentException.class);
        await(env.bdevs().resize("n", 2 << 20));
        assertThat(bdev.sizeBytes()).isEqualTo(2 << 20);
        assertThat(bdev.blockCount()).isEqualTo(4096);
        pollUntil("the size to be seen", () -> device.bdev.sizeBytes() == 2 << 20);
        device.write((2 << 20) - 512, new byte[512]);
        assertThatThrownBy(() -> device.write(2 << 20, new byte[512])).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anImpossibleResizeIsRefusedAndChangesNothing() {
        Bdev bdev = create(NullBdev.of("n", 1 << 20, 512));
        create(MallocBdev.of("m", 1 << 20));
        for (long size : new long[] {0, -512, 512, (1 << 20) - 512, (1 << 20) + 1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThat(failureOf(() -> env.bdevs().resize("n", size)))
                    .as("resize to %d", size)
                    .isInstanceOfAny(IllegalArgumentException.class, SpdkException.class);
        }
        assertThat(bdev.sizeBytes()).isEqualTo(1 << 20);
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().resize("missing", 2 << 20));
        failsWith(SpdkException.class, () -> env.bdevs().resize("m", 2 << 20));
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().rescan("missing"));
        failsWith(SpdkException.class, () -> env.bdevs().rescan("n"));
        Duration d = Duration.ofMillis(1);
        DelayBdev.Latencies latencies = new DelayBdev.Latencies(d, d, d, d);
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().updateDelay("missing", latencies));
        failsWith(SpdkException.class, () -> env.bdevs().updateDelay("n", latencies));
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().injectError("missing", ErrorBdev.Injection.none()));
        failsWith(SpdkException.class, () -> env.bdevs().injectError("n", ErrorBdev.Injection.none()));
    }

    @Test
    void nullsAreRefused() {
        assertThatThrownBy(() -> env.bdevs().create(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.bdevs().find(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.bdevs().get(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.bdevs().destroy(null)).isInstanceOf(NullPointerException.class);
    }
}
