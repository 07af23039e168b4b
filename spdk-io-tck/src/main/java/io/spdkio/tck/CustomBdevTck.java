package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Devices written in Java by users: what they see, and what they may do wrong. */
public abstract class CustomBdevTck extends EngineTck {
    /** For the subclasses. */
    protected CustomBdevTck() {}

    // ---- what a backend sees

    @Test
    void aBackendIsRegisteredAndItsChannelIsMadeOnTheThreadThatUsesIt() {
        AtomicReference<SpdkThread> opener = new AtomicReference<>();
        AtomicReference<Thread> submitter = new AtomicReference<>();
        TestBackend backend =
                new TestBackend(BdevGeometry.of(512, 64)) {
                    @Override
                    public Channel openChannel(SpdkThread on) {
                        assertThat(on.isCurrent()).isTrue();
                        opener.set(on);
                        return super.openChannel(on);
                    }
                };
        backend.script =
                (it, io) -> {
                    submitter.set(Thread.currentThread());
                    it.serve(io);
                };
        Device device = device(custom(backend));
        assertThat(backend.registration).isNotNull();
        assertThat(device.bdev.productName()).isEqualTo("Test disk");
        assertThat(opener.get()).isSameAs(thread);
        device.write(0, pattern(seed, 512));
        assertThat(submitter.get()).isSameAs(Thread.currentThread());
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
    }

    @Test
    void anIoTellsWhatToDo() {
        List<String> told = new ArrayList<>();
        byte[] data = pattern(seed, 1536);
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((it, io) -> {
                            told.add(
                                    io.type()
                                            + " "
                                            + io.offsetBlocks()
                                            + "+"
                                            + io.blockCount()
                                            + " "
                                            + io.offsetBytes()
                                            + "+"
                                            + io.lengthBytes()
                                            + " "
                                            + io.segmentCount());
                            long sum = 0;
                            for (int i = 0; i < io.segmentCount(); i++) {
                                sum += io.segment(i).byteSize();
                            }
                            if (io.segmentCount() > 0) {
                                assertThat(sum).isEqualTo(io.lengthBytes());
                                assertThatThrownBy(() -> io.segment(io.segmentCount()))
                                        .isInstanceOf(IndexOutOfBoundsException.class);
                                assertThatThrownBy(() -> io.segment(-1)).isInstanceOf(IndexOutOfBoundsException.class);
                            }
                            if (io.type() == IoType.WRITE && io.segmentCount() > 1) {
                                try (Arena arena = Arena.ofConfined()) {
                                    MemorySegment copy = arena.allocate(io.lengthBytes() + 10);
                                    io.copyTo(copy, 10);
                                    assertThat(copy.asSlice(10).mismatch(MemorySegment.ofArray(data))).isEqualTo(-1);
                                }
                            }
                            it.serve(io);
                        });
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(4096);
        buffer.put(0, data);
        await(
                device.desc.writev(
                        device.channel,
                        List.of(buffer.slice(0, 500), buffer.slice(500, 12), buffer.slice(512, 1024)),
                        512));
        await(device.desc.read(device.channel, buffer, 1024, 512));
        await(device.desc.flush(device.channel, 0, 1024));
        await(device.desc.unmap(device.channel, 512, 512));
        assertThat(told)
                .containsExactly(
                        "WRITE 1+3 512+1536 3", "READ 2+1 1024+512 1", "FLUSH 0+2 0+1024 0", "UNMAP 1+1 512+512 0");
    }

    @Test
    void aReadFillsEveryPieceInOrder() {
        byte[] data = pattern(seed, 1024);
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((_, io) -> {
                            io.copyFrom(MemorySegment.ofArray(data), 0);
                            io.complete();
                        });
        Device device = device(custom(backend));
        DmaBuf memory = buffer(4096);
        List<DmaBuf> pieces = List.of(memory.slice(2000, 100), memory.slice(0, 24), memory.slice(1000, 900));
        await(device.desc.readv(device.channel, pieces, 0));
        assertThat(memory.get(2000, 100)).isEqualTo(Arrays.copyOf(data, 100));
        assertThat(memory.get(0, 24)).isEqualTo(Arrays.copyOfRange(data, 100, 124));
        assertThat(memory.get(1000, 900)).isEqualTo(Arrays.copyOfRange(data, 124, 1024));
        assertThat(memory.get(24, 976)).containsOnly(0);
    }

