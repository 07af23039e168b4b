package io.spdkio.embedded.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.embedded.file.FileEngine.Method;
import io.spdkio.embedded.file.RegisteredMemory.Region;
import io.spdkio.embedded.linux.LinuxMemory;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

class RegisteredMemoryTest {

    @TempDir Path folder;

    @Test
    void addressIsFoundInTheRegionThatHoldsIt() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment all = arena.allocate(10 * 4096, 4096);
            RegisteredMemory memory = new RegisteredMemory();
            for (int i : new int[] {5, 1, 9, 3}) {
                memory.add(all.asSlice(i * 4096L, 4096));
            }
            Region[] regions = memory.snapshot();
            for (int i = 0; i < 10; i++) {
                Region found = RegisteredMemory.find(regions, all.address() + i * 4096L + 4095);
                assertThat(found != null).as("page %d", i).isEqualTo(i % 2 == 1 && i != 7);
            }
            memory.remove(all.asSlice(5 * 4096L, 4096));
            assertThat(RegisteredMemory.find(memory.snapshot(), all.address() + 5 * 4096L)).isNull();
            assertThat(Arrays.stream(memory.snapshot()).mapToLong(region -> region.start)).isSorted().hasSize(3);
        }
    }

    @Test
    void memoryFreedAndAllocatedAgainAtTheSameAddressGetsItsOwnData() throws Exception {
        Method.IO_URING.unavailabilityCause().ifPresent(cause -> assumeTrue(false, cause));
        Path path = folder.resolve("file");
        byte[] contents = new byte[1 << 20];
        Arrays.fill(contents, (byte) 3);
        Files.write(path, contents);
        int[] status = {1};
        try (FileEngine engine = FileEngine.open(Method.IO_URING);
                FileRing<String> ring = engine.newRing((request, result) -> status[0] = result);
                BackingFile file = engine.openFile(FileOptions.of(path));
                RingFile<String> attached = ring.attach(file)) {
            for (int round = 0; round < 5; round++) {
                try (Arena arena = Arena.ofShared()) {
                    MemorySegment memory = LinuxMemory.map(1 << 20, LinuxMemory.Huge.DEFAULT, arena);
                    engine.memory().add(memory);
                    attached.read(memory, 0, 1 << 20, 0, "read");
                    while (ring.inFlight() != 0) {
                        ring.poll();
                    }
                    assertThat(status[0]).isZero();
                    assertThat(memory.mismatch(MemorySegment.ofArray(contents))).isEqualTo(-1);
                    engine.memory().remove(memory);
                }
            }
            assertThat(engine.memory().refusal()).isEmpty();
        }
    }
}
