package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.tck.SparseDisk;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * The same random steps on two stores, one under each engine, after which each engine goes on with the other's store.
 * Every step ends the same way on both, and all blobs are the same. {@code -Dspdkio.exchange.seconds=600} does it for
 * longer, {@code -Dspdkio.exchange.seed=…} once more as it was.
 */
@RequiresSpdk
class RandomExchangeTest {
    private static final long SECONDS = Long.getLong("spdkio.exchange.seconds", 4);
    private static final int ROUNDS = 4;
    private static final int STEPS = 70;
    private static final int CLUSTER_BYTES = 16_384;
    private static final long DISK_BYTES = 4096L * CLUSTER_BYTES;
    private static final List<String> ENGINES = List.of("embedded", "native");

    @Test
    @Timeout(value = 1, unit = TimeUnit.DAYS)
    void bothEnginesDoTheSameOnEachOthersStores() {
        Long only = Long.getLong("spdkio.exchange.seed");
        if (only != null) {
            exchange(only);
            return;
        }
        long begin = System.nanoTime();
        do {
            exchange(System.nanoTime());
        } while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(SECONDS));
    }

    private static void exchange(long seed) {
        Random random = new Random(seed);
        List<SparseDisk> disks = List.of(new SparseDisk(DISK_BYTES), new SparseDisk(DISK_BYTES));
        Optional<BlobstoreOptions> init =
                Optional.of(BlobstoreOptions.defaults().withClusterSize(CLUSTER_BYTES).withMetadataPages(1000));
        for (int round = 0; round < ROUNDS; round++) {
            End end = random.nextBoolean() ? End.CLEAN : End.UNCLEAN;
            long steps = seed + round;
            List<List<String>> said = new ArrayList<>();
            for (int i = 0; i < disks.size(); i++) {
                CustomBdev device = CustomBdev.of("store", disks.get(i).device(4096));
                String engine = ENGINES.get((i + round) % ENGINES.size());
                var _ = StoreScript.with(engine, device, init, end, script -> said.add(script.random(steps, STEPS)));
                assertThat(StoreReader.check(disks.get(i))).as("seed %d, round %d, %s", seed, round, engine).isEmpty();
            }
            assertSame("seed %d, round %d".formatted(seed, round), said.getFirst(), said.getLast());
            init = Optional.empty();
        }
    }

    /** Of a hundred lines those are of interest that differ. */
    private static void assertSame(String where, List<String> first, List<String> second) {
        List<String> differences = new ArrayList<>();
        for (int i = 0; i < Math.max(first.size(), second.size()); i++) {
            String one = i < first.size() ? first.get(i) : "nothing";
            String other = i < second.size() ? second.get(i) : "nothing";
            if (!one.equals(other)) {
                differences.add("%d: %s%n   but %s".formatted(i, one, other));
            }
        }
        assertThat(differences).as(where).isEmpty();
    }
}
