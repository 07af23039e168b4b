package io.spdkio.embedded.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.embedded.linux.LinuxFile.Flag;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

@RequiresLinux
@Timeout(60)
class IoUringTest {

    @TempDir Path folder;

    private final Map<Long, Integer> results = new HashMap<>();

    @BeforeEach
    void skipWhereItIsForbidden() {
        IoUringSupport support = IoUringSupport.probe();
        assumeTrue(support.isAvailable(), () -> support.cause().orElseThrow());
    }

    @Test
    void everyRequestCompletesOnceWithItsUserData() {
        try (IoUring ring = new IoUring(8, 16)) {
            for (long i = 0; i < 8; i++) {
                assertThat(ring.prepNop(i << 40 | i)).isTrue();
            }
            collect(ring, 8);
            assertThat(results).hasSize(8).containsEntry(7L << 40 | 7, 0);
            assertThat(ring.poll((userData, result) -> results.put(userData, result))).isZero();
        }
    }

    @Test
    void fullQueueRefusesUntilItIsSubmitted() {
        try (IoUring ring = new IoUring(4, 8)) {
            for (int i = 0; i < 4; i++) {
                assertThat(ring.isFull()).isFalse();
                assertThat(ring.prepNop(i)).isTrue();
            }
            assertThat(ring.isFull()).isTrue();
            assertThat(ring.prepNop(4)).isFalse();
            ring.submit();
            assertThat(ring.prepNop(4)).isTrue();
            collect(ring, 5);
        }
    }

    @Test
    void nothingCompletesBeforeItIsReaped() {
        try (IoUring ring = new IoUring(4, 8)) {
            ring.prepNop(1);
            ring.submit();
            assertThat(results).isEmpty();
            collect(ring, 1);
        }
    }

    @Test
    void completionsThatOverflowTheirQueueAreNotLost() {
        try (IoUring ring = new IoUring(4, 4)) {
            for (int i = 0; i < 100; i++) {
                if (ring.isFull()) {
                    ring.submit();
                }
                assertThat(ring.prepNop(i)).isTrue();
            }
            collect(ring, 100);
            assertThat(results).hasSize(100);
        }
    }

    @Test
    void handlerMaySubmitAndPollTheRing() {
        try (IoUring ring = new IoUring(4, 8)) {
            int[] left = {1000};
            IoUring.CompletionHandler[] handler = new IoUring.CompletionHandler[1];
            handler[0] =
                    (userData, result) -> {
                        results.merge(userData, 1, Integer::sum);
                        if (left[0]-- > 0) {
                            ring.prepNop(left[0]);
                            ring.poll(handler[0]);
                        }
                    };
            ring.prepNop(1000);
            while (results.size() < 1001) {
                ring.poll(handler[0]);
            }
            assertThat(results.values()).containsOnly(1);
        }
    }

    @Test
    void exceptionOfHandlerLosesNoCompletion() {
        try (IoUring ring = new IoUring(4, 8)) {
            ring.prepNop(1);
            ring.prepNop(2);
            assertThatThrownBy(() ->
                            ring.poll((userData, result) -> {
                                results.put(userData, result);
                                throw new IllegalStateException("on purpose");
                            }))
                    .hasMessage("on purpose");
            collect(ring, 2);
            assertThat(results).containsOnlyKeys(1L, 2L);
        }
    }

    @Test
    void registeredFilesAndBuffersTransferTheSameBytes() {
        try (IoUring ring = new IoUring(4, 8);
                LinuxFile file = LinuxFile.open(folder.resolve("file"), EnumSet.of(Flag.WRITE, Flag.CREATE));
                Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(8192, 4096);
            data.asSlice(0, 4096).fill((byte) 5);
            ring.registerFileTable(4);
            ring.updateFile(3, file.fd());
            ring.registerBufferTable(4);
            ring.updateBuffer(2, data);
            ring.prepWriteFixed(IoUring.fixed(3), data.address(), 4096, 512, 2, 1);
            collect(ring, 1);
            ring.prepReadFixed(IoUring.fixed(3), data.address() + 4096, 4096, 512, 2, 2);
            collect(ring, 2);
            assertThat(results).containsEntry(1L, 4096).containsEntry(2L, 4096);
            assertThat(data.asSlice(0, 4096).mismatch(data.asSlice(4096))).isEqualTo(-1);
            ring.updateFile(3, -1);
            ring.updateBuffer(2, MemorySegment.NULL);
            ring.prepRead(IoUring.fixed(3), data.address(), 512, 0, 3);
            ring.prepReadFixed(file.fd(), data.address(), 512, 0, 2, 4);
            collect(ring, 4);
            assertThat(results).containsEntry(3L, -Errno.EBADF).containsEntry(4L, -Errno.EFAULT);
        }
    }

    @Test
    void requestThatIsWrongFailsByItself() {
        try (IoUring ring = new IoUring(4, 8)) {
            ring.prepRead(12345, 0, 512, 0, 1);
            ring.prepNop(2);
            collect(ring, 2);
            assertThat(results).containsEntry(1L, -Errno.EBADF).containsEntry(2L, 0);
        }
    }

    @Test
    void anotherThreadGoesOnWhenTheFirstHasEnded() throws Exception {
        try (IoUring ring = new IoUring(4, 8)) {
            Thread first =
                    Thread.ofPlatform()
                            .start(() -> {
                                ring.prepNop(1);
                                ring.submit();
                                ring.prepNop(2);
                            });
            first.join();
            ring.prepNop(3);
            collect(ring, 3);
            assertThat(results).containsOnlyKeys(1L, 2L, 3L);
        }
    }

    @Test
    void closedRingIsNeverTouched() {
        IoUring ring = new IoUring(4, 8);
        ring.prepNop(1);
        ring.close();
        ring.close();
        List<Runnable> uses = new ArrayList<>();
        uses.add(() -> ring.prepNop(2));
        uses.add(ring::submit);
        uses.add(ring::submitAndWait);
        uses.add(() -> ring.poll((userData, result) -> {}));
        uses.add(() -> ring.registerFileTable(1));
        assertThat(uses).allSatisfy(use -> assertThatThrownBy(use::run).isInstanceOf(IllegalStateException.class));
    }

    @Test
    void refusalSaysWhatToDo() throws Exception {
        IoUringSupport forbidden =
                ForbiddenSyscall.run(ForbiddenSyscall.IO_URING_SETUP, Errno.EPERM, IoUringSupport::probe);
        assertThat(forbidden.isAvailable()).isFalse();
        assertThat(forbidden.cause().orElseThrow()).contains("EPERM", "allow io_uring_setup");
        IoUringSupport missing =
                ForbiddenSyscall.run(ForbiddenSyscall.IO_URING_SETUP, Errno.ENOSYS, IoUringSupport::probe);
        assertThat(missing.cause().orElseThrow()).contains("ENOSYS", "Linux 5.6");
    }

    private void collect(IoUring ring, int count) {
        while (results.size() < count) {
            ring.submitAndWait();
            ring.poll((userData, result) -> assertThat(results.put(userData, result)).isNull());
        }
    }
}
