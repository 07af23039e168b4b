package io.spdkio.embedded.blob;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobCursor;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;
import io.spdkio.embedded.blob.format.Images;
import io.spdkio.embedded.blob.format.StoreDump;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Damaged stores are refused, or as much of them as is damaged; nothing else happens. {@code
 * -Dspdkio.blob.fuzz=1000000} looks at so many images, and loads a twentieth as many.
 */
@Timeout(3600)
final class StoreFuzzTest {
    private static final int DEVICE_BYTES = 2 << 20;
    private static final int CLUSTER = 16_384;
    private static final int MD_PAGES = 64;
    private static final int FIRST_MD_PAGE = 4;

    private final long seed = Long.getLong("spdkio.tck.seed", System.nanoTime());
    private final int mutations = Integer.getInteger("spdkio.blob.fuzz", 8_000);

    private SpdkEnv env;
    private SpdkThread thread;
    private int devices;

    @BeforeEach
    void open() {
        env = SpdkEnv.builder().engine("embedded").build();
        thread = env.attachThread("main");
    }

    @AfterEach
    void close() {
        env.close();
    }

    /** Stores with everything that metadata can say; the last one was not unloaded. */
    private List<MemorySegment> images() {
        List<MemorySegment> images = new ArrayList<>();
        for (boolean table : new boolean[] {true, false}) {
            MemorySegment image = MemorySegment.ofArray(new byte[DEVICE_BYTES]);
            Bdev bdev = create(image);
            Blobstore store =
                    env.blobstores()
                            .init(
                                    bdev,
                                    BlobstoreOptions.defaults().withClusterSize(CLUSTER).withMetadataPages(MD_PAGES))
                            .join();
            fill(store, table);
            MemorySegment unclean = MemorySegment.ofArray(new byte[DEVICE_BYTES]).copyFrom(image);
            store.unload().join();
            env.bdevs().destroy(bdev.name()).join();
            images.add(image);
            images.add(unclean);
        }
        return images;
    }

    private void fill(Blobstore store, boolean table) {
        BlobId thick = store.create(BlobOptions.thick(6).withExtentTable(table).withXattr("a", "b")).join();
        BlobId thin =
                store.create(
                                BlobOptions.thin(1200)
                                        .withExtentTable(table)
                                        .withXattr("long", new byte[3000])
                                        .withXattr("longer", new byte[3500]))
                        .join();
        try (Blob blob = store.open(thin).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(4096)) {
            buffer.fill((byte) 1);
            for (int i = 0; i < 12; i++) {
                blob.write(channel, buffer, i * 100L * CLUSTER, 4096).join();
            }
            BlobId snapshot = store.snapshot(thin).join();
            blob.write(channel, buffer, 5L * CLUSTER, 4096).join();
            store.clone(snapshot).join();
            store.snapshot(thin).join();
        }
        store.setSuperBlob(Optional.of(thick)).join();
    }

    private Bdev create(MemorySegment image) {
        return env.bdevs().create(CustomBdev.of("image" + devices++, new ImageDevice(image, 4096))).join();
    }

    @Test
    void theCheckerSurvivesAnyDamage() {
        Random random = new Random(seed);
        List<MemorySegment> images = images();
        images.forEach(image -> assertThat(Images.check(image)).isEmpty());
        long found = 0;
        for (MemorySegment image : images) {
            Mutator mutator = new Mutator(image, FIRST_MD_PAGE, MD_PAGES);
            for (int i = 0; i < mutations / images.size(); i++) {
                mutator.damage(random);
                try {
                    found += Images.check(mutator.image()).isEmpty() ? 0 : 1;
                } catch (Throwable e) {
                    throw new AssertionError("image " + i + " of seed " + seed, e);
                }
                mutator.heal();
            }
        }
        // Some damage is none, as where nothing is kept.
        assertThat(found).as("damaged images of seed %d", seed).isGreaterThan(mutations / 2);
    }

    @Test
    void theDumpSurvivesAnyDamage() {
        Random random = new Random(seed);
        List<MemorySegment> images = images();
        for (MemorySegment image : images) {
            assertThat(Images.dump(image)).isNotEmpty().noneMatch(StoreDump.Line::isWrong);
            Mutator mutator = new Mutator(image, FIRST_MD_PAGE, MD_PAGES);
            for (int i = 0; i < mutations / images.size() / 10; i++) {
                mutator.damage(random);
                try {
                    assertThat(Images.dump(mutator.image())).isNotEmpty();
                } catch (Throwable e) {
                    throw new AssertionError("image " + i + " of seed " + seed, e);
                }
                mutator.heal();
            }
        }
    }

    @Test
    void theEngineSurvivesAnyDamage() {
        Random random = new Random(seed);
        List<MemorySegment> images = images();
        int loaded = 0;
        for (MemorySegment image : images) {
            Mutator mutator = new Mutator(image, FIRST_MD_PAGE, MD_PAGES);
            for (int i = 0; i < mutations / images.size() / 20; i++) {
                mutator.damage(random);
                try {
                    loaded += use(mutator.image()) ? 1 : 0;
                } catch (Throwable e) {
                    throw new AssertionError("image " + i + " of seed " + seed, e);
                }
                mutator.healAll();
            }
        }
        assertThat(loaded).as("images of seed %d that load", seed).isPositive();
    }

    /** Loads a store and does everything to it that it lets be done; false when it is refused as a whole. */
    private boolean use(MemorySegment image) {
        Bdev bdev = create(image);
        Blobstore store;
        try {
            store = env.blobstores().load(bdev).join();
        } catch (SpdkException e) {
            assertThat(e).hasMessageContaining(bdev.name());
            env.bdevs().destroy(bdev.name()).join();
            return false;
        }
        try {
            BlobCursor cursor = store.blobs();
            List<BlobId> ids = new ArrayList<>();
            for (Optional<BlobId> id = cursor.next().join(); id.isPresent(); id = cursor.next().join()) {
                ids.add(id.get());
            }
            for (BlobId id : ids) {
                touch(store, id);
            }
            tried(() -> store.delete(store.create(BlobOptions.thick(1)).join()).join());
            for (BlobId id : ids) {
                tried(() -> store.delete(id).join());
            }
        } finally {
            tried(() -> store.unload().join());
            assertThat(store.isClosed()).isTrue();
            env.bdevs().destroy(bdev.name()).join();
        }
        return true;
    }

    private void touch(Blobstore store, BlobId id) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(CLUSTER)) {
            blob.xattrNames().join();
            long clusters = blob.clusters();
            for (long cluster : new long[] {0, 5, clusters - 1}) {
                if (cluster >= 0 && cluster < clusters) {
                    tried(() -> blob.read(channel, buffer, cluster * CLUSTER, CLUSTER).join());
                    tried(() -> blob.write(channel, buffer, cluster * CLUSTER, 4096).join());
                }
            }
            tried(() -> blob.resize(3).join());
        } catch (SpdkException e) {
            // Refused: this is what should be when it is damaged.
            assertThat(e.getMessage()).isNotEmpty();
        }
    }

    private static void tried(Runnable operation) {
        try {
            operation.run();
        } catch (SpdkException | IllegalArgumentException e) {
            // The size of a cluster or an I/O unit may be another one now.
            assertThat(e.getMessage()).isNotEmpty();
        }
    }
}
