package io.spdkio.embedded.blob;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;
import io.spdkio.embedded.blob.format.Images;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Stores whose power was cut while SPDK made a blob smaller: as many of its extent pages were written as there were
 * writes, and its first page was not.
 */
final class HalfShrunkTest {
    private static final int CLUSTER = 4096;
    private static final long FROM = 1600;
    private static final long WRITTEN = 400;

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

    private Bdev device(MemorySegment image) {
        return env.bdevs().create(CustomBdev.of("image" + devices++, new ImageDevice(image, CLUSTER))).join();
    }

    private BlobId make(MemorySegment image, boolean thin) {
        BlobstoreOptions shape = BlobstoreOptions.defaults().withClusterSize(CLUSTER).withMetadataPages(64);
        Bdev bdev = device(image);
        Blobstore store = env.blobstores().init(bdev, shape).join();
        BlobOptions options = thin ? BlobOptions.thin(FROM) : BlobOptions.thick(FROM);
        BlobId id = store.create(options.withExtentTable(true)).join();
        for (long cluster : thin ? List.of(0L, WRITTEN, 600L, 1200L, 1599L) : List.of(WRITTEN)) {
            write(store, id, cluster);
        }
        store.unload().join();
        env.bdevs().destroy(bdev.name()).join();
        return id;
    }

    private void write(Blobstore store, BlobId id, long cluster) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(CLUSTER)) {
            buffer.fill((byte) cluster);
            blob.write(channel, buffer, cluster * CLUSTER, CLUSTER).join();
        }
    }

    private byte read(Blobstore store, BlobId id, long cluster) {
        try (Blob blob = store.open(id).join();
                IoChannel channel = thread.ioChannel(store);
                DmaBuf buffer = env.dma().allocate(CLUSTER)) {
            blob.read(channel, buffer, cluster * CLUSTER, CLUSTER).join();
            return buffer.get(0, 1)[0];
        }
    }

    @ParameterizedTest
    @CsvSource({
        "false, 1590, 1", "false, 1536, 2", "false, 1024, 2", "false, 1024, 3", "false, 700, 1", "false, 700, 2",
        "false, 700, 3", "false, 0, 1", "false, 0, 4", "true, 1590, 1", "true, 1536, 2", "true, 1024, 3",
        "true, 700, 1", "true, 700, 3", "true, 0, 1"
    })
    void theBlobHasTheSizeThatItWasToHave(boolean thin, long to, int writes) {
        MemorySegment image = MemorySegment.ofArray(new byte[8 << 20]);
        BlobId id = make(image, thin);
        Images.halfShrink(image, id.value(), to, writes);
        assertThat(Images.check(image)).isEmpty();
        List<Long> map = Images.clusters(image, id.value());
        assertThat(map).hasSize((int) to);

        Blobstore store = env.blobstores().load(device(image)).join();
        if (to > WRITTEN) {
            assertThat(read(store, id, WRITTEN)).isEqualTo((byte) WRITTEN);
        }
        store.unload().join();
        assertThat(Images.check(image)).isEmpty();
        assertThat(Images.clusters(image, id.value())).isEqualTo(map);

        store = env.blobstores().load(device(image)).join();
        try (Blob blob = store.open(id).join()) {
            assertThat(blob.clusters()).isEqualTo(to);
            blob.resize(FROM).join();
        }
        write(store, id, 1300);
        assertThat(read(store, id, 1300)).isEqualTo((byte) 1300);
        store.unload().join();
        assertThat(Images.check(image)).isEmpty();
    }

    @Test
    void whereNoMetadataPageIsFreeItIsReadTheSame() {
        MemorySegment image = MemorySegment.ofArray(new byte[8 << 20]);
        BlobstoreOptions shape = BlobstoreOptions.defaults().withClusterSize(CLUSTER).withMetadataPages(20);
        BlobOptions options =
                BlobOptions.thick(FROM)
                        .withExtentTable(true)
                        .withXattr("a", new byte[3900])
                        .withXattr("b", new byte[3900]);
        Blobstore made = env.blobstores().init(device(image), shape).join();
        BlobId id = made.create(options).join();
        write(made, id, WRITTEN);
        while (made.create(BlobOptions.thin(1)).handle((_, problem) -> problem == null).join()) {
            // Until there is no page.
        }
        made.unload().join();
        Images.halfShrink(image, id.value(), 1024, 2);

        for (int i = 0; i < 3; i++) {
            Blobstore store = env.blobstores().load(device(image)).join();
            try (Blob blob = store.open(id).join()) {
                assertThat(blob.clusters()).isEqualTo(1024);
            }
            assertThat(read(store, id, WRITTEN)).isEqualTo((byte) WRITTEN);
            store.unload().join();
        }
    }
}