    @Test
    void everyThreadHasAChannelOfItsOwnAndAllAreClosed() {
        TestBackend backend = TestBackend.of(64, 512);
        Device device = device(custom(backend));
        for (int i = 0; i < 4; i++) {
            assertThat(
                            env.spawnThread(
                                            "worker" + i,
                                            it -> {
                                                var channel = it.ioChannel(device.desc);
                                                DmaBuf buffer = buffer(512);
                                                bounded(device.desc.write(channel, buffer, 0, 512)).join();
                                                channel.close();
                                                return it.name();
                                            })
                                    .join())
                    .isEqualTo("worker" + i);
        }
        pollUntil("release", () -> backend.channelsClosed.get() == 4);
        assertThat(backend.channels).hasValue(5);
        device.close();
        await(env.bdevs().destroy(device.bdev.name()));
        assertThat(backend.channelsClosed).hasValue(5);
        assertThat(backend.closes).hasValue(1);
    }

    // ---- completing

    @Test
    void anIoMayBeCompletedLater() {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoFuture<Void> read = device.desc.read(device.channel, buffer(512), 0, 512);
        poll(50);
        assertThat(read).isNotDone();
        backend.serveHeld();
        assertThat(read).as("not inside complete()").isNotDone();
        await(read);
    }

    @Test
    void anIoMayBeCompletedFromAnotherThread() {
        BlockingQueue<BdevIo> work = new LinkedBlockingQueue<>();
        TestBackend backend = TestBackend.of(64, 512).with((_, io) -> work.add(io));
        Device device = device(custom(backend));
        int count = 2_000;
        var server =
                onNewThread(() -> {
                    for (int i = 0; i < count; i++) {
                        BdevIo io = work.poll(20, TimeUnit.SECONDS);
                        io.complete(i % 10 == 3 ? -Errno.EIO : 0);
                    }
                    return count;
                });
        AtomicInteger failures = new AtomicInteger();
        List<Thread> foreign = new ArrayList<>();
        DmaBuf buffer = buffer(512);
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
            reads.add(read);
            assertThat(
                            read.whenComplete((_, problem) -> {
                                if (problem != null) {
                                    failures.incrementAndGet();
                                }
                                if (Thread.currentThread() != thread.osThread()) {
                                    foreign.add(Thread.currentThread());
                                }
                            }))
                    .isNotNull();
            if (i % 64 == 0) {
                thread.poll();
            }
        }
        pollUntil("all completions", () -> reads.stream().allMatch(IoFuture::isDone));
        assertThat(failures).hasValue(count / 10);
        assertThat(foreign).as("continuations on a foreign thread").isEmpty();
        assertThat(await(server)).isEqualTo(count);
        buffer.close();
    }

    @Test
    void completingTwiceIsRefused() {
        List<Throwable> refusals = new ArrayList<>();
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((_, io) -> {
                            io.complete();
                            try {
                                io.complete(-Errno.EIO);
                            } catch (IllegalStateException e) {
                                refusals.add(e);
                            }
                        });
        Device device = device(custom(backend));
        int[] completions = new int[1];
        IoFuture<Void> read = device.desc.read(device.channel, buffer(512), 0, 512);
        await(read.whenComplete((_, _) -> completions[0]++));
        poll(20);
        assertThat(completions[0]).isEqualTo(1);
        assertThat(refusals).hasSize(1);
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void completingTwiceFromAnotherThreadIsRefusedThere() throws Exception {
        TestBackend backend = TestBackend.of(64, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        for (int round = 0; round < 3; round++) {
            IoFuture<Void> read = device.desc.read(device.channel, buffer(512), 0, 512);
            pollUntil("arrival", () -> !backend.held.isEmpty());
            BdevIo io = backend.held.removeFirst();
            elsewhereUnpolled(() -> {
                io.complete();
                assertThatThrownBy(() -> io.complete(-Errno.EIO)).isInstanceOf(IllegalStateException.class);
                return null;
            });
            // The object may serve the next I/O by now; the second completion must not have ended that one.
            await(read);
            IoFuture<Void> next = device.desc.read(device.channel, buffer(512), 0, 512);
            poll(20);
            assertThat(next).isNotDone();
            backend.serveHeld();
            await(next);
        }
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void aSubmitThatThrowsFailsItsIoAndIsReported() {
        expectReports();
        RuntimeException problem = new RuntimeException("on purpose");
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((_, _) -> {
                            throw problem;
                        });
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        assertThat(
                        completesWith(SpdkException.IoFailed.class, device.desc.read(device.channel, buffer, 0, 512))
                                .errno())
                .isEqualTo(Errno.EIO);
        assertThat(reported).containsExactly(problem);
        assertThat(buffer.isLeased()).isFalse();
        backend.script = TestBackend::serve;
        await(device.desc.read(device.channel, buffer, 0, 512));
    }

    @Test
    void aSubmitThatCompletesAndThenThrowsCountsOnce() {
        expectReports();
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((it, io) -> {
                            it.serve(io);
                            throw new RuntimeException("on purpose");
                        });
        Device device = device(custom(backend));
        await(device.desc.read(device.channel, buffer(512), 0, 512));
        assertThat(reported).hasSize(1);
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void anAbortThatThrowsIsReported() {
        expectReports();
        TestBackend backend =
                new TestBackend(BdevGeometry.of(512, 64)) {
                    @Override
                    public Channel openChannel(SpdkThread on) {
                        Channel healthy = super.openChannel(on);
                        return new Channel() {
                            @Override
                            public void submit(BdevIo io) {
                                healthy.submit(io);
                            }

                            @Override
                            public void abort(BdevIo io) {
                                throw new IllegalStateException("on purpose");
                            }

                            @Override
                            public void close() {
                                healthy.close();
                            }
                        };
                    }
                };
        backend.script = TestBackend::hold;
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        assertThat(read.cancel(true)).isTrue();
        pollUntil("the report", () -> !reported.isEmpty());
        backend.serveHeld();
        pollUntil("the end of the lease", () -> !buffer.isLeased());
    }

    @Test
    void anOpenChannelThatThrowsFailsIoChannel() {
        TestBackend backend =
                new TestBackend(BdevGeometry.of(512, 64)) {
                    @Override
                    public Channel openChannel(SpdkThread on) {
                        throw new IllegalStateException("on purpose");
                    }
                };
        var bdev = custom(backend);
        var desc = bdev.open(OpenMode.READ_WRITE);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> thread.ioChannel(desc)).isInstanceOf(RuntimeException.class);
        }
        desc.close();
        await(env.bdevs().destroy(bdev.name()));
        assertThat(backend.closes).hasValue(1);
    }

    @Test
    void noMemoryIsTriedAgainWhenAnotherIoHasCompleted() {
        int[] slots = {2};
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((it, io) -> {
                            if (slots[0] == 0) {
                                io.complete(-Errno.ENOMEM);
                            } else {
                                slots[0]--;
                                it.held.add(io);
                            }
                        });
        Device device = device(custom(backend));
        List<IoFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            writes.add(device.desc.write(device.channel, buffer(filled(i + 1, 512)), i * 512L, 512));
        }
        for (int i = 0; i < 40; i++) {
            pollUntil("the next I/O", () -> !backend.held.isEmpty());
            assertThat(backend.held.size()).isLessThanOrEqualTo(2);
            slots[0]++;
            backend.serve(backend.held.removeFirst());
        }
        awaitAll(writes);
        for (int i = 0; i < 40; i++) {
            backend.script = TestBackend::serve;
            assertThat(device.read(i * 512L, 512)).containsOnly(i + 1);
        }
    }

    @Test
    void noMemoryWithNothingOutstandingIsTriedAgainToo() {
        int[] refusals = {100};
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((it, io) -> {
                            if (refusals[0]-- > 0) {
                                io.complete(-Errno.ENOMEM);
                            } else {
                                it.serve(io);
                            }
                        });
        Device device = device(custom(backend));
        await(device.desc.write(device.channel, buffer(512), 0, 512));
        assertThat(refusals[0]).isNegative();
    }

    @Test
    void aBackendMaySubmitToAnotherDeviceOfItsOwn() {
        Device below = mallocDevice(64, 512);
        TestBackend backend =
                TestBackend.of(64, 512)
                        .with((_, io) -> {
                            DmaBuf copy = buffer(io.lengthBytes());
                            if (io.type() == IoType.WRITE) {
                                io.copyTo(copy.segment(), 0);
                            }
                            IoFuture<Void> lower =
                                    io.type() == IoType.WRITE
                                            ? below.desc.write(below.channel, copy, io.offsetBytes(), io.lengthBytes())
                                            : below.desc.read(below.channel, copy, io.offsetBytes(), io.lengthBytes());
                            assertThat(
                                            lower.whenComplete((_, problem) -> {
                                                if (problem == null && io.type() == IoType.READ) {
                                                    io.copyFrom(copy.segment(), 0);
                                                }
                                                copy.close();
                                                io.complete(problem == null ? 0 : -Errno.EIO);
                                            }))
                                    .isNotNull();
                        });
        Device top = device(custom(backend));
        top.write(1024, pattern(seed, 512));
        assertThat(top.read(1024, 512)).isEqualTo(pattern(seed, 512));
        assertThat(below.read(1024, 512)).isEqualTo(pattern(seed, 512));
    }

    // ---- what a backend need not do

    @Test
    void whatABackendDoesNotKnowIsEmulatedOrUnsupported() {
        TestBackend backend = new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ, IoType.WRITE));
        Device device = device(custom(backend));
        byte[] data = pattern(seed, 1024);
        device.write(0, data);
        for (IoType type : List.of(IoType.WRITE_ZEROES, IoType.COMPARE, IoType.COMPARE_AND_WRITE, IoType.COPY)) {
            assertThat(device.bdev.supports(type)).as(type.label()).isTrue();
        }
        await(device.desc.copy(device.channel, 0, 2048, 1024));
        await(device.desc.compare(device.channel, buffer(data), 2048, 1024));
        await(device.desc.writeZeroes(device.channel, 0, 512));
        assertThat(device.read(0, 512)).containsOnly(0);
        assertThat(device.read(2048, 1024)).isEqualTo(data);
        assertThat(backend.seen).extracting(TestBackend.Seen::type).containsOnly(IoType.READ, IoType.WRITE);
        for (IoType type : List.of(IoType.UNMAP, IoType.FLUSH)) {
            assertThat(device.bdev.supports(type)).as(type.label()).isFalse();
        }
        assertThat(completesWith(SpdkException.Unsupported.class, device.desc.unmap(device.channel, 0, 512)))
                .hasMessageContaining("unmap");
        completesWith(SpdkException.Unsupported.class, device.desc.flush(device.channel));
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void aDeviceThatOnlyReadsCantBeOpenedForWriting() {
        TestBackend backend = new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ));
        var bdev = custom(backend);
        assertThat(bdev.supports(IoType.WRITE)).isFalse();
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.class);
        var desc = bdev.open(OpenMode.READ_ONLY);
        await(desc.read(thread.ioChannel(desc), buffer(512), 0, 512));
    }

    @Test
    void aFailureInsideAnEmulationIsTheResult() {
        TestBackend backend =
                new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ, IoType.WRITE))
                        .with((it, io) -> {
                            if (io.type() == IoType.WRITE) {
                                io.complete(-Errno.ENOSPC);
                            } else {
                                it.serve(io);
                            }
                        });
        Device device = device(custom(backend));
        DmaBuf zeroes = buffer(512);
        // Of what it does with other I/O SPDK says only that it failed.
        for (var emulated :
                List.of(
                        device.desc.writeZeroes(device.channel, 0, 1024),
                        device.desc.copy(device.channel, 0, 1024, 512),
                        device.desc.compareAndWrite(device.channel, zeroes, buffer(512), 0, 512))) {
            assertThat(completesWith(SpdkException.IoFailed.class, emulated).errno()).isIn(Errno.ENOSPC, Errno.EIO);
        }
        await(device.desc.compare(device.channel, zeroes, 0, 512));
        assertThat(device.channel.outstanding()).isZero();
    }

    @Test
    void aMiscompareWritesNothingToTheDevice() {
        TestBackend backend = new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ, IoType.WRITE));
        Device device = device(custom(backend));
        SpdkException.IoFailed failure =
                completesWith(
                        SpdkException.IoFailed.class,
                        device.desc.compareAndWrite(
                                device.channel, buffer(filled(1, 512)), buffer(filled(2, 512)), 0, 512));
        assertThat(failure.status()).isEqualTo(IoStatus.MISCOMPARE);
        assertThat(backend.seen).extracting(TestBackend.Seen::type).containsOnly(IoType.READ);
    }

    @Test
    void aCustomDeviceNeedsABackend() {
        assertThatThrownBy(() -> CustomBdev.of("c", null)).isInstanceOf(NullPointerException.class);
    }
}
