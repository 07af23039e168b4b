package io.spdkio.embedded.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;
import io.spdkio.embedded.file.FileEngine;
import io.spdkio.embedded.file.FileEngine.Method;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What becomes of I/O when something happens to the file, through the public API, with each way to do file I/O. */
@ParameterizedClass
@EnumSource(Method.class)
class FileDeviceTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 256;

    @TempDir Path folder;

    private final Method method;
    private Path file;
    private SpdkEnv env;
    private SpdkThread thread;

    FileDeviceTest(Method method) {
        this.method = method;
    }

    @BeforeEach
    void open() {
        method.unavailabilityCause().ifPresent(cause -> assumeTrue(false, method.label() + ": " + cause));
        System.setProperty(FileEngine.METHOD_PROPERTY, method.label());
        try {
            env = SpdkEnv.builder().engine("embedded").build();
        } finally {
            System.clearProperty(FileEngine.METHOD_PROPERTY);
        }
        thread = env.attachThread("test");
        file = folder.resolve("disk.img");
    }

    @AfterEach
    void close() {
        if (env != null) {
            thread.close();
            env.close();
        }
    }

    private Bdev create() {
        return env.bdevs().create(AioBdev.create("disk", file, (long) BLOCK * BLOCKS).withBlockSize(BLOCK)).join();
    }

    private void truncate(long bytes) throws IOException {
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(bytes);
        }
    }

    @Test
    void readsBehindTheEndOfATruncatedFileFailAndTheOthersDoNot() throws Exception {
        Bdev bdev = create();
        try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate((long) BLOCK * BLOCKS)) {
            desc.write(channel, buffer.fill((byte) 7), 0, (long) BLOCK * BLOCKS).join();
            List<IoFuture<Void>> reads = new ArrayList<>();
            truncate((long) BLOCK * BLOCKS / 2);
            for (int i = 0; i < BLOCKS; i++) {
                reads.add(desc.read(channel, buffer.slice((long) i * BLOCK, BLOCK), (long) i * BLOCK, BLOCK));
            }
            for (int i = 0; i < BLOCKS; i++) {
                IoFuture<Void> read = reads.get(i);
                if (i < BLOCKS / 2) {
                    assertThat(read.join()).isNull();
                } else {
                    assertThatExceptionOfType(SpdkException.IoFailed.class)
                            .isThrownBy(read::join)
                            .withMessageContaining("'disk'")
                            .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
                }
            }
            assertThat(buffer.isLeased()).isFalse();
        }
    }

    @Test
    void aReadAcrossTheEndOfATruncatedFileFailsWhole() throws Exception {
        Bdev bdev = create();
        try (BdevDesc desc = bdev.open(OpenMode.READ_ONLY);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(4L * BLOCK)) {
            truncate(2L * BLOCK);
            assertThatExceptionOfType(SpdkException.IoFailed.class)
                    .isThrownBy(() -> desc.read(channel, buffer, 0, 4L * BLOCK).join());
            desc.read(channel, buffer, 0, 2L * BLOCK).join();
        }
    }

    @Test
    void rescanTakesTheFilesNewSizeAndTellsDescriptors() throws Exception {
        Bdev bdev = create();
        List<BdevEvent> events = new ArrayList<>();
        try (BdevDesc desc = bdev.open(OpenMode.READ_ONLY, events::add);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(BLOCK)) {
            long before = bdev.blockCount();
            truncate(8L * BLOCK);
            assertThatExceptionOfType(SpdkException.Busy.class)
                    .isThrownBy(() -> env.bdevs().rescan("disk").join())
                    .withMessageContaining("shrink");
            assertThat(bdev.blockCount()).isEqualTo(before);
            truncate((before + 16) * BLOCK);
            env.bdevs().rescan("disk").join();
            desc.read(channel, buffer, (before + 15) * BLOCK, BLOCK).join();
            assertThat(events).containsExactly(BdevEvent.RESIZED);
        }
        truncate(8L * BLOCK);
        env.bdevs().rescan("disk").join();
        assertThat(bdev.blockCount()).isEqualTo(8);
        truncate(0);
        assertThatExceptionOfType(SpdkException.class)
                .isThrownBy(() -> env.bdevs().rescan("disk").join())
                .withMessageContaining("less than one block");
        assertThat(bdev.blockCount()).isEqualTo(8);
    }

    @Test
    void aDeletedFileServesItsDescriptorsToTheEnd() throws Exception {
        Bdev bdev = create();
        try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(BLOCK)) {
            Files.delete(file);
            desc.write(channel, buffer.fill((byte) 9), 0, BLOCK).join();
            desc.flush(channel).join();
            desc.read(channel, buffer.fill((byte) 0), 0, BLOCK).join();
            assertThat(buffer.get(0, 1)[0]).isEqualTo((byte) 9);
        }
    }

    @Test
    void aFileThatMayOnlyBeReadIsADeviceThatCanOnlyBeRead() throws Exception {
        Files.write(file, new byte[BLOCK]);
        Bdev bdev = env.bdevs().create(AioBdev.of("disk", file).withBlockSize(BLOCK).asReadOnly()).join();
        assertThatExceptionOfType(SpdkException.Busy.class)
                .isThrownBy(() -> bdev.open(OpenMode.READ_WRITE))
                .withMessageContaining("READ_ONLY");
        try (BdevDesc desc = bdev.open(OpenMode.READ_ONLY);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(BLOCK)) {
            desc.read(channel, buffer, 0, BLOCK).join();
        }
    }

    @Test
    void whatIsNoUsableFileIsRefusedWithWhatToDo() throws Exception {
        assertThatExceptionOfType(SpdkException.NotFound.class)
                .isThrownBy(() -> env.bdevs().create(AioBdev.of("disk", folder.resolve("missing"))).join())
                .withMessageContaining("missing")
                .withMessageContaining("give a size");
        assertThatExceptionOfType(SpdkException.class)
                .isThrownBy(() -> env.bdevs().create(AioBdev.of("disk", folder)).join())
                .withMessageContaining(folder.toString());
        Files.write(file, new byte[100]);
        assertThatExceptionOfType(SpdkException.class)
                .isThrownBy(() -> env.bdevs().create(AioBdev.of("disk", file)).join())
                .withMessageContaining("less than one block");
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void unalignedPiecesOfMemoryReachTheFileAsTheyAre() {
        Bdev bdev = create();
        try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                IoChannel channel = thread.ioChannel(desc);
                DmaBuf buffer = env.dma().allocate(3L * BLOCK)) {
            for (int i = 0; i < BLOCK; i++) {
                buffer.put(i + 13, new byte[] {(byte) (i * 31)});
            }
            List<DmaBuf> pieces = List.of(buffer.slice(13, 1000), buffer.slice(1013, BLOCK - 1000));
            desc.writev(channel, pieces, 2L * BLOCK).join();
            DmaBuf back = buffer.slice(BLOCK + 1001, BLOCK);
            desc.read(channel, back, 2L * BLOCK, BLOCK).join();
            assertThat(back.get(0, BLOCK)).isEqualTo(buffer.get(13, BLOCK));
        }
    }

    @Test
    void removalAndCloseUnderLoadLoseNoBuffer() {
        Bdev bdev = create();
        DmaBuf buffer = env.dma().allocate((long) BLOCK * 64);
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
        IoChannel channel = thread.ioChannel(desc);
        List<IoFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            all.add(desc.write(channel, buffer.slice((long) i * BLOCK, BLOCK), (long) i * BLOCK, BLOCK));
        }
        IoFuture<Void> gone = env.bdevs().destroy("disk");
        desc.close();
        gone.join();
        Set<Class<?>> endings = Set.of(SpdkException.Cancelled.class, SpdkException.NotFound.class);
        for (IoFuture<Void> one : all) {
            assertThat(one).isDone();
            if (one.isCompletedExceptionally()) {
                assertThat(endings).contains(one.exceptionNow().getClass());
            }
        }
        buffer.close();
        assertThat(env.bdevs().find("disk")).isEmpty();
    }
}
