package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Devices cut into parts. */
public abstract class SplitTck extends EngineTck {
    private static final int BLOCK = 512;

    /** For the subclasses. */
    protected SplitTck() {}

    private List<Bdev> split(Bdev base, int count, long partMiB) {
        return await(env.bdevs().split(base.name(), count, partMiB));
    }

    @Test
    void thePartsAreRangesOfTheBaseInOrder() {
        Bdev base = malloc(103, BLOCK);
        List<Bdev> parts = split(base, 4, 0);
        assertThat(parts)
                .extracting(Bdev::name)
                .containsExactly(base.name() + "p0", base.name() + "p1", base.name() + "p2", base.name() + "p3");
        assertThat(parts).allSatisfy(part -> assertThat(part.blockCount()).isEqualTo(25));
        assertThat(env.bdevs().find(base.name() + "p4")).isEmpty();
        List<byte[]> written = new ArrayList<>();
        for (Bdev part : parts) {
            byte[] data = pattern(seed + written.size(), 25 * BLOCK);
            written.add(data);
            Device device = device(part);
            device.write(0, data);
            device.close();
        }
        var desc = base.open(OpenMode.READ_ONLY);
        try (DmaBuf all = buffer(103 * BLOCK);
                var channel = thread.ioChannel(desc)) {
            await(desc.read(channel, all, 0, 103 * BLOCK));
            for (int i = 0; i < 4; i++) {
                assertThat(all.get(i * 25L * BLOCK, 25 * BLOCK)).as("part %d", i).isEqualTo(written.get(i));
            }
            assertThat(all.get(100 * BLOCK, 3 * BLOCK)).as("what is left over").containsOnly(0);
        }
        desc.close();
    }

    @Test
    void everyOperationStaysInItsPart() {
        Bdev base = malloc(300, BLOCK);
        List<Bdev> parts = split(base, 3, 0);
        Device before = device(parts.get(0));
        Device part = device(parts.get(1));
        Device after = device(parts.get(2));
        byte[] around = pattern(seed, 100 * BLOCK);
        before.write(0, around);
        after.write(0, around);
        byte[] model = pattern(seed + 1, 100 * BLOCK);
        part.write(0, model);
        await(part.desc.writeZeroes(part.channel, 0, 10 * BLOCK));
        Arrays.fill(model, 0, 10 * BLOCK, (byte) 0);
        await(part.desc.unmap(part.channel, 90 * BLOCK, 10 * BLOCK));
        Arrays.fill(model, 90 * BLOCK, 100 * BLOCK, (byte) 0);
        await(part.desc.copy(part.channel, 20 * BLOCK, 50 * BLOCK, 10 * BLOCK));
        System.arraycopy(model, 20 * BLOCK, model, 50 * BLOCK, 10 * BLOCK);
        await(part.desc.flush(part.channel));
        await(part.desc.reset(part.channel));
        assertThat(part.read(0, 100 * BLOCK)).isEqualTo(model);
        assertThat(before.read(0, 100 * BLOCK)).isEqualTo(around);
        assertThat(after.read(0, 100 * BLOCK)).isEqualTo(around);
        assertThatThrownBy(() -> part.read(100 * BLOCK, BLOCK)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aSizeMayBeAskedForAndNoMorePartsAreMadeThanFit() {
        Bdev base = create(NullBdev.of(newName("null"), 10 << 20, BLOCK));
        List<Bdev> parts = split(base, 100, 3);
        assertThat(parts).hasSize(3).allSatisfy(part -> assertThat(part.sizeBytes()).isEqualTo(3 << 20));
    }

    @Test
    void thePartsClaimTheBase() {
        Bdev base = malloc(64, BLOCK);
        split(base, 2, 0);
        assertThat(base.claimedBy()).isPresent();
        assertThatThrownBy(() -> base.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.Busy.class);
        failsWith(SpdkException.AlreadyExists.class, () -> env.bdevs().split(base.name(), 2, 0));
    }

    @Test
    void aRemovedSplitLeavesTheBase() {
        Bdev base = malloc(64, BLOCK);
        List<Bdev> parts = split(base, 2, 0);
        await(env.bdevs().removeSplit(base.name()));
        assertThat(parts).allSatisfy(part -> assertThat(env.bdevs().find(part.name())).isEmpty());
        pollUntil("the base is free", () -> base.claimedBy().isEmpty());
        assertThat(split(base, 4, 0)).hasSize(4);
    }

    @Test
    void theBaseIsFreeWhenItsLastPartIsDestroyed() {
        Bdev base = malloc(64, BLOCK);
        List<Bdev> parts = split(base, 2, 0);
        await(env.bdevs().destroy(parts.get(0).name()));
        assertThat(base.claimedBy()).isPresent();
        Device rest = device(parts.get(1));
        rest.write(0, filled(1, BLOCK));
        rest.close();
        await(env.bdevs().destroy(parts.get(1).name()));
        pollUntil("the base is free", () -> base.claimedBy().isEmpty());
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().removeSplit(base.name()));
        assertThat(split(base, 2, 0)).hasSize(2);
    }

    @Test
    void thePartsGoWithTheBase() {
        Bdev base = malloc(64, BLOCK);
        List<Bdev> parts = split(base, 2, 0);
        Device open = device(parts.get(1));
        IoFuture<Void> destroyed = env.bdevs().destroy(base.name());
        pollUntil("the removal", () -> parts.stream().allMatch(Bdev::isRemoved));
        poll(20);
        assertThat(destroyed).isNotDone();
        open.close();
        await(destroyed);
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void whatCantBeSplitIsRefused() {
        Bdev base = malloc(64, BLOCK);
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().split("missing", 2, 0));
        failsWith(SpdkException.NotFound.class, () -> env.bdevs().removeSplit(base.name()));
        for (int count : new int[] {0, -1, 65}) {
            assertThatThrownBy(() -> env.bdevs().split(base.name(), count, 0))
                    .as("%d parts", count)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        for (long partMiB : new long[] {-1, 1, Long.MAX_VALUE}) {
            assertThatThrownBy(() -> env.bdevs().split(base.name(), 1, partMiB))
                    .as("%d MiB", partMiB)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
