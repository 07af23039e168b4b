package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** Blob I/O: ranges, clusters, queues, threads, buffers, closing, devices that go away. */
public abstract class BlobIoTck extends BlobTckBase {
    private static final int MIB = 1 << 20;

    private record Completion(long cookie, int status) {}

    private final List<Completion> completions = new ArrayList<>();

    /** For the subclasses. */
    protected BlobIoTck() {}

    // ---- contents

    @ParameterizedTest
    @CsvSource({
        "512, 32768, true",
        "512, 1048576, false",
        "4096, 65536, true",
        "4096, 12288, true",
        "4096, 4096, true"
    })
    void whatIsReadIsWhatWasWritten(int blockSize, int clusterSize, boolean thin) {
        Bdev bdev = malloc(16L * MIB / blockSize, blockSize);
        BlobstoreOptions options = BlobstoreOptions.defaults().withClusterSize(clusterSize).withMetadataPages(64);
        Blobstore store = init(bdev, options);
        int clusters = 2 * MIB / clusterSize;
        int size = clusters * clusterSize;
        BlobId id = await(store.create(thin ? BlobOptions.thin(clusters) : BlobOptions.thick(clusters)));
        byte[] expected = new byte[size];
        int unit = store.ioUnitSizeBytes();
        try (OpenBlob open = open(store, id)) {
            for (int i = 0; i < 300; i++) {
                int offset = random.nextInt(size / unit) * unit;
                int length = Math.min(size - offset, (1 + random.nextInt(3 * clusterSize / unit)) * unit);
                switch (random.nextInt(5)) {
                    case 0, 1 -> {
                        byte[] data = pattern(random.nextLong(), length);
                        open.write(offset, data);
                        System.arraycopy(data, 0, expected, offset, length);
                    }
                    case 2 -> {
                        await(open.blob.writeZeroes(open.channel, offset, length));
                        Arrays.fill(expected, offset, offset + length, (byte) 0);
                    }
                    case 3 -> {
                        byte[] data = pattern(random.nextLong(), length);
                        writeInPieces(open, offset, data);
                        System.arraycopy(data, 0, expected, offset, length);
                    }
                    default ->
                            assertThat(open.read(offset, length))
                                    .isEqualTo(Arrays.copyOfRange(expected, offset, offset + length));
                }
            }
            assertThat(open.read(0, size)).isEqualTo(expected);
            assertThat(readInPieces(open, size)).isEqualTo(expected);
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob open = open(again, id)) {
            assertThat(open.read(0, size)).isEqualTo(expected);
        }
        again.close();
    }

    private List<DmaBuf> pieces(int length) {
        List<DmaBuf> buffers = new ArrayList<>();
        for (int left = length; left > 0; ) {
            int size = Math.min(left, 512 * (1 + random.nextInt(60)));
            buffers.add(buffer(size));
            left -= size;
        }
        return buffers;
    }

    private void writeInPieces(OpenBlob open, long offset, byte[] data) {
        List<DmaBuf> buffers = pieces(data.length);
        int at = 0;
        for (DmaBuf buffer : buffers) {
            int size = (int) buffer.sizeBytes();
            buffer.put(0, Arrays.copyOfRange(data, at, at + size));
            at += size;
        }
        await(open.blob.writev(open.channel, buffers, offset));
        buffers.forEach(DmaBuf::close);
    }

    private byte[] readInPieces(OpenBlob open, int size) {
        List<DmaBuf> buffers = pieces(size);
        buffers.forEach(buffer -> buffer.fill((byte) 0xA5));
        await(open.blob.readv(open.channel, buffers, 0));
        byte[] all = new byte[size];
        int at = 0;
        for (DmaBuf buffer : buffers) {
            byte[] part = buffer.get(0, buffer.sizeBytes());
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
            buffer.close();
        }
        return all;
    }

