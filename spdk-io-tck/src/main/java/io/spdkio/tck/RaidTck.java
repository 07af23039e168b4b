package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.ErrorBdev.Injection;
import io.spdkio.bdev.ErrorBdev.Mode;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** RAID: where the data lies, what becomes of it when a base goes, and what a mirror does about errors. */
public abstract class RaidTck extends EngineTck {
    private static final int BLOCK = 512;
    private static final int STRIP_KIB = 4;
    private static final int STRIP = STRIP_KIB * 1024;
    private static final int STRIP_BLOCKS = STRIP / BLOCK;

    /** For the subclasses. */
    protected RaidTck() {}

    private Bdev raid(RaidBdev.Level level, List<Bdev> bases) {
        return create(
                new RaidBdev(
                        newName("raid"),
                        level,
                        level == RaidBdev.Level.RAID1 ? 0 : STRIP_KIB,
                        bases.stream().map(Bdev::name).toList(),
                        Optional.empty()));
    }

    /** What a device holds, read past whoever claims it. */
    private byte[] contents(Bdev bdev) {
        var desc = bdev.open(OpenMode.READ_ONLY);
        try (DmaBuf all = buffer(bdev.sizeBytes());
                var channel = thread.ioChannel(desc)) {
            await(desc.read(channel, all, 0, bdev.sizeBytes()));
            return all.get(0, bdev.sizeBytes());
        } finally {
            desc.close();
        }
    }

    private static byte[] strip(byte[] all, int index) {
        return Arrays.copyOfRange(all, index * STRIP, (index + 1) * STRIP);
    }

    // ---- where the data lies

    @Test
    void stripsOfRaid0GoToTheBasesInTurn() {
        List<Bdev> bases =
                List.of(
                        malloc(4 * STRIP_BLOCKS, BLOCK),
                        malloc(4 * STRIP_BLOCKS + 3, BLOCK),
                        malloc(5 * STRIP_BLOCKS, BLOCK));
        Device raid = device(raid(RaidBdev.Level.RAID0, bases));
        assertThat(raid.bdev.sizeBytes()).isEqualTo(3 * 4 * STRIP);
        assertThat(raid.bdev.geometry().optimalIoBoundaryBlocks()).isEqualTo(STRIP_BLOCKS);
        byte[] all = pattern(seed, 3 * 4 * STRIP);
        raid.write(0, all);
        for (int i = 0; i < 3; i++) {
            byte[] base = contents(bases.get(i));
            for (int k = 0; k < 4; k++) {
                assertThat(strip(base, k)).as("strip %d of base %d", k, i).isEqualTo(strip(all, 3 * k + i));
            }
        }
        assertThat(raid.read(0, all.length)).isEqualTo(all);
    }

    @Test
    void concatFillsOneBaseAfterTheOther() {
        List<Bdev> bases =
                List.of(
                        malloc(2 * STRIP_BLOCKS + 3, BLOCK),
                        malloc(4 * STRIP_BLOCKS, BLOCK),
                        malloc(STRIP_BLOCKS + 1, BLOCK));
        Device raid = device(raid(RaidBdev.Level.CONCAT, bases));
        assertThat(raid.bdev.sizeBytes()).isEqualTo(7 * STRIP);
        byte[] all = pattern(seed, 7 * STRIP);
        raid.write(0, all);
        int at = 0;
        for (int i = 0; i < 3; i++) {
            int used = new int[] {2, 4, 1}[i] * STRIP;
            assertThat(Arrays.copyOf(contents(bases.get(i)), used))
                    .as("base %d", i)
                    .isEqualTo(Arrays.copyOfRange(all, at, at + used));
            at += used;
        }
        assertThat(raid.read(0, all.length)).isEqualTo(all);
    }

    @Test
    void aMirrorHasTheSameOnEveryBaseAndTheSizeOfTheSmallest() {
        List<Bdev> bases = List.of(malloc(70, BLOCK), malloc(64, BLOCK), malloc(65, BLOCK));
        Device raid = device(raid(RaidBdev.Level.RAID1, bases));
        assertThat(raid.bdev.blockCount()).isEqualTo(64);
        byte[] all = pattern(seed, 64 * BLOCK);
        raid.write(0, all);
        for (Bdev base : bases) {
            assertThat(Arrays.copyOf(contents(base), all.length)).isEqualTo(all);
        }
    }

