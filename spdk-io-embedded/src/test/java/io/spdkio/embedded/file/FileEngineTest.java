package io.spdkio.embedded.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.embedded.file.FileEngine.Method;
import io.spdkio.embedded.linux.ForbiddenSyscall;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

class FileEngineTest {

    @TempDir Path folder;

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "forbids a Linux system call")
    void forbiddenIoUringIsReplacedAndTheCauseKept() throws Exception {
        ForbiddenSyscall.run(
                ForbiddenSyscall.IO_URING_SETUP,
                Errno.EPERM,
                () -> {
                    try (FileEngine engine = FileEngine.open()) {
                        assertThat(engine.method()).isEqualTo(Method.THREADS);
                        assertThat(engine.fallbackCause().orElseThrow()).contains("cannot set up an io_uring: EPERM");
                        assertThat(readOneBlock(engine)).isZero();
                    }
                    return null;
                });
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "forbids a Linux system call")
    void methodThatWasNamedIsNeverReplaced() throws Exception {
        ForbiddenSyscall.run(
                ForbiddenSyscall.IO_URING_SETUP,
                Errno.EPERM,
                () -> {
                    assertThatThrownBy(() -> FileEngine.open(Method.IO_URING))
                            .isInstanceOf(UnsupportedOperationException.class)
                            .hasMessageContaining("io_uring cannot be used for files")
                            .hasMessageContaining("EPERM");
                    return null;
                });
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "forbids a Linux system call")
    void memoryThatCannotBeRegisteredIsUsedAllTheSame() throws Exception {
        if (Method.IO_URING.unavailabilityCause().isPresent()) {
            return; // the tests above are about that
        }
        ForbiddenSyscall.run(
                ForbiddenSyscall.IO_URING_REGISTER,
                Errno.ENOMEM,
                () -> {
                    try (FileEngine engine = FileEngine.open(Method.IO_URING)) {
                        assertThat(readOneBlock(engine)).isZero();
                        assertThat(engine.memory().refusal().orElseThrow()).contains("ENOMEM", "ulimit -l");
                    }
                    return null;
                });
    }

    @Test
    void propertyNamesTheMethod() {
        try {
            System.setProperty(FileEngine.METHOD_PROPERTY, "file_channel");
            try (FileEngine engine = FileEngine.open()) {
                assertThat(engine.method()).isEqualTo(Method.FILE_CHANNEL);
                assertThat(engine.fallbackCause()).isEmpty();
            }
            System.setProperty(FileEngine.METHOD_PROPERTY, "carrier_pigeon");
            assertThatThrownBy(FileEngine::open)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("auto, io_uring, threads, file_channel");
        } finally {
            System.clearProperty(FileEngine.METHOD_PROPERTY);
        }
    }

    private int readOneBlock(FileEngine engine) {
        int[] result = {1};
        try (Arena arena = Arena.ofShared();
                FileRing<String> ring = engine.newRing((request, status) -> result[0] = status);
                BackingFile file = engine.openFile(FileOptions.of(folder.resolve("file")).createdWith(4096));
                RingFile<String> attached = ring.attach(file)) {
            MemorySegment memory = arena.allocate(4096, 4096);
            engine.memory().add(memory);
            attached.read(memory, 0, 4096, 0, "read");
            while (ring.inFlight() != 0) {
                ring.poll();
            }
            engine.memory().remove(memory);
        }
        return result[0];
    }
}
