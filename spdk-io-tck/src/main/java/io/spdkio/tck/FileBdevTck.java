package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Devices on files: what they do to the file, and what they make of bad ones. */
public abstract class FileBdevTck extends EngineTck {
    @TempDir Path folder;

    /** For the subclasses. */
    protected FileBdevTck() {}

    private Path file(String name) {
        return folder.resolve(name);
    }

    private Path fileOf(String name, byte[] contents) throws IOException {
        return Files.write(file(name), contents);
    }

    // ---- opening

    @Test
    void anExistingFileIsADeviceOfItsSize() throws IOException {
        byte[] data = pattern(seed, 64 * 1024);
        Bdev bdev = create(AioBdev.of("f", fileOf("a", data)));
        assertThat(bdev.sizeBytes()).isEqualTo(data.length);
        assertThat(bdev.blockSize()).isGreaterThanOrEqualTo(512);
        assertThat(bdev.productName()).isNotBlank();
        assertThat(device(bdev).read(0, data.length)).isEqualTo(data);
        assertThat(Files.readAllBytes(file("a"))).as("opening changes nothing").isEqualTo(data);
    }

    @ParameterizedTest
    @EnumSource(AioBdev.Module.class)
    void everyModuleWorks(AioBdev.Module module) throws IOException {
        byte[] data = pattern(seed, 64 * 1024);
        AioBdev spec = new AioBdev("f", fileOf("a", data), 512, module, false, true, java.util.OptionalLong.empty());
        Device device = device(create(spec));
        assertThat(device.read(0, data.length)).isEqualTo(data);
        device.write(512, pattern(seed + 1, 1024));
        assertThat(device.read(512, 1024)).isEqualTo(pattern(seed + 1, 1024));
    }

    @Test
    void aMissingFileIsMadeWithItsSizeWhenAsked() throws IOException {
        Bdev bdev = create(AioBdev.create("f", file("new"), 1 << 20));
        assertThat(bdev.sizeBytes()).isEqualTo(1 << 20);
        assertThat(Files.size(file("new"))).isEqualTo(1 << 20);
        assertThat(device(bdev).read(0, 1 << 20)).containsOnly(0);
    }

    @Test
    void aFileThatIsThereIsBroughtToTheSizeAskedForAndKeepsItsContents() throws IOException {
        byte[] data = pattern(seed, 8192);
        Bdev bdev = create(AioBdev.create("f", fileOf("a", data), 1 << 20));
        assertThat(bdev.sizeBytes()).isEqualTo(1 << 20);
        assertThat(device(bdev).read(0, 8192)).isEqualTo(data);
    }

    @Test
    void whatCantBeADeviceIsRefusedWithItsPath() throws IOException {
        Path missing = file("missing");
        Throwable failure = failureOf(() -> env.bdevs().create(AioBdev.of("f", missing)));
        assertThat(failure)
                .isInstanceOf(SpdkException.NotFound.class)
                .hasMessageContaining(missing.toString())
                .hasMessageContaining("give a size to have it made");
        assertThat(((SpdkException) failure).errno()).isEqualTo(Errno.ENOENT);
        assertThat(Files.exists(missing)).as("nothing was made").isFalse();
        assertThat(failureOf(() -> env.bdevs().create(AioBdev.create("f", file("no/such/folder"), 4096))))
                .isInstanceOf(SpdkException.NotFound.class)
                .hasMessageContaining("no/such/folder");
        assertThat(failureOf(() -> env.bdevs().create(AioBdev.of("f", folder))))
                .isInstanceOf(SpdkException.class)
                .hasMessageContaining(folder.toString());
        Path empty = fileOf("empty", new byte[0]);
        assertThat(failureOf(() -> env.bdevs().create(AioBdev.of("f", empty))))
                .isInstanceOfAny(SpdkException.class, IllegalArgumentException.class)
                .hasMessageContaining("empty");
        assertThat(env.bdevs().list()).isEmpty();
        create(AioBdev.create("f", file("fine"), 4096));
    }

    @Test
    void aFileThatEndsWithinABlockIsRefused() throws IOException {
        byte[] data = pattern(seed, 10 * 4096 + 512);
        Path path = fileOf("a", data);
        assertThat(failureOf(() -> env.bdevs().create(AioBdev.of("f", path).withBlockSize(4096))))
                .isInstanceOf(SpdkException.class)
                .hasMessageContaining(path.toString())
                .hasMessageContaining("block size")
                .hasMessageContaining("make the file longer");
        assertThat(env.bdevs().list()).isEmpty();
        assertThat(Files.readAllBytes(path)).as("nothing was changed").isEqualTo(data);
        assertThat(create(AioBdev.of("f", path).withBlockSize(512)).blockCount()).isEqualTo(81);
    }