    @ParameterizedTest
    @EnumSource(RaidBdev.Level.class)
    void randomOperationsDoWhatTheyDoToAnArray(RaidBdev.Level level) {
        List<Bdev> bases = List.of(malloc(200, BLOCK), malloc(300, BLOCK), malloc(250, BLOCK));
        Device raid = device(raid(level, bases));
        byte[] model = new byte[(int) raid.bdev.sizeBytes()];
        for (int round = 0; round < 300; round++) {
            int count = 1 + random.nextInt(60);
            int offset = random.nextInt((int) raid.bdev.blockCount() - count + 1) * BLOCK;
            int length = count * BLOCK;
            switch (random.nextInt(4)) {
                case 0 -> {
                    byte[] fresh = pattern(random.nextLong(), length);
                    System.arraycopy(fresh, 0, model, offset, length);
                    raid.write(offset, fresh);
                }
                case 1 -> {
                    Arrays.fill(model, offset, offset + length, (byte) 0);
                    await(raid.desc.writeZeroes(raid.channel, offset, length));
                }
                case 2 -> {
                    // Malloc devices read as zeroes what was unmapped.
                    Arrays.fill(model, offset, offset + length, (byte) 0);
                    await(raid.desc.unmap(raid.channel, offset, length));
                }
                default ->
                        assertThat(raid.read(offset, length))
                                .isEqualTo(Arrays.copyOfRange(model, offset, offset + length));
            }
        }
        await(raid.desc.flush(raid.channel));
        await(raid.desc.reset(raid.channel));
        assertThat(raid.read(0, model.length)).isEqualTo(model);
    }

