package io.spdkio.embedded.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.spdkio.embedded.linux.LinuxMemory.Huge;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

@RequiresLinux
class LinuxMemoryTest {

    @ParameterizedTest
    @EnumSource
    void memoryIsZeroAndLivesAsLongAsItsArena(Huge huge) {
        Arena arena = Arena.ofShared();
        MemorySegment memory = LinuxMemory.map(3 << 20, huge, arena);
        assertThat(memory.byteSize()).isEqualTo(3 << 20);
        assertThat(memory.mismatch(arena.allocate(3 << 20))).isEqualTo(-1);
        memory.fill((byte) 1);
        arena.close();
        assertThatThrownBy(() -> memory.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void hugeMemoryBeginsAtHugePage() {
        try (Arena arena = Arena.ofConfined()) {
            assertThat(LinuxMemory.map(5 << 20, Huge.ADVISE, arena).address() % LinuxMemory.HUGE_PAGE_BYTES).isZero();
        }
    }

    @Test
    void memoryMayBeLargerThanTheMachine() throws Exception {
        assumeFalse(
                Files.readString(Path.of("/proc/sys/vm/overcommit_memory")).strip().equals("2"),
                "vm.overcommit_memory is 2: the kernel promises no more than it has");
        try (Arena arena = Arena.ofConfined()) {
            long bytes = 1L << 42;
            MemorySegment memory = LinuxMemory.map(bytes, Huge.DEFAULT, arena);
            memory.set(JAVA_BYTE, bytes - 1, (byte) 9);
            assertThat(memory.get(JAVA_BYTE, 0)).isZero();
            assertThat(memory.get(JAVA_BYTE, bytes - 1)).isEqualTo((byte) 9);
        }
    }

    @Test
    void impossibleSizesAreRefused() {
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> LinuxMemory.map(Long.MAX_VALUE >> 8, Huge.DEFAULT, arena))
                    .isInstanceOf(ErrnoException.class)
                    .hasMessageContaining("ENOMEM");
            assertThatThrownBy(() -> LinuxMemory.map(0, Huge.DEFAULT, arena))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void discardZeroesExactlyItsRange() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = LinuxMemory.map(1 << 20, Huge.DEFAULT, arena);
            MemorySegment expected = arena.allocate(1 << 20);
            for (long[] range :
                    new long[][] {{0, 1 << 20}, {4096, 8192}, {100, 50}, {4000, 20000}, {9, 0}, {512, 7680}}) {
                memory.fill((byte) 1);
                expected.fill((byte) 1);
                expected.asSlice(range[0], range[1]).fill((byte) 0);
                LinuxMemory.discard(memory, range[0], range[1]);
                assertThat(memory.mismatch(expected)).as("%d, %d", range[0], range[1]).isEqualTo(-1);
            }
            assertThatThrownBy(() -> LinuxMemory.discard(memory, 1 << 20, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void lockedLimitIsWhatTheSystemSays() {
        assertThat(LinuxMemory.lockedLimitBytes()).isNotNegative();
    }
}