    @Test
    void aReadOnlyDeviceReadsAndNeverWrites() throws IOException {
        byte[] data = pattern(seed, 64 * 1024);
        Path path = fileOf("a", data);
        assertThat(path.toFile().setWritable(false)).isTrue();
        Bdev bdev = create(AioBdev.of("f", path).asReadOnly());
        assertThat(bdev.supports(IoType.WRITE)).isFalse();
        assertThat(
                        failureOf(() -> {
                            bdev.open(OpenMode.READ_WRITE);
                            return null;
                        }))
                .isInstanceOf(SpdkException.class);
        var desc = bdev.open(OpenMode.READ_ONLY);
        var channel = thread.ioChannel(desc);
        DmaBuf buffer = buffer(4096);
        await(desc.read(channel, buffer, 4096, 4096));
        assertThat(buffer.get(0, 4096)).isEqualTo(Arrays.copyOfRange(data, 4096, 8192));
        assertThat(Files.readAllBytes(path)).isEqualTo(data);
    }

    @Test
    void aFileThatMustNotBeReadIsRefused() throws IOException {
        Path path = fileOf("a", new byte[4096]);
        assertThat(path.toFile().setReadable(false) && path.toFile().setWritable(false)).isTrue();
        assumeTrue(!Files.isReadable(path), "this user may read everything");
        Throwable failure = failureOf(() -> env.bdevs().create(AioBdev.of("f", path)));
        assertThat(failure).isInstanceOf(SpdkException.class).hasMessageContaining(path.toString());
        assertThat(((SpdkException) failure).errno()).isEqualTo(Errno.EACCES);
    }

    // ---- contents

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theDevicesBytesAreTheFiles(boolean direct) throws IOException {
        AioBdev spec = AioBdev.create("f", file("a"), 4 << 20).withBlockSize(512);
        Device device = device(create(direct ? spec : spec.buffered()));
        byte[] model = new byte[4 << 20];
        for (int i = 0; i < 100; i++) {
            int blocks = 1 + random.nextInt(300);
            int offset = random.nextInt((4 << 20) / 512 - blocks) * 512;
            byte[] data = pattern(seed + i, blocks * 512);
            device.write(offset, data);
            System.arraycopy(data, 0, model, offset, data.length);
        }
        await(device.desc.flush(device.channel));
        assertThat(Files.readAllBytes(file("a"))).isEqualTo(model);
        assertThat(device.read(0, model.length)).isEqualTo(model);
    }

    @Test
    void contentsOutliveTheDeviceAndTheEnvironment() throws IOException {
        byte[] data = pattern(seed, 256 * 1024);
        Device device = device(create(AioBdev.create("f", file("a"), 1 << 20)));
        device.write(128 * 1024, data);
        device.close();
        await(env.bdevs().destroy("f"));
        assertThat(Files.exists(file("a"))).as("destroy leaves the file").isTrue();
        Device again = device(create(AioBdev.of("g", file("a"))));
        assertThat(again.read(128 * 1024, data.length)).isEqualTo(data);
        again.write(0, data);
        env.close();
        env = open(builder());
        thread = env.attachThread("main");
        Device third = device(create(AioBdev.of("h", file("a"))));
        assertThat(third.read(0, data.length)).isEqualTo(data);
        assertThat(third.read(128 * 1024 + data.length, 4096)).containsOnly(0);
    }

    @Test
    void aDeviceOver4GiBReachesItsEnd() throws IOException {
        long size = (6L << 30) + 4096;
        Device device = device(create(AioBdev.create("f", file("sparse"), size)));
        assertThat(device.bdev.sizeBytes()).isEqualTo(size);
        long[] offsets = {0, (2L << 30) - 4096, 2L << 30, (4L << 30) - 4096, 4L << 30, 5L << 30, size - 4096};
        for (long offset : offsets) {
            device.write(offset, pattern(offset, 4096));
        }
        for (long offset : offsets) {
            assertThat(device.read(offset, 4096)).isEqualTo(pattern(offset, 4096));
        }
        assertThat(device.read((1L << 30) + 4096, 4096)).containsOnly(0);
        await(device.desc.flush(device.channel));
        device.close();
        try (FileChannel channel = FileChannel.open(file("sparse"), StandardOpenOption.READ)) {
            for (long offset : offsets) {
                ByteBuffer bytes = ByteBuffer.allocate(4096);
                assertThat(channel.read(bytes, offset)).isEqualTo(4096);
                assertThat(bytes.array()).isEqualTo(pattern(offset, 4096));
            }
        }
    }

