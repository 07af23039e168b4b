package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Queues of I/O: slots, cookies, handlers. */
public abstract class IoQueueTck extends EngineTck {
    private record Completion(long cookie, int status) {}

    private final List<Completion> completions = new ArrayList<>();
    private final IoQueue.Handler keep = (cookie, status) -> completions.add(new Completion(cookie, status));

    /** For the subclasses. */
    protected IoQueueTck() {}

    private List<Long> cookies() {
        return completions.stream().map(Completion::cookie).toList();
    }

    // ---- slots and cookies

    @Test
    void everySlotTakesOneIoAndAFullQueueSaysFalse() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoQueue queue = device.desc.openQueue(device.channel, 4, keep);
        DmaBuf buffer = buffer(512);
        assertThat(queue.depth()).isEqualTo(4);
        for (int i = 0; i < 4; i++) {
            assertThat(queue.outstanding()).isEqualTo(i);
            assertThat(queue.read(buffer, 0, 512, 100 + i)).isTrue();
        }
        for (int i = 0; i < 3; i++) {
            assertThat(queue.read(buffer, 0, 512, 999)).isFalse();
            assertThat(queue.writeZeroes(0, 512, 999)).isFalse();
            assertThat(queue.reset(999)).isFalse();
        }
        assertThat(queue.outstanding()).isEqualTo(4);
        assertThat(device.channel.outstanding()).isEqualTo(4);
        pollUntil("arrival", () -> backend.held.size() == 4);
        backend.serve(backend.held.removeFirst());
        pollUntil("one completion", () -> completions.size() == 1);
        assertThat(queue.outstanding()).isEqualTo(3);
        assertThat(queue.read(buffer, 0, 512, 104)).isTrue();
        pollUntil("arrival", () -> backend.held.size() == 4);
        backend.serveHeld();
        pollUntil("all completions", () -> completions.size() == 5);
        assertThat(cookies()).containsExactlyInAnyOrder(100L, 101L, 102L, 103L, 104L);
        assertThat(completions).allSatisfy(it -> assertThat(it.status()).isZero());
        assertThat(queue.outstanding()).isZero();
        buffer.close();
        queue.close();
    }

    @Test
    void aCookieIsAnyLong() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 8, keep);
        DmaBuf buffer = buffer(512);
        List<Long> sent = List.of(0L, -1L, Long.MIN_VALUE, Long.MAX_VALUE, 42L, 42L);
        sent.forEach(cookie -> assertThat(queue.read(buffer, 0, 512, cookie)).isTrue());
        pollUntil("all completions", () -> completions.size() == sent.size());
        assertThat(cookies()).containsExactlyInAnyOrderElementsOf(sent);
    }

    @Test
    void aDepthLiesBetween1And65536() {
        Device device = mallocDevice(64, 512);
        for (int depth : new int[] {0, -1, 65_537, Integer.MIN_VALUE}) {
            assertThatThrownBy(() -> device.desc.openQueue(device.channel, depth, keep))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> device.desc.openQueue(device.channel, 1, null))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> device.desc.openQueue(device.channel, 1, Duration.ofNanos(-1), keep))
                .isInstanceOf(IllegalArgumentException.class);
        try (IoQueue largest = device.desc.openQueue(device.channel, 65_536, keep)) {
            assertThat(largest.depth()).isEqualTo(65_536);
            DmaBuf buffer = buffer(512);
            for (int i = 0; i < 65_536; i++) {
                assertThat(largest.read(buffer, i % 64 * 512L, 512, i)).isTrue();
            }
            assertThat(largest.read(buffer, 0, 512, -1)).isFalse();
            pollUntil("all completions", () -> completions.size() == 65_536);
            assertThat(cookies().stream().mapToLong(Long::longValue).sum())
                    .isEqualTo(LongStream.range(0, 65_536).sum());
        }
    }

    @Test
    void nothingCompletesInsideSubmit() {
        Device device = mallocDevice(64, 512);
        boolean[] inside = new boolean[2];
        IoQueue queue =
                device.desc.openQueue(
                        device.channel,
                        64,
                        (_, _) -> {
                            inside[1] |= inside[0];
                            completions.add(null);
                        });
        DmaBuf buffer = buffer(512);
        inside[0] = true;
        assertThat(queue.read(buffer, 0, 512, 1)).isTrue();
        assertThat(queue.write(buffer, 0, 512, 2)).isTrue();
        assertThat(queue.writeZeroes(0, 512, 3)).isTrue();
        assertThat(queue.flush(0, 512, 4)).isTrue();
        assertThat(queue.reset(5)).isTrue();
        inside[0] = false;
        pollUntil("all completions", () -> completions.size() == 5);
        assertThat(inside[1]).isFalse();
    }

    // ---- operations

    @Test
    void everyOperationDoesWhatTheDescriptorsDoes() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 1, keep);
        byte[] data = pattern(seed, 1024);
        DmaBuf buffer = buffer(data);
        DmaBuf other = buffer(1024);
        done(() -> queue.write(buffer, 0, 1024, 1));
        assertThat(device.read(0, 1024)).isEqualTo(data);
        done(() -> queue.read(other, 0, 1024, 1));
        assertThat(other.get(0, 1024)).isEqualTo(data);
        done(() -> queue.writev(new DmaBuf[] {buffer.slice(512, 512), buffer.slice(0, 512)}, 2048, 1));
        assertThat(device.read(2048, 512)).isEqualTo(Arrays.copyOfRange(data, 512, 1024));
        assertThat(device.read(2560, 512)).isEqualTo(Arrays.copyOf(data, 512));
        done(() -> queue.readv(new DmaBuf[] {other.slice(512, 512), other.slice(0, 512)}, 2048, 1));
        assertThat(other.get(0, 1024)).isEqualTo(data);
        done(() -> queue.copy(0, 8192, 1024, 1));
        assertThat(device.read(8192, 1024)).isEqualTo(data);
        done(() -> queue.compare(buffer, 8192, 1024, 1));
        done(() -> queue.compareAndWrite(buffer, other.fill((byte) 7), 8192, 512, 1));
        assertThat(device.read(8192, 512)).containsOnly(7);
        done(() -> queue.writeZeroes(8192, 512, 1));
        assertThat(device.read(8192, 512)).containsOnly(0);
        done(() -> queue.unmap(8704, 512, 1));
        done(() -> queue.flush(0, 1024, 1));
        done(() -> queue.reset(1));
        assertThat(queue.compare(buffer, 8192, 1024, 2)).isTrue();
        pollUntil("the completion", () -> queue.outstanding() == 0);
        assertThat(completions.getLast()).isEqualTo(new Completion(2, IoStatus.MISCOMPARE));
    }

    private void done(java.util.function.BooleanSupplier submit) {
        int before = completions.size();
        assertThat(submit.getAsBoolean()).isTrue();
        pollUntil("the completion", () -> completions.size() > before);
        assertThat(completions.getLast()).isEqualTo(new Completion(1, 0));
    }

    @Test
    void aWrongArgumentIsThrownAndTakesNoSlot() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 1, keep);
        DmaBuf buffer = buffer(512);
        DmaBuf closed = buffer(512);
        closed.close();
        for (Runnable call :
                List.<Runnable>of(
                        () -> queue.read(buffer, 1, 512, 1),
                        () -> queue.read(buffer, 0, 1024, 1),
                        () -> queue.write(buffer, 64 * 512, 512, 1),
                        () -> queue.writev(new DmaBuf[0], 0, 1),
                        () -> queue.readv(new DmaBuf[] {buffer, buffer.slice(0, 1)}, 0, 1),
                        () -> queue.writeZeroes(0, 0, 1),
                        () -> queue.unmap(-512, 512, 1),
                        () -> queue.flush(0, Long.MAX_VALUE, 1),
                        () -> queue.compareAndWrite(buffer, buffer.slice(0, 100), 0, 512, 1),
                        () -> queue.copy(0, 64 * 512, 512, 1),
                        () -> queue.copy(64 * 512, 0, 512, 1))) {
            assertThatThrownBy(call::run).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> queue.read(closed, 0, 512, 1)).isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> queue.compareAndWrite(buffer, closed, 0, 512, 1))
                .isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> queue.read(null, 0, 512, 1)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> queue.compareAndWrite(buffer, null, 0, 512, 1))
                .isInstanceOf(NullPointerException.class);
        assertThat(queue.outstanding()).isZero();
        assertThat(device.channel.outstanding()).isZero();
        assertThat(buffer.isLeased()).isFalse();
        done(() -> queue.read(buffer, 0, 512, 1));
        buffer.close();
    }

    @Test
    void aRemovedDeviceCompletesWithNoSuchDevice() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 4, keep);
        DmaBuf buffer = buffer(512);
        var destroyed = env.bdevs().destroy(device.bdev.name());
        poll(10);
        assertThat(queue.read(buffer, 0, 512, 7)).isTrue();
        pollUntil("the completion", () -> !completions.isEmpty());
        assertThat(completions).containsExactly(new Completion(7, -Errno.ENODEV));
        queue.close();
        device.close();
        await(destroyed);
    }

    // ---- handlers

    @Test
    void theHandlerMaySubmitTheNextIoAndFindsItsSlotAndBufferFree() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        IoQueue[] queue = new IoQueue[1];
        long[] count = new long[1];
        List<String> problems = new ArrayList<>();
        queue[0] =
                device.desc.openQueue(
                        device.channel,
                        1,
                        (cookie, status) -> {
                            if (status != 0 || cookie != count[0] || queue[0].outstanding() != 0 || buffer.isLeased()) {
                                problems.add("at " + count[0]);
                            }
                            if (++count[0] < 10_000 && !queue[0].read(buffer, 0, 512, count[0])) {
                                problems.add("no slot at " + count[0]);
                            }
                        });
        assertThat(queue[0].read(buffer, 0, 512, 0)).isTrue();
        pollUntil("all", () -> count[0] == 10_000);
        assertThat(problems).isEmpty();
    }

    @Test
    void aPollIsNotCaughtInAHandlerThatAlwaysResubmits() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        IoQueue[] queue = new IoQueue[1];
        boolean[] stop = new boolean[1];
        queue[0] =
                device.desc.openQueue(
                        device.channel,
                        32,
                        (cookie, _) -> {
                            if (!stop[0]) {
                                assertThat(queue[0].read(buffer, 0, 512, cookie)).isTrue();
                            }
                        });
        for (int i = 0; i < 32; i++) {
            assertThat(queue[0].read(buffer, 0, 512, i)).isTrue();
        }
        int work = 0;
        for (int i = 0; i < 100; i++) {
            work += thread.poll();
        }
        assertThat(work).isGreaterThanOrEqualTo(100);
        stop[0] = true;
        pollUntil("the end", () -> queue[0].outstanding() == 0);
    }

    @Test
    void aHandlerThatThrowsIsReportedAndTheThreadGoesOn() {
        expectReports();
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        IoQueue queue =
                device.desc.openQueue(
                        device.channel,
                        8,
                        (cookie, _) -> {
                            completions.add(null);
                            throw new IllegalStateException("on purpose " + cookie);
                        });
        for (int i = 0; i < 8; i++) {
            assertThat(queue.read(buffer, 0, 512, i)).isTrue();
        }
        pollUntil("all completions", () -> completions.size() == 8);
        assertThat(reported).hasSize(8).allSatisfy(it -> assertThat(it).hasMessageContaining("on purpose"));
        assertThat(queue.outstanding()).isZero();
        assertThat(queue.read(buffer, 0, 512, 9)).isTrue();
        pollUntil("another completion", () -> completions.size() == 9);
    }

    @Test
    void completionsOfASerialDeviceKeepTheirOrder() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 64, keep);
        DmaBuf buffer = buffer(512);
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < 64; i++) {
                assertThat(queue.write(buffer, 0, 512, round * 64 + i)).isTrue();
            }
            pollUntil("all completions", () -> queue.outstanding() == 0);
        }
        assertThat(cookies()).containsExactlyElementsOf(IntStream.range(0, 6_400).mapToObj(i -> (long) i).toList());
    }

    @Test
    void theLastWriteToABlockWins() {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 64, keep);
        for (int i = 0; i < 64; i++) {
            assertThat(queue.write(buffer(filled(i, 512)), 0, 512, i)).isTrue();
        }
        pollUntil("all completions", () -> queue.outstanding() == 0);
        assertThat(device.read(0, 512)).containsOnly(63);
    }

    // ---- deadline, abort, close

    @Test
    void anIoThatMissesItsDeadlineIsAbortedAndTimesOut() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        backend.abortable = true;
        Device device = device(custom(backend));
        IoQueue queue = device.desc.openQueue(device.channel, 4, Duration.ofMillis(20), keep);
        DmaBuf buffer = buffer(512);
        assertThat(queue.read(buffer, 0, 512, 7)).isTrue();
        assertThat(queue.read(buffer, 0, 512, 8)).isTrue();
        pollUntil("the deadline", () -> completions.size() == 2);
        assertThat(completions)
                .containsExactlyInAnyOrder(new Completion(7, -Errno.ETIMEDOUT), new Completion(8, -Errno.ETIMEDOUT));
        backend.script = TestBackend::serve;
        assertThat(queue.read(buffer, 0, 512, 9)).isTrue();
        pollUntil("another", () -> completions.size() == 3);
        assertThat(completions.getLast()).isEqualTo(new Completion(9, 0));
        queue.close();
    }

    @Test
    void anIoThatCantBeAbortedCompletesWhenTheDeviceIsDone() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoQueue queue = device.desc.openQueue(device.channel, 4, Duration.ofMillis(5), keep);
        DmaBuf buffer = buffer(512);
        assertThat(queue.read(buffer, 0, 512, 7)).isTrue();
        pollUntil("the abort", () -> !backend.aborts.isEmpty());
        pollFor(Duration.ofMillis(30));
        assertThat(completions).isEmpty();
        assertThat(backend.aborts).as("asked once").hasSize(1);
        assertThat(buffer.isLeased()).isTrue();
        backend.serveHeld();
        pollUntil("completion", () -> completions.size() == 1);
        assertThat(completions.getFirst().cookie()).isEqualTo(7);
    }

    @Test
    void abortFindsIoByItsCookie() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        backend.abortable = true;
        Device device = device(custom(backend));
        IoQueue queue = device.desc.openQueue(device.channel, 8, keep);
        DmaBuf buffer = buffer(512);
        for (long cookie : new long[] {1, 2, 2, 3}) {
            assertThat(queue.read(buffer, 0, 512, cookie)).isTrue();
        }
        pollUntil("arrival", () -> backend.held.size() == 4);
        assertThat(queue.abort(99)).isZero();
        assertThat(queue.abort(2)).isEqualTo(2);
        assertThat(completions).as("not inside abort").isEmpty();
        pollUntil("the aborts", () -> completions.size() == 2);
        assertThat(completions).containsOnly(new Completion(2, IoStatus.ABORTED));
        assertThat(queue.abort(2)).isZero();
        backend.serveHeld();
        pollUntil("the others", () -> completions.size() == 4);
        assertThat(completions.subList(2, 4)).containsExactlyInAnyOrder(new Completion(1, 0), new Completion(3, 0));
    }

    @Test
    void closeRefusesNewIoAndDeliversWhatIsOutstanding() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoQueue queue = device.desc.openQueue(device.channel, 4, keep);
        DmaBuf buffer = buffer(512);
        assertThat(queue.read(buffer, 0, 512, 1)).isTrue();
        assertThat(queue.write(buffer, 0, 512, 2)).isTrue();
        pollUntil("arrival", () -> backend.held.size() == 2);
        queue.close();
        queue.close();
        assertThatThrownBy(() -> queue.read(buffer, 0, 512, 3)).isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> queue.reset(3)).isInstanceOf(SpdkException.Closed.class);
        assertThat(queue.outstanding()).isEqualTo(2);
        backend.serveHeld();
        pollUntil("the rest", () -> completions.size() == 2);
        assertThat(cookies()).containsExactlyInAnyOrder(1L, 2L);
        assertThat(queue.outstanding()).isZero();
        buffer.close();
        IoQueue next = device.desc.openQueue(device.channel, 4, keep);
        backend.script = TestBackend::serve;
        DmaBuf other = buffer(512);
        assertThat(next.read(other, 0, 512, 9)).isTrue();
        pollUntil("the next queue's", () -> completions.size() == 3);
    }

    @Test
    void aHandlerMayCloseItsQueue() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        IoQueue[] queue = new IoQueue[1];
        queue[0] =
                device.desc.openQueue(
                        device.channel,
                        4,
                        (cookie, status) -> {
                            keep.onComplete(cookie, status);
                            queue[0].close();
                        });
        for (int i = 0; i < 4; i++) {
            assertThat(queue[0].read(buffer, 0, 512, i)).isTrue();
        }
        pollUntil("all completions", () -> completions.size() == 4);
        assertThatThrownBy(() -> queue[0].read(buffer, 0, 512, 5)).isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void queuesOfOneChannelKeepApart() {
        Device device = mallocDevice(64, 512);
        List<Long> first = new ArrayList<>();
        List<Long> second = new ArrayList<>();
        IoQueue one = device.desc.openQueue(device.channel, 2, (cookie, _) -> first.add(cookie));
        IoQueue two = device.desc.openQueue(device.channel, 2, (cookie, _) -> second.add(cookie));
        DmaBuf buffer = buffer(512);
        for (int i = 0; i < 2; i++) {
            assertThat(one.read(buffer, 0, 512, 10 + i)).isTrue();
            assertThat(two.read(buffer, 0, 512, 20 + i)).isTrue();
        }
        assertThat(one.read(buffer, 0, 512, 12)).isFalse();
        pollUntil("all", () -> first.size() + second.size() == 4);
        assertThat(first).containsExactlyInAnyOrder(10L, 11L);
        assertThat(second).containsExactlyInAnyOrder(20L, 21L);
    }
}