    @Test
    void thinBlobsAllocateWhatIsWrittenAndGiveBackWhatIsUnmapped() {
        Blobstore store = newStore(64);
        long free = store.freeClusters();
        BlobId id = await(store.create(BlobOptions.thin(100)));
        try (OpenBlob open = open(store, id)) {
            Blob blob = open.blob;
            assertThat(blob.nextAllocatedIoUnit(0)).isEmpty();
            assertThat(blob.nextUnallocatedIoUnit(7)).isEqualTo(OptionalLong.of(7));
            open.write(3 * MIB + 4096, pattern(seed, 4096));
            open.write(4 * MIB, pattern(seed, 4096));
            open.write(90 * MIB, pattern(seed, 4096));
            assertThat(blob.allocatedClusters()).isEqualTo(3);
            assertThat(store.freeClusters()).isEqualTo(free - 3);
            assertThat(blob.nextAllocatedIoUnit(0)).isEqualTo(OptionalLong.of(3 * 256));
            assertThat(blob.nextAllocatedIoUnit(3 * 256 + 9)).isEqualTo(OptionalLong.of(3 * 256 + 9));
            assertThat(blob.nextUnallocatedIoUnit(3 * 256)).isEqualTo(OptionalLong.of(5 * 256));
            assertThat(blob.nextAllocatedIoUnit(5 * 256)).isEqualTo(OptionalLong.of(90 * 256));
            assertThat(blob.nextAllocatedIoUnit(100 * 256)).isEmpty();
            assertThat(open.read(3 * MIB, 4096)).containsOnly(0);
            assertThat(open.read(3 * MIB + 4096, 4096)).isEqualTo(pattern(seed, 4096));

            await(blob.unmap(open.channel, 2 * MIB, 3 * MIB));
            assertThat(blob.allocatedClusters()).isEqualTo(1);
            assertThat(store.freeClusters()).isEqualTo(free - 1);
            assertThat(open.read(3 * MIB + 4096, 4096)).containsOnly(0);
            // A part of a cluster is not given back.
            await(blob.unmap(open.channel, 90 * MIB, 4096));
            assertThat(blob.allocatedClusters()).isEqualTo(1);
            open.write(4 * MIB + 8192, pattern(1, 4096));
            assertThat(open.read(4 * MIB, 4096)).containsOnly(0);
            assertThat(open.read(4 * MIB + 8192, 4096)).isEqualTo(pattern(1, 4096));
        }
        store.close();
    }