    @Test
    void writeZeroesAndUnmapKeepTheFilesSize() throws IOException {
        byte[] data = pattern(seed, 1 << 20);
        Device device = device(create(AioBdev.of("f", fileOf("a", data))));
        await(device.desc.writeZeroes(device.channel, 8192, 64 * 1024));
        Arrays.fill(data, 8192, 8192 + 64 * 1024, (byte) 0);
        assertThat(device.read(0, data.length)).isEqualTo(data);
        // To the end of the device: where a file must not be cut off.
        await(device.desc.writeZeroes(device.channel, (1 << 20) - 8192, 8192));
        Arrays.fill(data, (1 << 20) - 8192, 1 << 20, (byte) 0);
        await(device.desc.flush(device.channel));
        assertThat(Files.readAllBytes(file("a"))).isEqualTo(data);
        if (device.bdev.supports(IoType.UNMAP)) {
            await(device.desc.unmap(device.channel, 512 * 1024, 512 * 1024));
            assertThat(Files.size(file("a"))).isEqualTo(1 << 20);
            assertThat(device.read(0, 512 * 1024)).isEqualTo(Arrays.copyOf(data, 512 * 1024));
        }
    }

    @Test
    void manyIosAtOnceAllArrive() throws IOException {
        Device device = device(create(AioBdev.create("f", file("a"), 8 << 20).withBlockSize(4096)));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 2048; i++) {
            writes.add(device.desc.write(device.channel, buffer(pattern(i, 4096)), i * 4096L, 4096));
        }
        awaitAll(writes);
        await(device.desc.flush(device.channel));
        byte[] contents = Files.readAllBytes(file("a"));
        for (int i = 0; i < 2048; i++) {
            assertThat(Arrays.copyOfRange(contents, i * 4096, (i + 1) * 4096))
                    .as("block %d", i)
                    .isEqualTo(pattern(i, 4096));
        }
    }

    @Test
    void severalDevicesAndThreadsWorkAtOnce() throws IOException {
        List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            devices.add(device(create(AioBdev.create("f" + i, file("a" + i), 1 << 20))));
        }
        List<io.spdkio.JoinHandle<Integer>> workers = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            int half = t;
            workers.add(
                    env.spawnThread(
                            "worker" + t,
                            it -> {
                                int done = 0;
                                for (int i = 0; i < 8; i++) {
                                    Device device = devices.get(i);
                                    var channel = it.ioChannel(device.desc);
                                    for (int k = 0; k < 20; k++) {
                                        try (DmaBuf buffer = buffer(pattern(i * 100 + k, 4096))) {
                                            bounded(
                                                            device.desc.write(
                                                                    channel,
                                                                    buffer,
                                                                    half * (512L << 10) + k * 4096L,
                                                                    4096))
                                                    .join();
                                            done++;
                                        }
                                    }
                                    channel.close();
                                }
                                return done;
                            }));
        }
        for (var worker : workers) {
            pollUntil("the worker", worker.result()::isDone);
            assertThat(worker.join()).isEqualTo(160);
        }
        for (int i = 0; i < 8; i++) {
            for (int k = 0; k < 20; k++) {
                assertThat(devices.get(i).read(k * 4096L, 4096)).isEqualTo(pattern(i * 100 + k, 4096));
                assertThat(devices.get(i).read((512L << 10) + k * 4096L, 4096)).isEqualTo(pattern(i * 100 + k, 4096));
            }
        }
    }

    // ---- the file changes behind the device's back

    @Test
    void rescanTakesTheFilesNewSize() throws IOException {
        List<BdevEvent> events = new CopyOnWriteArrayList<>();
        Bdev bdev = create(AioBdev.create("f", file("a"), 1 << 20).withBlockSize(4096));
        var desc = bdev.open(OpenMode.READ_WRITE, events::add);
        var channel = thread.ioChannel(desc);
        await(env.bdevs().rescan("f"));
        poll(10);
        assertThat(events).as("nothing changed").isEmpty();
        try (FileChannel file = FileChannel.open(file("a"), StandardOpenOption.WRITE)) {
            assertThat(file.write(ByteBuffer.wrap(pattern(seed, 4096)), 2 << 20)).isEqualTo(4096);
        }
        assertThat(bdev.sizeBytes()).isEqualTo(1 << 20);
        await(env.bdevs().rescan("f"));
        assertThat(bdev.sizeBytes()).isEqualTo((2 << 20) + 4096);
        pollUntil("the event", () -> !events.isEmpty());
        assertThat(events).containsExactly(BdevEvent.RESIZED);
        DmaBuf buffer = buffer(4096);
        await(desc.read(channel, buffer, 2 << 20, 4096));
        assertThat(buffer.get(0, 4096)).isEqualTo(pattern(seed, 4096));
        desc.close();
    }

    @Test
    void aReadBehindTheEndOfATruncatedFileFailsAndTheOthersDoNot() throws IOException {
        Device device = device(create(AioBdev.of("f", fileOf("a", pattern(seed, 1 << 20))).withBlockSize(4096)));
        try (FileChannel file = FileChannel.open(file("a"), StandardOpenOption.WRITE)) {
            assertThat(file.truncate(512 << 10)).isNotNull();
        }
        DmaBuf buffer = buffer(8192);
        completesWith(SpdkException.IoFailed.class, device.desc.read(device.channel, buffer, 768 << 10, 4096));
        completesWith(SpdkException.IoFailed.class, device.desc.read(device.channel, buffer, (512 << 10) - 4096, 8192));
        assertThat(device.read(0, 4096)).isEqualTo(Arrays.copyOf(pattern(seed, 1 << 20), 4096));
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aFileDeletedUnderLoadServesOnUntilItsDeviceIsGone() throws IOException {
        Device device = device(create(AioBdev.create("f", file("a"), 1 << 20)));
        device.write(0, pattern(seed, 4096));
        Files.delete(file("a"));
        assertThat(device.read(0, 4096)).isEqualTo(pattern(seed, 4096));
        device.write(4096, pattern(seed + 1, 4096));
        await(device.desc.flush(device.channel));
        assertThat(device.read(4096, 4096)).isEqualTo(pattern(seed + 1, 4096));
        device.close();
        await(env.bdevs().destroy("f"));
        assertThat(failureOf(() -> env.bdevs().create(AioBdev.of("f", file("a")))))
                .isInstanceOf(SpdkException.NotFound.class);
    }

    @Test
    void aFileMadeReadOnlyUnderLoadGoesOnForThoseThatHaveItOpen() throws IOException {
        Device device = device(create(AioBdev.create("f", file("a"), 1 << 20)));
        assertThat(file("a").toFile().setWritable(false)).isTrue();
        device.write(0, pattern(seed, 4096));
        assertThat(device.read(0, 4096)).isEqualTo(pattern(seed, 4096));
    }

    @Test
    void aDeviceRemovedWithIoOutstandingFinishesIt() throws IOException {
        Device device = device(create(AioBdev.create("f", file("a"), 8 << 20)));
        List<IoFuture<Void>> writes = new ArrayList<>();
        List<DmaBuf> buffers = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            DmaBuf buffer = buffer(4096);
            buffers.add(buffer);
            writes.add(device.desc.write(device.channel, buffer, i * 4096L, 4096));
        }
        IoFuture<Void> destroyed = env.bdevs().destroy("f");
        pollUntil("every I/O's end", () -> writes.stream().allMatch(IoFuture::isDone));
        device.close();
        await(destroyed);
        buffers.forEach(DmaBuf::close);
    }

    @Test
    void anEnvironmentClosedWithFileIoOutstandingEndsIt() {
        Device device = device(create(AioBdev.create("f", file("a"), 8 << 20)));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            writes.add(device.desc.write(device.channel, buffer(4096), i * 4096L, 4096));
        }
        env.close();
        assertThat(writes).allSatisfy(write -> assertThat(write).isDone());
    }

    @Test
    void aFullDiskFailsThatWriteAlone() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "no /dev/full here");
        // The device that always is full has no size of its own: an engine may refuse it outright.
        Throwable failure = failureOf(() -> env.bdevs().create(AioBdev.of("full", full)));
        assertThat(failure).isInstanceOfAny(SpdkException.class, IllegalArgumentException.class);
        assertThat(failure).hasMessageContaining("/dev/full");
    }

    @Test
    void cancelledFileIoKeepsItsBufferUntilTheSystemIsDone() {
        Device device = device(create(AioBdev.create("f", file("a"), 8 << 20)));
        for (int i = 0; i < 50; i++) {
            DmaBuf buffer = buffer(1 << 20);
            IoFuture<Void> write = device.desc.write(device.channel, buffer, 0, 1 << 20);
            boolean cancelled = write.cancel(true);
            assertThat(cancelled).isTrue();
            pollUntil("the end of the lease", () -> !buffer.isLeased());
            buffer.close();
        }
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void anOldEnvironmentsFileCanBeOpenedManyTimes() throws IOException {
        Path path = fileOf("a", pattern(seed, 1 << 20));
        for (int i = 0; i < 30; i++) {
            Device device = device(create(AioBdev.of("f", path)));
            assertThat(device.read(0, 4096)).isEqualTo(Arrays.copyOf(pattern(seed, 1 << 20), 4096));
            env.close();
            env = open(settings(builder()));
            thread = env.attachThread("main");
        }
        assertThat(env).isInstanceOf(SpdkEnv.class);
    }
}