    @ParameterizedTest
    @EnumSource(
            value = RaidBdev.Level.class,
            names = {"RAID0", "RAID1"})
    void itGrowsWithItsBases(RaidBdev.Level level) {
        List<Bdev> bases = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            bases.add(create(NullBdev.of(newName("null"), 8 << 20, BLOCK)));
        }
        Bdev raid = raid(level, bases);
        long before = raid.sizeBytes();
        List<BdevEvent> events = new ArrayList<>();
        var desc = raid.open(OpenMode.READ_ONLY, events::add);
        await(env.bdevs().resize(bases.getFirst().name(), 16 << 20));
        poll(20);
        assertThat(raid.sizeBytes()).as("the other is as small as before").isEqualTo(before);
        await(env.bdevs().resize(bases.getLast().name(), 16 << 20));
        pollUntil("the event", () -> events.contains(BdevEvent.RESIZED));
        assertThat(raid.sizeBytes()).isEqualTo(2 * before);
        desc.close();
    }

    // ---- bases that go

    @ParameterizedTest
    @EnumSource(
            value = RaidBdev.Level.class,
            names = {"RAID0", "CONCAT"})
    void withoutAMirrorItGoesWithItsFirstBase(RaidBdev.Level level) {
        List<Bdev> bases = List.of(malloc(64, BLOCK), malloc(64, BLOCK));
        Device raid = device(raid(level, bases));
        IoFuture<Void> destroyed = env.bdevs().destroy(bases.getLast().name());
        pollUntil("the removal", raid.bdev::isRemoved);
        try (DmaBuf buffer = buffer(BLOCK)) {
            assertRemoved(failureOf(() -> raid.desc.read(raid.channel, buffer, 0, BLOCK)));
        }
        raid.close();
        await(destroyed);
        assertThat(env.bdevs().find(raid.bdev.name())).isEmpty();
        pollUntil("the other base is free", () -> bases.getFirst().claimedBy().isEmpty());
    }

    @Test
    void aMirrorGoesOnWithTheBasesThatAreLeft() {
        List<Bdev> bases = List.of(malloc(64, BLOCK), malloc(64, BLOCK), malloc(64, BLOCK));
        Device raid = device(raid(RaidBdev.Level.RAID1, bases));
        byte[] first = pattern(seed, 64 * BLOCK);
        raid.write(0, first);
        await(env.bdevs().destroy(bases.get(0).name()));
        assertThat(raid.bdev.isRemoved()).isFalse();
        assertThat(raid.read(0, first.length)).isEqualTo(first);
        byte[] second = pattern(seed + 1, 64 * BLOCK);
        raid.write(0, second);
        await(env.bdevs().destroy(bases.get(1).name()));
        assertThat(raid.read(0, second.length)).isEqualTo(second);
        assertThat(contents(bases.get(2))).isEqualTo(second);
        IoFuture<Void> last = env.bdevs().destroy(bases.get(2).name());
        pollUntil("the removal", raid.bdev::isRemoved);
        raid.close();
        await(last);
    }

    @Test
    void aBaseRemovedUnderIoFailsNothingOnAMirror() {
        // SPDK reads from its bases when it makes the array.
        Bdev slow = create(DelayBdev.of(newName("delay"), malloc(64, BLOCK).name(), Duration.ZERO));
        Bdev quick = malloc(64, BLOCK);
        Device raid = device(raid(RaidBdev.Level.RAID1, List.of(slow, quick)));
        // What the array has outstanding on a base is not aborted with it.
        Duration second = Duration.ofSeconds(1);
        await(env.bdevs().updateDelay(slow.name(), new DelayBdev.Latencies(second, second, second, second)));
        List<IoFuture<Void>> all = new ArrayList<>();
        DmaBuf read = buffer(BLOCK);
        all.add(raid.desc.read(raid.channel, read, 0, BLOCK));
        all.add(raid.desc.write(raid.channel, buffer(filled(7, BLOCK)), BLOCK, BLOCK));
        poll(20);
        assertThat(all).allSatisfy(io -> assertThat(io).isNotDone());
        IoFuture<Void> destroyed = env.bdevs().destroy(slow.name());
        awaitAll(all);
        await(destroyed);
        assertThat(raid.read(BLOCK, BLOCK)).containsOnly(7);
    }

    @Test
    void aMirrorLosesABaseUnderTheLoadOfSeveralThreads() {
        List<Bdev> bases = List.of(malloc(1024, BLOCK), malloc(1024, BLOCK));
        Bdev raid = raid(RaidBdev.Level.RAID1, bases);
        AtomicBoolean stop = new AtomicBoolean();
        List<JoinHandle<Integer>> loads = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            int mine = t;
            loads.add(
                    env.spawnThread(
                            "load" + t,
                            it -> {
                                var desc = raid.open(OpenMode.READ_WRITE);
                                var channel = it.ioChannel(desc);
                                DmaBuf out = buffer(BLOCK);
                                DmaBuf in = buffer(BLOCK);
                                int rounds = 0;
                                while (!stop.get()) {
                                    long at = (2L * (rounds % 512) + mine) * BLOCK;
                                    out.fill((byte) rounds);
                                    bounded(desc.write(channel, out, at, BLOCK)).join();
                                    bounded(desc.read(channel, in, at, BLOCK)).join();
                                    assertThat(in.get(0, BLOCK)).containsOnly(rounds);
                                    rounds++;
                                }
                                desc.close();
                                return rounds;
                            }));
        }
        pollFor(Duration.ofMillis(20));
        await(env.bdevs().destroy(bases.getFirst().name()));
        pollFor(Duration.ofMillis(20));
        stop.set(true);
        for (JoinHandle<Integer> load : loads) {
            pollUntil("the end of the load", load.result()::isDone);
            assertThat(load.join()).isPositive();
        }
        await(env.bdevs().destroy(raid.name()));
        assertThat(bases.getLast().claimedBy()).isEmpty();
    }

    // ---- bases that fail

    private Bdev faulty(Bdev base, Injection... injections) {
        return create(new ErrorBdev(newName("error"), base.name(), List.of(injections)));
    }

    @Test
    void whatOneBaseOfAMirrorCantReadAnotherGivesIt() {
        Bdev first = malloc(64, BLOCK);
        Bdev second = malloc(64, BLOCK);
        for (Bdev base : List.of(first, second)) {
            // A mirror does not compare what its bases held before it.
            Device device = device(base);
            device.write(0, filled(base == first ? 1 : 2, 4 * BLOCK));
            device.close();
        }
        Bdev faulty = faulty(first);
        Device raid = device(raid(RaidBdev.Level.RAID1, List.of(faulty, second)));
        await(env.bdevs().injectError(faulty.name(), Injection.next(IoType.READ, Mode.FAILURE, 1)));
        assertThat(raid.read(BLOCK, 2 * BLOCK)).containsOnly(2);
        assertThat(contents(first)).startsWith(filled(1, BLOCK));
        assertThat(Arrays.copyOfRange(contents(first), BLOCK, 3 * BLOCK)).as("what was written back").containsOnly(2);
        assertThat(faulty.claimedBy()).as("it stays: it could be written").isPresent();
        await(env.bdevs().destroy(second.name()));
        assertThat(raid.read(BLOCK, 2 * BLOCK)).containsOnly(2);
    }

    @Test
    void aBaseThatFailsAWriteIsLostToTheMirror() {
        Bdev faulty = faulty(malloc(64, BLOCK), Injection.next(IoType.WRITE, Mode.FAILURE, 1));
        Bdev good = malloc(64, BLOCK);
        Device raid = device(raid(RaidBdev.Level.RAID1, List.of(faulty, good)));
        raid.write(0, filled(7, BLOCK));
        pollUntil("the loss", () -> faulty.claimedBy().isEmpty());
        assertThat(raid.read(0, BLOCK)).containsOnly(7);
        assertThat(contents(good)).startsWith(filled(7, BLOCK));
        raid.write(0, filled(8, BLOCK));
        assertThat(raid.read(0, BLOCK)).containsOnly(8);
    }

    @Test
    void anErrorOfABaseIsTheResultWithoutAMirror() {
        Bdev faulty = faulty(malloc(64, BLOCK), Injection.next(IoType.WRITE, Mode.FAILURE, 1));
        Device raid = device(raid(RaidBdev.Level.RAID0, List.of(malloc(64, BLOCK), faulty)));
        try (DmaBuf buffer = buffer(4 * STRIP)) {
            completesWith(SpdkException.IoFailed.class, raid.desc.write(raid.channel, buffer, 0, 4L * STRIP));
            await(raid.desc.write(raid.channel, buffer, 0, 4L * STRIP));
        }
    }

    // ---- what is refused

    @ParameterizedTest
    @EnumSource(RaidBdev.Level.class)
    void basesThatDoNotGoTogetherAreRefusedAndLeftAlone(RaidBdev.Level level) {
        Bdev one = malloc(64, 512);
        Bdev other = malloc(64, 4096);
        assertThat(failureOf(() -> env.bdevs().create(spec(level, one.name(), other.name()))))
                .isInstanceOf(SpdkException.class);
        pollUntil("they are free", () -> one.claimedBy().isEmpty() && other.claimedBy().isEmpty());
        assertThat(env.bdevs().find("r")).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(RaidBdev.Level.class)
    void aBaseThatIsMissingOrTakenIsRefused(RaidBdev.Level level) {
        Bdev one = malloc(64, 512);
        Bdev taken = malloc(64, 512);
        raid(RaidBdev.Level.CONCAT, List.of(taken));
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().create(spec(level, one.name(), "missing")));
        failsWith(SpdkException.Busy.class, () -> env.bdevs().create(spec(level, one.name(), taken.name())));
        pollUntil("the other is free", () -> one.claimedBy().isEmpty());
        assertThat(env.bdevs().find("r")).isEmpty();
    }

    private static RaidBdev spec(RaidBdev.Level level, String... bases) {
        return new RaidBdev(
                "r", level, level == RaidBdev.Level.RAID1 ? 0 : STRIP_KIB, List.of(bases), Optional.empty());
    }

    @Test
    void stripsThatAreNoWholeBlocksAreRefused() {
        Bdev large = malloc(64, 8192);
        Bdev odd = malloc(64, 1536);
        for (Bdev base : List.of(large, odd)) {
            assertThatThrownBy(() -> env.bdevs().create(RaidBdev.raid0("r", STRIP_KIB, List.of(base.name()))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(base.name());
        }
    }

    @Test
    void anImpossibleSpecIsRefused() {
        List<Runnable> specs =
                List.of(
                        () -> RaidBdev.raid0("r", 0, List.of("a", "b")),
                        () -> RaidBdev.raid0("r", 3, List.of("a", "b")),
                        () -> RaidBdev.concat("r", -4, List.of("a", "b")),
                        () -> RaidBdev.raid0("r", 64, List.of()),
                        () -> RaidBdev.raid1("r", List.of("a")),
                        () -> RaidBdev.raid1("r", List.of("a", "a")),
                        () -> RaidBdev.raid1("r", List.of("a", " ")),
                        () -> new RaidBdev("r", RaidBdev.Level.RAID1, 64, List.of("a", "b"), Optional.empty()));
        for (Runnable spec : specs) {
            assertThatThrownBy(spec::run).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
