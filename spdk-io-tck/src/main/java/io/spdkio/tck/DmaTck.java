package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.dma.Dma;
import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Buffers, slices, leases and pools. */
public abstract class DmaTck extends EngineTck {
    /** For the subclasses. */
    protected DmaTck() {}

    // ---- memory

    @ParameterizedTest
    @ValueSource(longs = {1, 7, 512, 4095, 4096, 4097, 1 << 20, (4 << 20) + 1})
    void aBufferIsZeroedAndAlignedToAPage(long size) {
        for (int i = 0; i < 3; i++) {
            try (DmaBuf buffer = env.dma().allocate(size)) {
                assertThat(buffer.sizeBytes()).isEqualTo(size);
                assertThat(buffer.segment().byteSize()).isEqualTo(size);
                assertThat(buffer.segment().address() % Dma.DEFAULT_ALIGNMENT_BYTES).isZero();
                assertThat(buffer.segment().mismatch(MemorySegment.ofArray(new byte[(int) size])))
                        .as("zeroed, also when the memory was used before")
                        .isEqualTo(-1);
                buffer.fill((byte) 0xff);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 64, 512, 8192, 65536, 2 << 20})
    void anAlignmentIsKept(long alignment) {
        try (DmaBuf buffer = env.dma().allocate(100, alignment);
                DmaBuf second = env.dma().allocate(100, alignment)) {
            assertThat(buffer.segment().address() % alignment).isZero();
            assertThat(second.segment().address() % alignment).isZero();
        }
    }

    @Test
    void anImpossibleSizeOrAlignmentIsRefused() {
        for (long size : new long[] {0, -1, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> env.dma().allocate(size)).isInstanceOf(IllegalArgumentException.class);
        }
        for (long alignment : new long[] {0, -1, 3, 4095, 1L << 31, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> env.dma().allocate(512, alignment)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> env.dma().pool(0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> env.dma().pool(512, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> env.dma().pool(512, -1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void moreMemoryThanThereIsIsNoMemory() {
        for (long size : new long[] {Long.MAX_VALUE, Long.MAX_VALUE - 4096, 1L << 60}) {
            assertThatThrownBy(() -> env.dma().allocate(size)).isInstanceOf(SpdkException.NoMemory.class);
        }
        assertThatThrownBy(() -> env.dma().pool(1L << 50, 1 << 12)).isInstanceOf(SpdkException.NoMemory.class);
        assertThatThrownBy(() -> env.dma().pool(Long.MAX_VALUE, 2)).isInstanceOf(SpdkException.NoMemory.class);
        assertThat(env.dma().allocatedBytes()).isZero();
        buffer(4096).close();
    }

    @Test
    void memSizeMbLimitsWhatIsAllocated() {
        env.close();
        env = open(builder().memSizeMb(64));
        thread = env.attachThread("main");
        assertThatThrownBy(() -> env.dma().allocate(65L << 20))
                .isInstanceOf(SpdkException.NoMemory.class)
                .hasMessageContaining("memSizeMb");
        List<DmaBuf> all = new ArrayList<>();
        SpdkException.NoMemory full = null;
        while (full == null) {
            try {
                all.add(env.dma().allocate(8 << 20));
            } catch (SpdkException.NoMemory e) {
                full = e;
            }
            assertThat(all.size()).isLessThanOrEqualTo(8);
        }
        assertThat(all).isNotEmpty();
        all.removeLast().close();
        all.add(env.dma().allocate(8 << 20));
        all.forEach(DmaBuf::close);
    }

    @Test
    void whatIsAllocatedIsCounted() {
        assertThat(env.dma().allocatedBytes()).isZero();
        DmaBuf first = buffer(4096);
        DmaBuf second = buffer(8192);
        assertThat(env.dma().allocatedBytes()).isGreaterThanOrEqualTo(12_288);
        first.close();
        first.close();
        second.slice(0, 512).close();
        assertThat(env.dma().allocatedBytes()).isGreaterThanOrEqualTo(8192).isLessThan(12_288);
        second.close();
        assertThat(env.dma().allocatedBytes()).isZero();
    }

    @Test
    void buffersDoNotOverlap() {
        List<DmaBuf> buffers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            buffers.add(buffer(1000).fill((byte) i));
        }
        for (int i = 0; i < 200; i++) {
            assertThat(buffers.get(i).get(0, 1000)).containsOnly(i);
        }
    }

    // ---- views

    @Test
    void viewsShareTheMemory() {
        DmaBuf buffer = buffer(4096);
        ByteBuffer bytes = buffer.byteBuffer();
        assertThat(bytes.isDirect()).isTrue();
        assertThat(bytes.order()).isEqualTo(ByteOrder.nativeOrder());
        assertThat(bytes.capacity()).isEqualTo(4096);
        bytes.putLong(8, 0x1122334455667788L);
        assertThat(buffer.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 8)).isEqualTo(0x1122334455667788L);
        buffer.put(100, new byte[] {1, 2, 3});
        assertThat(buffer.get(99, 5)).containsExactly(0, 1, 2, 3, 0);
        assertThat(bytes.get(101)).isEqualTo((byte) 2);
        DmaBuf slice = buffer.slice(100, 50);
        DmaBuf inner = slice.slice(1, 2);
        assertThat(inner.get(0, 2)).containsExactly(2, 3);
        inner.fill((byte) 9);
        assertThat(buffer.get(100, 4)).containsExactly(1, 9, 9, 0);
        assertThat(inner.sizeBytes()).isEqualTo(2);
    }

    @Test
    void aSliceLiesWithin() {
        DmaBuf buffer = buffer(100);
        for (long[] bad :
                new long[][] {
                    {-1, 10}, {0, 0}, {0, -1}, {0, 101}, {100, 1}, {50, 51}, {Long.MAX_VALUE, 1}, {1, Long.MAX_VALUE}
                }) {
            assertThatThrownBy(() -> buffer.slice(bad[0], bad[1])).isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThat(buffer.slice(0, 100).sizeBytes()).isEqualTo(100);
        assertThatThrownBy(() -> buffer.put(99, new byte[2])).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> buffer.get(99, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void everyViewIsDeadAfterClose() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(4096);
        DmaBuf slice = buffer.slice(512, 512);
        MemorySegment segment = buffer.segment();
        ByteBuffer bytes = buffer.byteBuffer();
        buffer.close();
        buffer.close();
        assertThat(buffer.isClosed()).isTrue();
        assertThat(slice.isClosed()).isTrue();
        assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> bytes.get(0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> buffer.get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> buffer.put(0, new byte[1])).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> buffer.fill((byte) 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> slice.get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> buffer.slice(0, 1).get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> buffer.byteBuffer().get(0)).isInstanceOf(IllegalStateException.class);
        for (DmaBuf dead : List.of(buffer, slice)) {
            assertThatThrownBy(() -> device.desc.read(device.channel, dead, 0, 512))
                    .isInstanceOf(SpdkException.Closed.class);
            assertThatThrownBy(() -> device.desc.writev(device.channel, List.of(buffer(512), dead), 0))
                    .isInstanceOf(SpdkException.Closed.class);
        }
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void closingASliceLeavesTheBuffer() {
        DmaBuf buffer = buffer(4096);
        DmaBuf slice = buffer.slice(0, 512);
        slice.close();
        slice.close();
        assertThat(buffer.isClosed()).isFalse();
        buffer.put(0, new byte[] {1});
        assertThat(slice.get(0, 1)).containsExactly(1);
    }

    @Test
    void aBufferIsNoBufferOfOurs() {
        Device device = mallocDevice(8, 512);
        DmaBuf foreign =
                new DmaBuf() {
                    private final MemorySegment memory = MemorySegment.ofArray(new byte[512]);

                    @Override
                    public long sizeBytes() {
                        return 512;
                    }

                    @Override
                    public MemorySegment segment() {
                        return memory;
                    }

                    @Override
                    public ByteBuffer byteBuffer() {
                        return memory.asByteBuffer();
                    }

                    @Override
                    public DmaBuf slice(long offsetBytes, long sizeBytes) {
                        return this;
                    }

                    @Override
                    public boolean isLeased() {
                        return false;
                    }

                    @Override
                    public boolean isClosed() {
                        return false;
                    }

                    @Override
                    public void close() {}
                };
        assertThatThrownBy(() -> device.desc.read(device.channel, foreign, 0, 512))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.desc.readv(device.channel, List.of(buffer(512), foreign), 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.desc.read(device.channel, null, 0, 512))
                .isInstanceOf(NullPointerException.class);
        assertThat(device.channel.outstanding()).isZero();
    }

    // ---- leases

    @Test
    void aBufferIsLeasedFromSubmitToCompletionAndCloseNamesTheOperation() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(4096);
        DmaBuf slice = buffer.slice(512, 512);
        assertThat(buffer.isLeased()).isFalse();
        IoFuture<Void> read = device.desc.read(device.channel, slice, 0, 512);
        assertThat(buffer.isLeased()).isTrue();
        assertThat(slice.isLeased()).isTrue();
        assertThat(buffer.slice(0, 1).isLeased()).isTrue();
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(buffer::close)
                    .isInstanceOf(SpdkException.Busy.class)
                    .hasMessageContaining("read")
                    .hasMessageContaining(device.bdev.name());
        }
        assertThat(buffer.isClosed()).isFalse();
        buffer.put(0, new byte[] {1});
        assertThat(buffer.get(0, 1)).containsExactly(1);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        assertThat(buffer.isLeased()).isTrue();
        backend.serveHeld();
        await(read);
        assertThat(buffer.isLeased()).isFalse();
        assertThat(slice.isLeased()).isFalse();
        buffer.close();
        assertThat(buffer.isClosed()).isTrue();
    }

    @Test
    void aLeaseEndsBeforeTheContinuationRuns() {
        Device device = mallocDevice(8, 512);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        await(read.thenRun(buffer::close));
        assertThat(buffer.isClosed()).isTrue();
    }

    @Test
    void aLeaseEndsWhenTheIoFails() {
        TestBackend backend = TestBackend.of(8, 512).with((_, io) -> io.complete(-Errno.EIO));
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        completesWith(SpdkException.IoFailed.class, device.desc.read(device.channel, buffer, 0, 512));
        assertThat(buffer.isLeased()).isFalse();
        buffer.close();
    }

    @Test
    void everyBufferOfAVectorIsLeased() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        List<DmaBuf> buffers = List.of(buffer(512), buffer(1024), buffer(512));
        IoFuture<Void> write = device.desc.writev(device.channel, buffers, 0);
        for (DmaBuf buffer : buffers) {
            assertThat(buffer.isLeased()).isTrue();
            assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class).hasMessageContaining("write");
        }
        pollUntil("arrival", () -> !backend.held.isEmpty());
        backend.serveHeld();
        await(write);
        buffers.forEach(DmaBuf::close);
        assertThat(buffers).allSatisfy(buffer -> assertThat(buffer.isClosed()).isTrue());
    }

    @Test
    void oneBufferMayBeInManyIos() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(4096);
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            writes.add(device.desc.write(device.channel, buffer.slice(i * 512L, 512), i * 512L, 512));
        }
        writes.add(device.desc.writev(device.channel, List.of(buffer.slice(0, 512), buffer.slice(0, 512)), 8192));
        pollUntil("arrival", () -> backend.held.size() == 9);
        for (int i = 0; i < 9; i++) {
            assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class);
            backend.serve(backend.held.removeFirst());
            await(writes.get(i));
        }
        buffer.close();
    }

    @Test
    void twoThreadsMayLeaseOneBuffer() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        var second = env.attachThread("second");
        var other = second.ioChannel(device.desc);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> one = device.desc.write(device.channel, buffer, 0, 512);
        IoFuture<Void> two = device.desc.write(other, buffer, 512, 512);
        pollUntil(
                "arrival",
                () -> {
                    second.poll();
                    return backend.held.size() == 2;
                });
        backend.serve(backend.held.removeFirst());
        pollUntil(
                "one completion",
                () -> {
                    second.poll();
                    return one.isDone() || two.isDone();
                });
        assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class);
        backend.serve(backend.held.removeFirst());
        pollUntil(
                "the other completion",
                () -> {
                    second.poll();
                    return one.isDone() && two.isDone();
                });
        buffer.close();
    }

    @Test
    void aRefusedSubmitLeavesNoLease() {
        Device device = mallocDevice(8, 512);
        DmaBuf buffer = buffer(8192);
        DmaBuf closed = buffer(512);
        closed.close();
        assertThatThrownBy(() -> device.desc.read(device.channel, buffer, 1, 512))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.desc.writev(device.channel, List.of(buffer, closed), 0))
                .isInstanceOf(RuntimeException.class);
        assertThatThrownBy(() -> device.desc.compareAndWrite(device.channel, buffer, closed, 0, 512))
                .isInstanceOf(SpdkException.Closed.class);
        assertThat(buffer.isLeased()).isFalse();
        buffer.close();
    }

    // ---- pools

    @Test
    void aPoolHandsOutItsBuffersAndTakesThemBack() {
        DmaPool pool = env.dma().pool(1000, 5);
        assertThat(pool.bufferBytes()).isEqualTo(1000);
        assertThat(pool.capacity()).isEqualTo(5);
        assertThat(pool.available()).isEqualTo(5);
        List<DmaBuf> taken = new ArrayList<>();
        Set<Long> addresses = new HashSet<>();
        for (int i = 0; i < 5; i++) {
            DmaBuf buffer = pool.take().fill((byte) i);
            assertThat(buffer.sizeBytes()).isEqualTo(1000);
            assertThat(buffer.segment().address() % Dma.DEFAULT_ALIGNMENT_BYTES).isZero();
            assertThat(addresses.add(buffer.segment().address())).isTrue();
            taken.add(buffer);
        }
        for (int i = 0; i < 5; i++) {
            assertThat(taken.get(i).get(0, 1000)).containsOnly(i);
        }
        assertThat(pool.available()).isZero();
        assertThat(pool.tryTake()).isEmpty();
        assertThatThrownBy(pool::take).isInstanceOf(SpdkException.NoMemory.class);
        assertThatThrownBy(pool::close).isInstanceOf(SpdkException.Busy.class);
        taken.removeFirst().close();
        assertThat(pool.available()).isEqualTo(1);
        DmaBuf again = pool.take();
        again.close();
        again.close();
        again.close();
        assertThat(pool.available()).as("closed three times, given back once").isEqualTo(1);
        taken.forEach(DmaBuf::close);
        pool.close();
        pool.close();
        assertThatThrownBy(pool::take).isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(pool::tryTake).isInstanceOf(SpdkException.Closed.class);
        assertThat(env.dma().allocatedBytes()).isZero();
    }

    @Test
    void aBufferThatWasGivenBackIsDeadAlthoughItsMemoryLives() {
        Device device = mallocDevice(8, 512);
        DmaPool pool = env.dma().pool(512, 1);
        DmaBuf first = pool.take();
        first.close();
        DmaBuf second = pool.take().fill((byte) 7);
        assertThat(first.isClosed()).isTrue();
        assertThatThrownBy(() -> device.desc.read(device.channel, first, 0, 512))
                .isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> first.get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> first.fill((byte) 1)).isInstanceOf(IllegalStateException.class);
        assertThat(second.get(0, 512)).containsOnly(7);
    }

    @Test
    void aLeasedBufferIsNotGivenBack() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaPool pool = env.dma().pool(512, 1);
        DmaBuf buffer = pool.take();
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        assertThatThrownBy(buffer::close).isInstanceOf(SpdkException.Busy.class);
        assertThat(pool.available()).isZero();
        assertThatThrownBy(pool::close).isInstanceOf(SpdkException.Busy.class);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        backend.serveHeld();
        await(read);
        buffer.close();
        assertThat(pool.available()).isEqualTo(1);
        pool.close();
    }

    @Test
    void aPoolServesManyThreads() throws Exception {
        DmaPool pool = env.dma().pool(64, 8);
        List<java.util.concurrent.CompletableFuture<Integer>> users = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            byte mark = (byte) (t + 1);
            users.add(
                    onNewThread(() -> {
                        int clashes = 0;
                        for (int i = 0; i < 5_000; i++) {
                            try (DmaBuf buffer = pool.take()) {
                                buffer.fill(mark);
                                if (buffer.get(63, 1)[0] != mark || buffer.get(0, 1)[0] != mark) {
                                    clashes++;
                                }
                            }
                        }
                        return clashes;
                    }));
        }
        for (var user : users) {
            int clashes = elsewhereUnpolled(user::get);
            assertThat(clashes).isZero();
        }
        assertThat(pool.available()).isEqualTo(8);
    }

    @Test
    void buffersMayBeUsedAndClosedOnAnyThread() throws Exception {
        DmaBuf buffer = buffer(512);
        runElsewhere(() -> {
            buffer.fill((byte) 3);
            try (DmaBuf other = buffer(512)) {
                assertThat(other.sizeBytes()).isEqualTo(512);
            }
        });
        assertThat(buffer.get(0, 512)).containsOnly(3);
        runElsewhere(buffer::close);
        assertThat(buffer.isClosed()).isTrue();
    }
}
