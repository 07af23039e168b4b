package io.spdkio.embedded.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.spdkio.Errno;
import io.spdkio.embedded.file.FileEngine.Method;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What every way to do file I/O must do. */
@Timeout(120)
abstract class AbstractFileRingTest {

    private static final int SIZE = 1 << 20;

    @TempDir Path folder;

    private final Arena arena = Arena.ofShared();
    private final Map<Integer, Integer> results = new HashMap<>();
    private FileEngine engine;
    private FileRing<Integer> ring;

    abstract Method method();

    @BeforeEach
    void open() {
        method().unavailabilityCause().ifPresent(cause -> assumeTrue(false, cause));
        engine = FileEngine.open(method());
        ring =
                engine.newRing(
                        (request, status) -> assertThat(results.put(request, status)).as("completed twice").isNull());
    }

    @AfterEach
    void close() {
        if (engine != null) {
            ring.close();
            engine.close();
        }
        arena.close();
    }

    /** Direct and not, on disk and, where there is one, on a file system in memory. */
    static Stream<FileOptions> places() throws Exception {
        List<FileOptions> places = new ArrayList<>();
        List<Path> folders = new ArrayList<>(List.of(Path.of(System.getProperty("java.io.tmpdir"))));
        Path memory = Path.of("/dev/shm");
        if (Files.isWritable(memory)) {
            folders.add(memory);
        }
        for (Path parent : folders) {
            Path file = Files.createTempFile(parent, "spdk-io-", ".img");
            file.toFile().deleteOnExit();
            places.add(FileOptions.of(file).createdWith(SIZE));
            places.add(FileOptions.of(file).createdWith(SIZE).buffered());
            places.add(FileOptions.of(file).createdWith(SIZE).withBlockBytes(4096));
        }
        return places.stream();
    }