    @Test
    void manyIosOnUnallocatedClustersAtOnceLoseNothing() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thin(600)));
        try (OpenBlob open = open(store, id)) {
            List<IoFuture<Void>> writes = new ArrayList<>();
            List<DmaBuf> buffers = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                for (int page = 0; page < 5; page++) {
                    DmaBuf buffer = buffer(filled(i * 5 + page, 4096));
                    buffers.add(buffer);
                    writes.add(open.blob.write(open.channel, buffer, i * 15L * MIB + page * 4096L, 4096));
                }
            }
            awaitAll(writes);
            buffers.forEach(DmaBuf::close);
            assertThat(open.blob.allocatedClusters()).isEqualTo(40);
            for (int i = 0; i < 40; i++) {
                for (int page = 0; page < 5; page++) {
                    assertThat(open.read(i * 15L * MIB + page * 4096L, 4096)).containsOnly(i * 5 + page);
                }
            }
        }
        store.close();
    }

    // ---- arguments

    @Test
    void rangesOutsideTheBlobAndBetweenUnitsAreRefusedByTheCall() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thick(2)));
        try (OpenBlob open = open(store, id);
                DmaBuf buffer = buffer(8192)) {
            Blob blob = open.blob;
            IoChannel channel = open.channel;
            assertThatThrownBy(() -> blob.read(channel, buffer, 2 * MIB, 4096))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(id.toString());
            assertThatThrownBy(() -> blob.read(channel, buffer, 2 * MIB - 4096, 8192))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.read(channel, buffer, 512, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.read(channel, buffer, 0, 100)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.read(channel, buffer, -4096, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.write(channel, buffer, 0, 0)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.write(channel, buffer, 0, 12288))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> blob.unmap(channel, Long.MAX_VALUE - 4095, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(channel.outstanding()).isZero();
        }
        store.close();
    }

    @Test
    void aChannelLeadsToItsStoreOnly() {
        Blobstore store = newStore(16);
        Blobstore other = newStore(16);
        BlobId id = await(store.create(BlobOptions.thick(1)));
        try (OpenBlob open = open(store, id);
                DmaBuf buffer = buffer(4096)) {
            IoChannel wrong = thread.ioChannel(other);
            assertThatThrownBy(() -> open.blob.read(wrong, buffer, 0, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            Device device = mallocDevice(16, 4096);
            assertThatThrownBy(() -> open.blob.read(device.channel, buffer, 0, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.desc.read(open.channel, buffer, 0, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            wrong.close();
        }
        store.close();
        other.close();
    }

    // ---- queues

    @Test
    void aQueueWorksOnABlobAsOnABdev() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thin(8)));
        try (OpenBlob open = open(store, id);
                DmaBuf data = buffer(pattern(seed, 8192));
                DmaBuf back = buffer(8192)) {
            IoQueue queue =
                    open.blob.openQueue(
                            open.channel, 4, (cookie, status) -> completions.add(new Completion(cookie, status)));
            assertThat(queue.write(data, MIB - 4096, 8192, 1)).isTrue();
            assertThat(queue.outstanding()).isEqualTo(1);
            assertThat(completions).isEmpty();
            pollUntil("the write", () -> completions.size() == 1);
            assertThat(queue.read(back, MIB - 4096, 8192, 2)).isTrue();
            // It has two clusters, and what comes next might overtake the second.
            pollUntil("the read", () -> completions.size() == 2);
            assertThat(queue.flush(0, 4096, 3)).isTrue();
            assertThat(queue.writeZeroes(MIB, 4096, 4)).isTrue();
            assertThat(queue.reset(5)).isTrue();
            assertThat(queue.unmap(0, 4096, 6)).isTrue();
            assertThat(queue.unmap(0, 4096, 7)).isFalse();
            pollUntil("all completions", () -> completions.size() == 6);
            assertThat(completions)
                    .contains(
                            new Completion(1, 0),
                            new Completion(2, 0),
                            new Completion(3, -Errno.EOPNOTSUPP),
                            new Completion(4, 0),
                            new Completion(5, -Errno.EOPNOTSUPP),
                            new Completion(6, 0));
            assertThat(back.get(0, 8192)).isEqualTo(pattern(seed, 8192));
            assertThat(open.read(MIB, 4096)).containsOnly(0);
            assertThatThrownBy(() -> queue.read(back, 8 * MIB, 4096, 7)).isInstanceOf(IllegalArgumentException.class);
            queue.close();
            assertThatThrownBy(() -> queue.read(back, 0, 4096, 8)).isInstanceOf(SpdkException.Closed.class);
        }
        store.close();
    }

    @Test
    void anIoPastItsDeadlineIsAborted() {
        TestBackend backend = storeBackend();
        Blobstore store = init(custom(backend), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(2)));
        backend.abortable = true;
        try (OpenBlob open = open(store, id);
                DmaBuf buffer = buffer(4096)) {
            IoQueue queue =
                    open.blob.openQueue(
                            open.channel,
                            2,
                            Duration.ofMillis(5),
                            (cookie, status) -> completions.add(new Completion(cookie, status)));
            backend.script = TestBackend::hold;
            assertThat(queue.read(buffer, 0, 4096, 42)).isTrue();
            pollUntil("the deadline", () -> !completions.isEmpty());
            assertThat(completions).containsExactly(new Completion(42, -Errno.ETIMEDOUT));
            IoFuture<Void> cancelled = open.blob.read(open.channel, buffer, 0, 4096);
            pollUntil("arrival", () -> backend.held.size() == 1);
            assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class);
            cancelled.cancel(false);
            pollUntil("the abort", () -> open.channel.outstanding() == 0);
            backend.script = TestBackend::serve;
            queue.close();
        }
        store.close();
    }

    /** A device of 16 MiB whose every step a test can take into its own hands. */
    private static TestBackend storeBackend() {
        return TestBackend.of(16 * 256, 4096);
    }

    // ---- threads

    @Test
    void blobIoIsConfinedToItsChannelsThread() throws Exception {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thick(1)));
        try (OpenBlob open = open(store, id);
                DmaBuf buffer = buffer(4096)) {
            runElsewhere(() ->
                    assertThatThrownBy(() -> open.blob.read(open.channel, buffer, 0, 4096))
                            .isInstanceOf(SpdkException.WrongThread.class));
        }
        store.close();
    }

    @Test
    void metadataOperationsComeBackFromAnyThread() throws Exception {
        Blobstore store = newStore(16);
        elsewhere(() -> {
            BlobId id = store.create(BlobOptions.thin(3).withXattr("a", "b")).get(20, TimeUnit.SECONDS);
            Blob blob = store.open(id).get(20, TimeUnit.SECONDS);
            blob.resize(5).get(20, TimeUnit.SECONDS);
            assertThat(blob.clusters()).isEqualTo(5);
            blob.setXattr("c", new byte[3]).get(20, TimeUnit.SECONDS);
            assertThat(blob.xattrNames().get(20, TimeUnit.SECONDS)).containsExactly("a", "c");
            blob.closeAsync().get(20, TimeUnit.SECONDS);
            store.delete(id).get(20, TimeUnit.SECONDS);
            return null;
        });
        CompletableFuture<Thread> completedOn = new CompletableFuture<>();
        var worker =
                env.spawnThread(
                        "worker",
                        own -> {
                            BlobId id = store.create(BlobOptions.thin(3)).join();
                            var _ = store.delete(id).thenRun(() -> completedOn.complete(Thread.currentThread()));
                            own.await(completedOn);
                            return own.osThread();
                        });
        pollUntil("the worker", () -> worker.result().isDone());
        assertThat(completedOn.join()).isSameAs(worker.result().join());
        store.close();
    }

    @Test
    void manyThreadsWritingFirstToTheSameClustersLoseNothing() {
        Blobstore store = newStore(64);
        int threads = 4;
        int clusters = 30;
        BlobId snapshotted = await(store.create(BlobOptions.thick(clusters)));
        try (OpenBlob open = open(store, snapshotted)) {
            for (int c = 0; c < clusters; c++) {
                open.write((long) c * MIB, filled(99, MIB / 4));
            }
        }
        BlobId snapshot = await(store.snapshot(snapshotted));
        BlobId id = await(store.clone(snapshot));
        Blob blob = await(store.open(id));
        AtomicInteger ready = new AtomicInteger();
        List<CompletableFuture<Object>> ends = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int mine = t;
            var handle =
                    env.spawnThread(
                            "writer" + t,
                            own -> {
                                try (IoChannel channel = own.ioChannel(store);
                                        DmaBuf buffer = env.dma().allocate(4096)) {
                                    buffer.fill((byte) (mine + 1));
                                    ready.incrementAndGet();
                                    while (ready.get() < threads) {
                                        Thread.onSpinWait();
                                    }
                                    for (int c = 0; c < clusters; c++) {
                                        blob.write(channel, buffer, (long) c * MIB + mine * 4096L, 4096).join();
                                    }
                                }
                                return null;
                            });
            ends.add(handle.result().thenApply(it -> it));
        }
        pollUntil("the writers", () -> ends.stream().allMatch(CompletableFuture::isDone));
        ends.forEach(CompletableFuture::join);
        await(blob.closeAsync());
        try (OpenBlob open = open(store, id)) {
            assertThat(open.blob.allocatedClusters()).isEqualTo(clusters);
            for (int c = 0; c < clusters; c++) {
                for (int t = 0; t < threads; t++) {
                    assertThat(open.read((long) c * MIB + t * 4096L, 4096)).containsOnly(t + 1);
                }
                assertThat(open.read((long) c * MIB + threads * 4096L, 4096)).containsOnly(99);
                assertThat(open.read((long) c * MIB + MIB / 2, 4096)).containsOnly(0);
            }
        }
        assertThat(store.freeClusters()).isEqualTo(63 - 2 * clusters);
        store.close();
    }

    @Test
    void resizingWhileOtherThreadsWriteKeepsEverythingElse() {
        Blobstore store = newStore(64);
        BlobId id = await(store.create(BlobOptions.thin(8)));
        Blob blob = await(store.open(id));
        AtomicInteger stop = new AtomicInteger();
        var handle =
                env.spawnThread(
                        "writer",
                        own -> {
                            int done = 0;
                            try (IoChannel channel = own.ioChannel(store);
                                    DmaBuf buffer = env.dma().allocate(4096)) {
                                while (stop.get() == 0) {
                                    buffer.fill((byte) done);
                                    blob.write(channel, buffer, (done % 4) * (long) MIB, 4096).join();
                                    done++;
                                }
                            }
                            return done;
                        });
        for (int i = 0; i < 50; i++) {
            await(blob.resize(4 + i % 9));
            await(blob.syncMetadata());
        }
        stop.set(1);
        pollUntil("the writer", () -> handle.result().isDone());
        int done = handle.result().join();
        assertThat(blob.allocatedClusters()).isEqualTo(Math.min(done, 4));
        await(blob.closeAsync());
        try (OpenBlob open = open(store, id)) {
            for (int last = Math.max(0, done - 4); last < done; last++) {
                assertThat(open.read((last % 4) * (long) MIB, 4096)).containsOnly(last & 0xff);
            }
        }
        store.close();
    }

    @Test
    void directStyleWorksOnBlobs() {
        Blobstore store = newStore(16);
        IoFuture<String> story;
        try {
            story =
                    thread.fork(() -> {
                        BlobId id = store.create(BlobOptions.thin(4)).join();
                        try (Blob blob = store.open(id).join();
                                IoChannel channel = thread.ioChannel(store);
                                DmaBuf buffer = env.dma().allocate(4096)) {
                            buffer.fill((byte) 7);
                            blob.write(channel, buffer, MIB, 4096).join();
                            buffer.fill((byte) 0);
                            blob.read(channel, buffer, MIB, 4096).join();
                            return "read " + buffer.get(0, 1)[0];
                        }
                    });
        } catch (SpdkException.Unsupported e) {
            org.junit.jupiter.api.Assumptions.abort("this JVM has no direct style: " + e.getMessage());
            return;
        }
        assertThat(await(story)).isEqualTo("read 7");
        store.close();
    }

    // ---- closing

    @Test
    void closingABlobWaitsForItsIo() {
        TestBackend backend = storeBackend();
        Blobstore store = init(custom(backend), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        OpenBlob open = open(store, id);
        DmaBuf buffer = buffer(4096);
        backend.script = TestBackend::hold;
        IoFuture<Void> read = open.blob.read(open.channel, buffer, 0, 4096);
        pollUntil("arrival", () -> backend.held.size() == 1);
        IoFuture<Void> closed = open.blob.closeAsync();
        assertThat(open.blob.isClosed()).isTrue();
        poll(20);
        assertThat(closed).isNotDone();
        assertThatThrownBy(() -> open.blob.read(open.channel, buffer, 0, 4096))
                .isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(open.blob::clusters).isInstanceOf(SpdkException.Closed.class);
        failsWith(SpdkException.Busy.class, store::unload);
        backend.script = TestBackend::serve;
        backend.serveHeld();
        await(read);
        await(closed);
        buffer.close();
        open.channel.close();
        store.close();
    }

    @Test
    void closingTheChannelRefusesNewIoAndKeepsWhatIsUnderWay() {
        TestBackend backend = storeBackend();
        Blobstore store = init(custom(backend), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(1)));
        OpenBlob open = open(store, id);
        DmaBuf buffer = buffer(4096);
        backend.script = TestBackend::hold;
        IoFuture<Void> read = open.blob.read(open.channel, buffer, 0, 4096);
        pollUntil("arrival", () -> backend.held.size() == 1);
        open.channel.close();
        assertThatThrownBy(() -> open.blob.read(open.channel, buffer, 0, 4096))
                .isInstanceOf(SpdkException.Closed.class);
        backend.script = TestBackend::serve;
        backend.serveHeld();
        await(read);
        try (OpenBlob again = open(store, id)) {
            again.write(0, pattern(seed, 4096));
        }
        await(open.blob.closeAsync());
        buffer.close();
        store.close();
    }

    @Test
    void aThreadMayExitWithBlobsOpenElsewhere() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thin(2)));
        Blob blob = await(store.open(id));
        var handle =
                env.spawnThread(
                        "short",
                        own -> {
                            IoChannel channel = own.ioChannel(store);
                            try (DmaBuf buffer = env.dma().allocate(4096)) {
                                blob.write(channel, buffer, 0, 4096).join();
                            }
                            // The channel is left open.
                            return null;
                        });
        pollUntil("the end of the thread", () -> handle.result().isDone());
        await(blob.closeAsync());
        await(store.unload());
    }

    @Test
    void whenTheMetadataThreadExitsNobodyIsLeftWaiting() {
        Bdev bdev = malloc(16 * 256, 4096);
        CompletableFuture<Blobstore> made = new CompletableFuture<>();
        CompletableFuture<Blob> opened = new CompletableFuture<>();
        CompletableFuture<Void> end = new CompletableFuture<>();
        var handle =
                env.spawnThread(
                        "metadata",
                        own -> {
                            Blobstore store = env.blobstores().init(bdev).join();
                            opened.complete(store.open(store.create(BlobOptions.thin(4)).join()).join());
                            made.complete(store);
                            own.await(end);
                            return null;
                        });
        pollUntil("the store", made::isDone);
        Blobstore store = made.join();
        Blob blob = opened.join();
        IoChannel channel = thread.ioChannel(store);
        DmaBuf buffer = buffer(4096);
        await(blob.write(channel, buffer, 0, 4096));
        end.complete(null);
        pollUntil("the exit", () -> handle.result().isDone());
        assertThatThrownBy(
                        () -> {
                            SpdkException failure =
                                    failsWith(SpdkException.class, () -> blob.write(channel, buffer, MIB, 4096));
                            throw failure;
                        })
                .isInstanceOf(SpdkException.class);
        failsWith(SpdkException.Closed.class, () -> store.create(BlobOptions.thin(1)));
        failsWith(SpdkException.Closed.class, store::unload);
        assertThat(store.isClosed()).isTrue();
        store.close();
        blob.close();
        channel.close();
        buffer.close();
        // The device is free, and the next load recovers the store.
        pollUntil("the release of the device", () -> bdev.claimedBy().isEmpty());
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(allBlobs(again)).containsExactly(blob.id());
        again.close();
    }

    // ---- devices that fail or go away

    @Test
    void afterTheDeviceIsGoneEverythingFailsAndUnloadWorks() {
        Bdev bdev = create(MallocBdev.of(newName("gone"), 16L * MIB));
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        OpenBlob open = open(store, id);
        open.write(0, pattern(seed, 4096));
        DmaBuf buffer = buffer(4096);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        failsWith(SpdkException.class, () -> open.blob.read(open.channel, buffer, 0, 4096));
        failsWith(SpdkException.class, () -> open.blob.write(open.channel, buffer, 0, 4096));
        failsWith(SpdkException.class, () -> open.blob.write(open.channel, buffer, MIB, 4096));
        failsWith(SpdkException.class, () -> store.create(BlobOptions.thin(1)));
        failsWith(SpdkException.class, () -> store.snapshot(id));
        failsWith(SpdkException.class, () -> open.blob.resize(9));
        failsWith(SpdkException.class, () -> open.blob.setXattr("a", new byte[1]));
        failsWith(SpdkException.class, open.blob::syncMetadata);
        failsWith(SpdkException.class, () -> store.delete(id));
        failsWith(SpdkException.class, () -> store.setSuperBlob(java.util.Optional.of(id)));
        await(open.blob.closeAsync());
        open.channel.close();
        buffer.close();
        await(store.unload());
        await(destroyed);
        assertThat(env.bdevs().find(bdev.name())).isEmpty();
    }

    @Test
    void aBlobThatIsOpenedWhileTheDeviceGoesDoesNotKeepTheStore() {
        Bdev bdev = create(MallocBdev.of(newName("gone"), 16L * MIB));
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        Blob first = await(store.open(id));
        // The engine has opened it at once, and this thread hears of that when it polls, which is after the removal.
        IoFuture<Blob> second = store.open(id);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        while (!bdev.isRemoved()) {
            Thread.onSpinWait();
        }
        pollUntil("the end of the opening", second::isDone);
        if (!second.isCompletedExceptionally()) {
            await(second.join().closeAsync());
        }
        await(first.closeAsync());
        await(store.unload());
        await(destroyed);
        assertThat(env.bdevs().find(bdev.name())).isEmpty();
    }

    @Test
    void aDeviceRemovedUnderIoEndsIt() {
        TestBackend backend = storeBackend();
        backend.abortable = true;
        Bdev bdev = create(CustomBdev.of(newName("pulled"), backend));
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thick(2)));
        OpenBlob open = open(store, id);
        DmaBuf buffer = buffer(4096);
        backend.script = TestBackend::hold;
        IoFuture<Void> read = open.blob.read(open.channel, buffer, 0, 4096);
        IoFuture<BlobId> creation = store.create(BlobOptions.thin(1));
        pollUntil("arrival", () -> backend.held.size() == 2);
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        failsWith(SpdkException.class, () -> read);
        failsWith(SpdkException.class, () -> creation);
        await(open.blob.closeAsync());
        open.channel.close();
        buffer.close();
        await(store.unload());
        await(destroyed);
    }

    @Test
    void aFailedWriteOfMetadataFailsThatOperationAndThoseAfterItUntilTheNextLoad() {
        TestBackend backend = storeBackend();
        Bdev bdev = custom(backend);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        OpenBlob open = open(store, id);
        open.write(0, pattern(seed, 4096));
        await(open.blob.syncMetadata());
        backend.script = (it, io) -> failWrites(it, io);
        failsWith(SpdkException.class, () -> store.create(BlobOptions.thin(1)));
        assertThatThrownBy(() -> open.write(2 * MIB, pattern(1, 4096))).isInstanceOf(SpdkException.class);
        backend.script = TestBackend::serve;
        assertThat(open.read(0, 4096)).isEqualTo(pattern(seed, 4096));
        await(open.blob.closeAsync());
        open.channel.close();
        await(store.unload());
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        try (OpenBlob reopened = open(again, id)) {
            assertThat(reopened.read(0, 4096)).isEqualTo(pattern(seed, 4096));
            reopened.write(2 * MIB, pattern(1, 4096));
        }
        again.close();
    }

    @Test
    void aBlobWhoseOpeningIsGivenUpIsClosed() {
        TestBackend backend = storeBackend();
        Blobstore store = init(custom(backend), BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        giveUp(backend, () -> store.open(id));
        pollUntil("the end of the blob", () -> worksUnlessBusy(() -> await(store.delete(id))));
        await(store.unload());
    }

    @Test
    void aStoreWhoseLoadingIsGivenUpIsLeft() {
        TestBackend backend = storeBackend();
        Bdev bdev = custom(backend);
        init(bdev, BlobstoreOptions.defaults()).close();
        giveUp(backend, () -> env.blobstores().load(bdev, BlobstoreOptions.defaults()));
        pollUntil("the end of the store", () -> worksUnlessBusy(() -> load(bdev, BlobstoreOptions.defaults()).close()));
    }

    /** Cancels an operation when the device has some of its I/O. */
    private void giveUp(TestBackend backend, Supplier<? extends CompletionStage<?>> operation) {
        backend.script = TestBackend::hold;
        CompletableFuture<?> future = operation.get().toCompletableFuture();
        pollUntil("a read", () -> !backend.held.isEmpty());
        assertThat(future.cancel(false)).isTrue();
        backend.script = TestBackend::serve;
        backend.serveHeld();
    }

    private static boolean worksUnlessBusy(Runnable operation) {
        try {
            operation.run();
            return true;
        } catch (SpdkException.Busy e) {
            return false;
        }
    }

    @Test
    void anOpenThatEndsAfterTheStoreHasFailedLeavesNothingOpen() {
        TestBackend backend = storeBackend();
        Bdev bdev = custom(backend);
        Blobstore store = init(bdev, BlobstoreOptions.defaults());
        BlobId id = await(store.create(BlobOptions.thin(4)));
        backend.script =
                (it, io) -> {
                    if (io.type() == IoType.READ) {
                        it.held.add(io);
                    } else {
                        failWrites(it, io);
                    }
                };
        CompletableFuture<Blob> opening = store.open(id).toCompletableFuture();
        pollUntil("a read", () -> !backend.held.isEmpty());
        failsWith(SpdkException.class, () -> store.create(BlobOptions.thin(1)));
        backend.script = TestBackend::serve;
        backend.serveHeld();
        pollUntil("the end of opening", opening::isDone);
        if (!opening.isCompletedExceptionally()) {
            await(opening.join().closeAsync());
        }
        await(store.unload());
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        open(again, id).close();
        again.close();
    }

    private static void failWrites(TestBackend backend, BdevIo io) {
        if (io.type() == IoType.WRITE || io.type() == IoType.WRITE_ZEROES) {
            io.complete(-Errno.EIO);
        } else {
            backend.serve(io);
        }
    }

    // ---- growing

    @Test
    void aStoreGrowsWithItsDevice() {
        TestBackend backend = TestBackend.of(16 * 256, 4096, 64 * 256);
        Bdev bdev = custom(backend);
        Blobstore store = init(bdev, BlobstoreOptions.defaults().withMetadataPages(200));
        long before = store.totalDataClusters();
        BlobId id = await(store.create(BlobOptions.thick(before)));
        assertThat(store.freeClusters()).isZero();
        await(store.grow());
        assertThat(store.totalDataClusters()).isEqualTo(before);
        backend.registration.resize(64 * 256);
        pollUntil("the larger device", () -> bdev.sizeBytes() == 64L * MIB);
        await(store.grow());
        assertThat(store.totalDataClusters()).isEqualTo(before + 48);
        assertThat(store.freeClusters()).isEqualTo(48);
        BlobId second = await(store.create(BlobOptions.thick(48)));
        try (OpenBlob open = open(store, second)) {
            open.write(47L * MIB, pattern(seed, 4096));
        }
        store.close();
        Blobstore again = load(bdev, BlobstoreOptions.defaults());
        assertThat(again.totalDataClusters()).isEqualTo(before + 48);
        assertThat(again.freeClusters()).isZero();
        try (OpenBlob open = open(again, second)) {
            assertThat(open.read(47L * MIB, 4096)).isEqualTo(pattern(seed, 4096));
        }
        await(again.delete(id));
        assertThat(again.freeClusters()).isEqualTo(before);
        again.close();
    }

    @Test
    void pollingThreadsMayBeOfTheSameOsThread() {
        Blobstore store = newStore(16);
        BlobId id = await(store.create(BlobOptions.thin(4)));
        Blob blob = await(store.open(id));
        SpdkThread second = env.attachThread("second");
        try (IoChannel channel = second.ioChannel(store);
                DmaBuf buffer = buffer(4096)) {
            IoFuture<Void> write = blob.write(channel, buffer, 0, 4096);
            pollUntil(
                    "the write",
                    () -> {
                        second.poll();
                        return write.isDone();
                    });
            write.join();
        }
        second.close();
        blob.close();
        store.close();
    }
}
