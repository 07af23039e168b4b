package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.LvolBdev;
import io.spdkio.bdev.LvolStore;
import io.spdkio.bdev.OpenMode;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Logical volumes: stores on a device, and volumes in them. */
public abstract class LvolTck extends EngineTck {
    private static final int MIB = 1 << 20;

    @TempDir Path folder;

    /** For the subclasses. */
    protected LvolTck() {}

    private Bdev storage() {
        return create(AioBdev.create("disk", folder.resolve("disk"), 64 * MIB).withBlockSize(4096));
    }

    private Device volume(String name, int sizeMiB, boolean thin) {
        return device(create(new LvolBdev("store", name, (long) sizeMiB * MIB, thin)));
    }

    private Map<?, ?> store() {
        return (Map<?, ?>)
                ((List<?>) await(env.rpc().call("bdev_lvol_get_lvstores", Map.of("lvs_name", "store")))).getFirst();
    }

    private long freeClusters() {
        return ((Number) store().get("free_clusters")).longValue();
    }

    /** As of every blobstore. SPDK itself fails after it has begun, and keeps the device. */
    @Test
    void aStoreNeedsBlocksThatDivideASuperBlock() {
        Bdev bdev = malloc(8192, 8192);
        assertThat(
                        failsWith(
                                SpdkException.Unsupported.class,
                                () -> env.bdevs().createLvolStore(LvolStore.over("store", bdev.name()))))
                .hasMessageContaining("'" + bdev.name() + "' has blocks of 8,192 bytes");
        bdev.open(OpenMode.READ_WRITE).close();
    }

    @Test
    void aVolumeKeepsWhatIsWrittenAndLeavesOthersAlone() {
        var _ = storage();
        assertThat(await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)))).isNotNull();
        Device a = volume("a", 4, false);
        Device b = volume("b", 4, false);
        assertThat(a.bdev.name()).isEqualTo("store/a");
        assertThat(a.bdev.sizeBytes()).isEqualTo(4 * MIB);
        a.write(0, filled(1, 4 * MIB));
        b.write(0, filled(2, 4 * MIB));
        byte[] data = pattern(seed, 3 * 4096);
        a.write(MIB - 4096, data);
        assertThat(a.read(MIB - 4096, data.length)).isEqualTo(data);
        assertThat(a.read(2 * MIB, 4096)).containsOnly(1);
        assertThat(b.read(0, 4 * MIB)).containsOnly(2);
    }

    @Test
    void aThinVolumeTakesClustersWhenTheyAreWritten() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        long free = freeClusters();
        Device thin = volume("thin", 32, true);
        assertThat(freeClusters()).isEqualTo(free);
        assertThat(thin.read(5 * MIB, 8192)).containsOnly(0);
        assertThat(freeClusters()).isEqualTo(free);
        thin.write(5 * MIB, pattern(seed, 4096));
        assertThat(freeClusters()).isEqualTo(free - 1);
        assertThat(thin.read(5 * MIB, 4096)).isEqualTo(pattern(seed, 4096));
        assertThat(thin.read(5 * MIB + 4096, 4096)).containsOnly(0);
        thin.close();
        await(env.bdevs().destroy("store/thin"));
        assertThat(freeClusters()).isEqualTo(free);
    }

    @Test
    void destroyedVolumesGiveTheirClustersBackAndTheirNames() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        long free = freeClusters();
        for (int i = 0; i < 20; i++) {
            Device volume = volume("v", 8, false);
            assertThat(freeClusters()).isEqualTo(free - 8);
            volume.write(0, filled(i, 4096));
            volume.close();
            await(env.bdevs().destroy("store/v"));
            assertThat(env.bdevs().find("store/v")).isEmpty();
        }
        assertThat(freeClusters()).isEqualTo(free);
        await(env.bdevs().destroyLvolStore("store"));
        Device disk = device(env.bdevs().get("disk"));
        disk.write(0, filled(3, 4096));
    }

    @Test
    void whatAStoreHoldsOutlivesTheEnvironment() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        Device volume = volume("kept", 4, true);
        byte[] data = pattern(seed, 64 << 10);
        volume.write(2 * MIB, data);
        String uuid = volume.bdev.uuid().toString();
        env.close();
        env = open(builder());
        thread = env.attachThread("main");
        create(AioBdev.of("disk", folder.resolve("disk")).withBlockSize(4096));
        assertThat(env.bdevs().find("store/kept")).isEmpty();
        await(env.rpc().call("bdev_examine", Map.of("name", "disk")));
        await(env.rpc().call("bdev_wait_for_examine"));
        Device again = device(env.bdevs().get("store/kept"));
        assertThat(again.bdev.uuid()).hasToString(uuid);
        assertThat(again.read(2 * MIB, data.length)).isEqualTo(data);
        assertThat(again.read(0, MIB)).containsOnly(0);
    }

    @Test
    void aVolumeThatIsTooLargeFitsNotAndLeavesNothing() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        long free = freeClusters();
        assertThat(failureOf(() -> env.bdevs().create(LvolBdev.of("store", "large", 100L * MIB))))
                .isInstanceOf(SpdkException.class)
                .hasMessageContaining("store/large");
        assertThat(freeClusters()).isEqualTo(free);
        assertThat(failureOf(() -> env.bdevs().create(LvolBdev.of("elsewhere", "a", MIB))))
                .isInstanceOf(SpdkException.class);
        assertThat(env.bdevs().list()).extracting(Bdev::name).containsExactly("disk");
    }

    @Test
    void aFullStoreFailsTheWriteThatFindsItFull() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        long free = freeClusters();
        Device thin = volume("thin", 128, true);
        for (long i = 0; i < free; i++) {
            thin.write(i * MIB, filled((int) i, 4096));
        }
        SpdkException failure =
                completesWith(
                        SpdkException.class, thin.desc.write(thin.channel, buffer(filled(1, 4096)), free * MIB, 4096));
        assertThat(failure.errno()).isIn(Errno.ENOSPC, Errno.EIO);
        for (long i = 0; i < free; i++) {
            assertThat(thin.read(i * MIB, 4096)).containsOnly((byte) i);
        }
    }

    @Test
    void theDiskRemovedUnderItsVolumesEndsTheirIo() {
        var _ = storage();
        await(env.bdevs().createLvolStore(new LvolStore("store", "disk", MIB)));
        Device volume = volume("v", 8, false);
        List<Throwable> failures = new java.util.ArrayList<>();
        var writes = new java.util.ArrayList<java.util.concurrent.CompletableFuture<Void>>();
        for (int i = 0; i < 100; i++) {
            writes.add(volume.desc.write(volume.channel, buffer(filled(1, 4096)), i * 4096L, 4096));
        }
        var removed = env.bdevs().destroy("disk");
        pollUntil("the end of the writes", () -> writes.stream().allMatch(java.util.concurrent.Future::isDone));
        pollUntil("the volume's removal", volume.bdev::isRemoved);
        failures.add(failureOf(() -> volume.desc.read(volume.channel, buffer(4096), 0, 4096)));
        assertThat(failures).allMatch(SpdkException.class::isInstance);
        volume.close();
        await(removed);
        assertThat(env.bdevs().list()).isEmpty();
    }
}