    @ParameterizedTest
    @MethodSource("places")
    void whatIsWrittenIsReadBack(FileOptions options) {
        try (Attached attached = attach(options)) {
            RingFile<Integer> file = attached.file();
            MemorySegment written = random(SIZE, 1);
            MemorySegment read = arena.allocate(SIZE, 4096);
            int request = 0;
            for (int at = 0; at < SIZE; at += 65536) {
                assertThat(file.write(written, at, 65536, at, request++)).isTrue();
            }
            await(request);
            assertThat(file.flush(request++)).isTrue();
            await(request);
            for (int at = 0; at < SIZE; at += 32768) {
                assertThat(file.read(read, at, 32768, at, request++)).isTrue();
            }
            await(request);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.mismatch(written)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void piecesAreFilledInTheirOrderWhateverTheirAlignment(FileOptions options) {
        try (Attached attached = attach(options)) {
            RingFile<Integer> file = attached.file();
            MemorySegment written = random(SIZE, 2);
            MemorySegment[] pieces = cut(written, 3, 1000, 4096, 333, 65536);
            assertThat(file.writev(pieces, pieces.length, 0, 0)).isTrue();
            await(1);
            MemorySegment read = arena.allocate(SIZE + 7);
            MemorySegment[] others = cut(read.asSlice(7), 512, 1, 8192, 77);
            assertThat(file.readv(others, others.length, 0, 1)).isTrue();
            await(2);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.asSlice(7).mismatch(written)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void misalignedMemoryServesAsWell(FileOptions options) {
        try (Attached attached = attach(options)) {
            RingFile<Integer> file = attached.file();
            MemorySegment written = arena.allocate(SIZE + 1, 4096);
            written.asSlice(1).copyFrom(random(SIZE, 3));
            assertThat(file.write(written, 1, SIZE, 0, 0)).isTrue();
            await(1);
            MemorySegment read = arena.allocate(SIZE + 3, 4096);
            assertThat(file.read(read, 3, SIZE, 0, 1)).isTrue();
            await(2);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.asSlice(3).mismatch(written.asSlice(1))).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void randomWorkLeavesExactlyWhatWasAskedFor(FileOptions options) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        MemorySegment expected = random(SIZE, seed);
        try (Attached attached = attach(options)) {
            RingFile<Integer> file = attached.file();
            int block = attached.file().file().blockBytes();
            file.write(expected, 0, SIZE, 0, -1);
            await(1);
            for (int round = 0; round < 300; round++) {
                int blocks = 1 + random.nextInt(32);
                long bytes = (long) blocks * block;
                long at = random.nextInt(SIZE / block - blocks) * (long) block;
                switch (random.nextInt(4)) {
                    case 0 -> {
                        MemorySegment data = random((int) bytes, seed + round);
                        expected.asSlice(at, bytes).copyFrom(data);
                        file.write(data, 0, bytes, at, round);
                    }
                    case 1 -> {
                        expected.asSlice(at, bytes).fill((byte) 0);
                        file.writeZeroes(at, bytes, round);
                    }
                    case 2 -> {
                        if (file.file().unmaps()) {
                            expected.asSlice(at, bytes).fill((byte) 0);
                        }
                        file.unmap(at, bytes, round);
                    }
                    default -> file.flush(round);
                }
                await(round + 2);
            }
            MemorySegment read = arena.allocate(SIZE, 4096);
            file.read(read, 0, SIZE, 0, -2);
            await(302);
            assertThat(read.mismatch(expected)).as("seed %d", seed).isEqualTo(-1);
            int unmapped = file.file().unmaps() ? 0 : -Errno.EOPNOTSUPP;
            assertThat(results.values()).as("seed %d", seed).containsAnyOf(0, unmapped).doesNotContain(-Errno.EIO);
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void zeroingMoreThanIsWrittenAtOnceZeroesAll(FileOptions options) {
        int size = 5 << 20;
        try (Attached attached = attach(options.createdWith(size))) {
            RingFile<Integer> file = attached.file();
            MemorySegment data = random(size, 4);
            file.write(data, 0, size, 0, 0);
            await(1);
            file.writeZeroes(4096, size - 2 * 4096, 1);
            await(2);
            MemorySegment read = arena.allocate(size, 4096);
            file.read(read, 0, size, 0, 2);
            await(3);
            data.asSlice(4096, size - 2 * 4096).fill((byte) 0);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.mismatch(data)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void whatFileLacksAfterTruncationIsAnError(FileOptions options) throws Exception {
        try (Attached attached = attach(options)) {
            RingFile<Integer> file = attached.file();
            MemorySegment data = random(SIZE, 5);
            file.write(data, 0, SIZE, 0, 0);
            await(1);
            try (RandomAccessFile other = new RandomAccessFile(options.path().toFile(), "rw")) {
                other.setLength(10_000);
            }
            file.read(data, 0, 8192, 0, 1);
            file.read(data, 0, 8192, 4096, 2);
            file.read(data, 0, 4096, 8192, 3);
            file.read(data, 0, 4096, 65536, 4);
            MemorySegment[] pieces = cut(data, 4096, 4096, 4096, 4096, SIZE);
            file.readv(pieces, 4, 0, 5);
            await(6);
            assertThat(results)
                    .containsEntry(1, 0)
                    .containsEntry(2, -Errno.EIO)
                    .containsEntry(3, -Errno.EIO)
                    .containsEntry(4, -Errno.EIO)
                    .containsEntry(5, -Errno.EIO);
            file.write(data, 0, 4096, 65536, 6);
            file.read(data, 0, 4096, 0, 7);
            await(8);
            assertThat(results).containsEntry(6, 0).containsEntry(7, 0);
        }
    }

    @Test
    void nothingCompletesInsideSubmit() {
        try (Attached attached = attach(inFolder())) {
            MemorySegment data = arena.allocate(4096, 4096);
            for (int i = 0; i < 100; i++) {
                attached.file().read(data, 0, 4096, 0, i);
            }
            assertThat(results).isEmpty();
            assertThat(ring.inFlight()).isEqualTo(100);
            await(100);
            assertThat(ring.inFlight()).isZero();
        }
    }

    @Test
    void fullRingRefusesUntilSomethingHasCompleted() {
        try (Attached attached = attach(inFolder())) {
            RingFile<Integer> file = attached.file();
            MemorySegment data = arena.allocate(4096, 4096);
            int submitted = 0;
            while (file.read(data, 0, 4096, 0, submitted)) {
                submitted++;
            }
            assertThat(submitted).isEqualTo(ring.capacity());
            while (results.isEmpty()) {
                ring.poll();
            }
            assertThat(file.read(data, 0, 4096, 0, submitted)).isTrue();
            await(submitted + 1);
            assertThat(results.values()).containsOnly(0);
        }
    }

    @Test
    void fullRingOfPiecesCompletesWhole() {
        try (Attached attached = attach(inFolder())) {
            MemorySegment written = random(SIZE, 6);
            attached.file().write(written, 0, SIZE, 0, -1);
            await(1);
            MemorySegment read = arena.allocate(SIZE, 4096);
            int submitted = 0;
            for (int at = 0; at < SIZE; at += SIZE / 256) {
                MemorySegment[] pieces = cut(read.asSlice(at, SIZE / 256), 512, 512, 1024);
                assertThat(attached.file().readv(pieces, pieces.length, at, submitted++)).isTrue();
            }
            await(submitted + 1);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.mismatch(written)).isEqualTo(-1);
        }
    }

    @Test
    void morePiecesThanTheSystemTakesAtOnceAreAllTransferred() {
        try (Attached attached = attach(inFolder())) {
            MemorySegment written = random(SIZE, 7);
            MemorySegment[] pieces = cut(written, 512);
            assertThat(pieces).hasSize(2048);
            attached.file().writev(pieces, pieces.length, 0, 0);
            await(1);
            MemorySegment read = arena.allocate(SIZE, 4096);
            attached.file().readv(cut(read, 512), 2048, 0, 1);
            await(2);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.mismatch(written)).isEqualTo(-1);
        }
    }

    @Test
    void completionMaySubmitAgain() {
        Deque<RingFile<Integer>> target = new ArrayDeque<>();
        int[] left = {5000};
        MemorySegment data = arena.allocate(64 * 4096, 4096);
        try (FileRing<Integer> chain =
                        engine.newRing((request, status) -> {
                            assertThat(status).isZero();
                            if (left[0]-- > 0) {
                                target.peek().read(data, request * 4096L, 4096, request * 4096L, request);
                            }
                        });
                BackingFile backing = engine.openFile(inFolder());
                RingFile<Integer> file = chain.attach(backing)) {
            target.push(file);
            for (int i = 0; i < 64; i++) {
                file.read(data, i * 4096L, 4096, i * 4096L, i);
            }
            while (chain.inFlight() != 0) {
                chain.poll();
            }
            assertThat(left[0]).isEqualTo(-64);
        }
    }

    @Test
    void ioOfThreadThatHasEndedCompletesOnTheNext() throws Exception {
        MemorySegment written = random(SIZE, 11);
        BackingFile backing = engine.openFile(inFolder());
        record Left(FileRing<Integer> ring, RingFile<Integer> file) {}
        FutureTask<Left> task =
                new FutureTask<>(() -> {
                    FileRing<Integer> own =
                            engine.newRing((request, status) -> assertThat(results.put(request, status)).isNull());
                    RingFile<Integer> file = own.attach(backing);
                    for (int i = 0; i < 200; i++) {
                        file.write(written, i * 4096L, 4096, i * 4096L, i);
                        if (i == 100) {
                            own.poll(); // the rest is submitted and not handed over
                        }
                    }
                    return new Left(own, file);
                });
        Thread.ofPlatform().start(task).join();
        try (FileRing<Integer> moved = task.get().ring();
                RingFile<Integer> file = task.get().file()) {
            for (int i = 200; i < 256; i++) {
                assertThat(file.write(written, i * 4096L, 4096, i * 4096L, i)).isTrue();
            }
            while (moved.inFlight() != 0) {
                moved.poll();
            }
            assertThat(results).hasSize(256);
            assertThat(results.values()).containsOnly(0);
            MemorySegment read = arena.allocate(SIZE, 4096);
            file.read(read, 0, SIZE, 0, -1);
            while (moved.inFlight() != 0) {
                moved.poll();
            }
            assertThat(read.mismatch(written)).isEqualTo(-1);
        }
        backing.close();
    }

    @Test
    void steadyIoAllocatesNothing() {
        assumeTrue(method() == Method.IO_URING, "only io_uring promises this");
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        MemorySegment data = arena.allocate(64 * 4096, 4096);
        AtomicReference<RingFile<Integer>> target = new AtomicReference<>();
        long[] left = {100_000};
        Integer[] requests = IntStream.range(0, 64).boxed().toArray(Integer[]::new);
        try (FileRing<Integer> chain =
                        engine.newRing((request, status) -> {
                            if (left[0]-- > 0) {
                                int slot = request;
                                target.get().read(data, slot * 4096L, 4096, slot * 4096L, requests[slot]);
                            }
                        });
                BackingFile backing = engine.openFile(inFolder());
                RingFile<Integer> file = chain.attach(backing)) {
            target.set(file);
            long perIo = Long.MAX_VALUE;
            // Until the compilers have done their part.
            for (int round = 0; round < 20 && perIo != 0; round++) {
                left[0] = 100_000;
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 64; i++) {
                    file.read(data, i * 4096L, 4096, i * 4096L, requests[i]);
                }
                while (chain.inFlight() != 0) {
                    chain.poll();
                }
                perIo = (threads.getCurrentThreadAllocatedBytes() - before) / 100_000;
            }
            assertThat(perIo).isZero();
        }
    }

    @Test
    void fileIsNotDetachedUnderItsIo() {
        try (Attached attached = attach(inFolder())) {
            attached.file().flush(0);
            assertThatThrownBy(attached.file()::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("1 I/Os");
            await(1);
            attached.file().close();
            assertThatThrownBy(() -> attached.file().flush(1)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void closingRingCompletesWhatIsInFlight() {
        Attached attached = attach(inFolder());
        MemorySegment data = arena.allocate(SIZE, 4096);
        for (int i = 0; i < 50; i++) {
            attached.file().write(data, 0, SIZE, 0, 2 * i);
            attached.file().flush(2 * i + 1);
        }
        ring.close();
        assertThat(results).hasSize(100);
        assertThat(results.values()).containsAnyOf(0, -Errno.ECANCELED).isSubsetOf(0, -Errno.ECANCELED);
        ring.close();
        attached.close();
    }

    @Test
    void cancelledIoCompletesOnce() {
        try (Attached attached = attach(inFolder())) {
            MemorySegment data = arena.allocate(SIZE, 4096);
            for (int i = 0; i < 200; i++) {
                attached.file().write(data, 0, SIZE, 0, i);
                ring.cancel(i);
            }
            await(200);
            assertThat(results.values()).isSubsetOf(0, -Errno.ECANCELED);
        }
    }

    @Test
    void fileOpenedForReadingRefusesWritesAndSaysWhy() {
        engine.openFile(inFolder()).close();
        FileOptions options = FileOptions.of(inFolder().path()).asReadOnly();
        try (Attached attached = attach(options)) {
            assertThat(attached.file().file().readOnlyCause()).contains("opened for reading only");
            assertThat(attached.file().file().unmaps()).isFalse();
            MemorySegment data = arena.allocate(4096, 4096);
            attached.file().write(data, 0, 4096, 0, 0);
            attached.file().read(data, 0, 4096, 0, 1);
            attached.file().unmap(0, 4096, 2);
            await(3);
            assertThat(results).containsEntry(0, -Errno.EBADF).containsEntry(1, 0).containsEntry(2, -Errno.EOPNOTSUPP);
        }
    }

    @Test
    void heapMemoryAndRangesOutsideOfSegmentsAreRefused() {
        try (Attached attached = attach(inFolder())) {
            RingFile<Integer> file = attached.file();
            MemorySegment data = arena.allocate(4096);
            assertThatThrownBy(() -> file.read(data, 1, 4096, 0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.read(data, 0, -1, 0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.read(MemorySegment.ofArray(new byte[512]), 0, 512, 0, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> file.read(data.asReadOnly(), 0, 512, 0, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("read-only");
            assertThat(ring.inFlight()).isZero();
        }
    }

    @Test
    void openingFailsWithWhatToDo() throws Exception {
        Path missing = folder.resolve("missing");
        assertThatThrownBy(() -> engine.openFile(FileOptions.of(missing)))
                .hasMessageContaining("cannot open " + missing + ": ENOENT")
                .hasMessageContaining("give a size to have it made");
        assertThatThrownBy(() -> engine.openFile(FileOptions.of(folder.resolve("no/such")).createdWith(4096)))
                .hasMessageContaining("make the folder " + folder.resolve("no").toAbsolutePath());
        assertThatThrownBy(() -> engine.openFile(FileOptions.of(folder)))
                .hasMessageContaining("EISDIR")
                .hasMessageContaining("name a file in it");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void fileThatMayOnlyBeReadIsOpenedForReading() throws Exception {
        Path path = Files.write(folder.resolve("file"), new byte[4096]);
        assertThat(path.toFile().setWritable(false)).isTrue();
        assumeTrue(!Files.isWritable(path), "this user may write every file");
        try (BackingFile file = engine.openFile(FileOptions.of(path))) {
            assertThat(file.readOnlyCause().orElseThrow()).contains("EACCES");
        }
    }

    @Test
    void existingFileKeepsItsContentsAndGrows() throws Exception {
        Path path = Files.write(folder.resolve("file"), new byte[] {1, 2, 3});
        try (BackingFile file = engine.openFile(FileOptions.of(path).createdWith(8192))) {
            assertThat(file.sizeBytes()).isEqualTo(8192);
        }
        try (BackingFile file = engine.openFile(FileOptions.of(path).createdWith(4096))) {
            assertThat(file.sizeBytes()).isEqualTo(8192);
        }
        assertThat(Files.readAllBytes(path)).startsWith(1, 2, 3, 0);
    }

    @Test
    void filesLargerThan4GibAreAddressedToTheirEnd() {
        long size = 9L << 30;
        try (Attached attached = attach(FileOptions.of(folder.resolve("large")).createdWith(size))) {
            MemorySegment data = random(4096, 8);
            attached.file().write(data, 0, 4096, size - 4096, 0);
            await(1);
            MemorySegment read = arena.allocate(4096, 4096);
            attached.file().read(read, 0, 4096, size - 4096, 1);
            await(2);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.mismatch(data)).isEqualTo(-1);
        }
    }

    @Test
    void twoFilesOfOneRingAreKeptApart() {
        try (Attached one = attach(FileOptions.of(folder.resolve("one")).createdWith(SIZE));
                Attached two = attach(FileOptions.of(folder.resolve("two")).createdWith(SIZE))) {
            MemorySegment first = random(4096, 9);
            MemorySegment second = random(4096, 10);
            one.file().write(first, 0, 4096, 0, 0);
            two.file().write(second, 0, 4096, 0, 1);
            await(2);
            MemorySegment read = arena.allocate(8192, 4096);
            one.file().read(read, 0, 4096, 0, 2);
            two.file().read(read, 4096, 4096, 0, 3);
            await(4);
            assertThat(results.values()).containsOnly(0);
            assertThat(read.asSlice(0, 4096).mismatch(first)).isEqualTo(-1);
            assertThat(read.asSlice(4096).mismatch(second)).isEqualTo(-1);
        }
    }

    private FileOptions inFolder() {
        return FileOptions.of(folder.resolve("file.img")).createdWith(SIZE);
    }

    private record Attached(BackingFile backing, RingFile<Integer> file) implements AutoCloseable {
        @Override
        public void close() {
            file.close();
            backing.close();
        }
    }

    private Attached attach(FileOptions options) {
        BackingFile backing = engine.openFile(options);
        return new Attached(backing, ring.attach(backing));
    }

    private void await(int completions) {
        while (results.size() < completions) {
            ring.poll();
        }
        assertThat(ring.inFlight()).isZero();
    }

    private MemorySegment random(int bytes, long seed) {
        MemorySegment memory = arena.allocate(bytes, 4096);
        Random random = new Random(seed);
        for (long at = 0; at + 8 <= bytes; at += 8) {
            memory.set(JAVA_LONG_UNALIGNED, at, random.nextLong());
        }
        return memory;
    }

    /** Cuts memory into pieces of these sizes in turn, until it is used up. */
    private static MemorySegment[] cut(MemorySegment memory, int... sizes) {
        List<MemorySegment> pieces = new ArrayList<>();
        long at = 0;
        for (int i = 0; at < memory.byteSize(); i++) {
            long bytes = Math.min(sizes[i % sizes.length], memory.byteSize() - at);
            pieces.add(memory.asSlice(at, bytes));
            at += bytes;
        }
        return pieces.toArray(MemorySegment[]::new);
    }
}
