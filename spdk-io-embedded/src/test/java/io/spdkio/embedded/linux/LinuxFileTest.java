package io.spdkio.embedded.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.spdkio.Errno;
import io.spdkio.embedded.linux.LinuxFile.Flag;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

@RequiresLinux
class LinuxFileTest {

    private static final Set<Flag> WRITE = EnumSet.of(Flag.WRITE, Flag.CREATE);

    @TempDir Path folder;

    @Test
    void whatCannotBeOpenedIsNamedWithItsErrno() {
        assertThatThrownBy(() -> LinuxFile.open(folder.resolve("missing"), Set.of()))
                .hasMessageContaining("cannot open " + folder.resolve("missing"))
                .hasMessageContaining("ENOENT (no such file or directory)")
                .asInstanceOf(type(ErrnoException.class))
                .returns(Errno.ENOENT, ErrnoException::errno);
        assertThatThrownBy(() -> LinuxFile.open(folder, Set.of()))
                .asInstanceOf(type(ErrnoException.class))
                .returns(Errno.EISDIR, ErrnoException::errno);
        assertThatThrownBy(() -> LinuxFile.open(Path.of("/dev/null"), Set.of()))
                .asInstanceOf(type(ErrnoException.class))
                .returns(Errno.ENODEV, ErrnoException::errno);
    }

    @Test
    @Timeout(10)
    void openingPipeIsRefusedRatherThanWaited() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
        assertThatThrownBy(() -> LinuxFile.open(pipe, Set.of())).isInstanceOf(ErrnoException.class);
    }

    @Test
    void sizeFollowsTruncation() {
        try (LinuxFile file = LinuxFile.open(folder.resolve("file"), WRITE)) {
            assertThat(file.isRegular()).isTrue();
            assertThat(file.sizeBytes()).isZero();
            file.truncate(5L << 32);
            assertThat(file.sizeBytes()).isEqualTo(5L << 32);
        }
    }

    @Test
    void fewerBytesAreReadAtTheEnd() {
        try (LinuxFile file = LinuxFile.open(folder.resolve("file"), WRITE);
                Arena arena = Arena.ofConfined()) {
            file.truncate(1000);
            MemorySegment data = arena.allocate(4096);
            assertThat(file.read(data, 0, 4096, 0)).isEqualTo(1000);
            assertThat(file.read(data, 0, 4096, 1000)).isZero();
        }
    }

    @Test
    void memoryOutsideTheSegmentNeverReachesTheKernel() {
        try (LinuxFile file = LinuxFile.open(folder.resolve("file"), WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(512);
            assertThatThrownBy(() -> file.read(data, 1, 512, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> file.write(MemorySegment.ofArray(new byte[512]), 0, 512, 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void punchedHoleReadsAsZeros() {
        try (LinuxFile file = LinuxFile.open(folder.resolve("file"), WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(8192).fill((byte) 7);
            assertThat(file.write(data, 0, 8192, 0)).isEqualTo(8192);
            assertThat(file.allocate(LinuxFile.PUNCH_HOLE, 4096, 4096)).isZero();
            assertThat(file.read(data, 0, 8192, 0)).isEqualTo(8192);
            assertThat(data.asSlice(0, 4096).mismatch(arena.allocate(4096).fill((byte) 7))).isEqualTo(-1);
            assertThat(data.asSlice(4096).mismatch(arena.allocate(4096))).isEqualTo(-1);
        }
    }

    @Test
    void closedFileIsNotUsedAgain() {
        LinuxFile file = LinuxFile.open(folder.resolve("file"), WRITE);
        file.close();
        file.close();
        assertThatThrownBy(file::dataSync)
                .asInstanceOf(type(ErrnoException.class))
                .returns(Errno.EBADF, ErrnoException::errno);
    }

    @Test
    void directIoTellsItsAlignmentOrIsLeftAlone() throws Exception {
        Path path = Files.write(folder.resolve("file"), new byte[1 << 20]);
        try (LinuxFile file = LinuxFile.open(path, EnumSet.of(Flag.WRITE));
                Arena arena = Arena.ofConfined()) {
            int needed =
                    file.tryDirect()
                            .map(alignment -> Math.max(alignment.offsetBytes(), alignment.memoryBytes()))
                            .orElse(1);
            assertThat(Integer.bitCount(needed)).isEqualTo(1);
            assertThat(file.read(arena.allocate(needed, needed), 0, needed, needed)).isEqualTo(needed);
            file.setBuffered();
            assertThat(file.read(arena.allocate(4), 1, 3, 5)).isEqualTo(3);
        }
    }
}
