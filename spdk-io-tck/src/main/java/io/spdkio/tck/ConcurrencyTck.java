package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/** Several threads on one device. */
public abstract class ConcurrencyTck extends EngineTck {
    /** For the subclasses. */
    protected ConcurrencyTck() {}

    /** Each thread adds one to a counter on the device by compareAndWrite; no addition is lost. */
    private void countTogether(Bdev bdev, int threads, int each) {
        List<JoinHandle<Integer>> workers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            workers.add(
                    env.spawnThread(
                            "counter" + t,
                            it -> {
                                BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                                IoChannel channel = it.ioChannel(desc);
                                DmaBuf found = buffer(512);
                                DmaBuf next = buffer(512);
                                int misses = 0;
                                for (int i = 0; i < each; ) {
                                    bounded(desc.read(channel, found, 512, 512)).join();
                                    long value = found.segment().get(ValueLayout.JAVA_LONG, 0);
                                    next.segment().set(ValueLayout.JAVA_LONG, 0, value + 1);
                                    next.segment().set(ValueLayout.JAVA_LONG, 504, value + 1);
                                    try {
                                        bounded(desc.compareAndWrite(channel, found, next, 512, 512)).join();
                                        i++;
                                    } catch (SpdkException.IoFailed e) {
                                        assertThat(e.isMiscompare()).isTrue();
                                        misses++;
                                    }
                                }
                                desc.close();
                                return misses;
                            }));
        }
        for (JoinHandle<Integer> worker : workers) {
            pollUntil("the counting", worker.result()::isDone);
            assertThat(worker.join()).isNotNegative();
        }
        Device device = device(bdev);
        try (DmaBuf buffer = buffer(512)) {
            await(device.desc.read(device.channel, buffer, 512, 512));
            assertThat(buffer.segment().get(ValueLayout.JAVA_LONG, 0)).isEqualTo((long) threads * each);
            assertThat(buffer.segment().get(ValueLayout.JAVA_LONG, 504)).isEqualTo((long) threads * each);
        }
        device.close();
    }

    @Test
    void compareAndWriteIsOneStepAmongThreads() {
        countTogether(malloc(64, 512), 3, 500);
    }

    @Test
    void anEmulatedCompareAndWriteIsOneStepToo() {
        countTogether(
                custom(
                        new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ, IoType.WRITE)) {
                            @Override
                            void serve(io.spdkio.bdev.BdevIo io) {
                                synchronized (this) {
                                    super.serve(io);
                                }
                            }
                        }),
                3,
                300);
    }

    @Test
    void compareAndWriteThroughAPassthruIsOneStep() {
        countTogether(create(PassthruBdev.over("p", malloc(64, 512).name())), 2, 300);
    }

    @Test
    void aPlainWriteDoesNotSlipIntoACompareAndWrite() {
        // The backend reads slowly: between compare and write there is time for others.
        TestBackend backend = new TestBackend(BdevGeometry.of(512, 64), EnumSet.of(IoType.READ, IoType.WRITE));
        Device device = device(custom(backend));
        device.write(0, filled(1, 512));
        backend.script = TestBackend::hold;
        var swap = device.desc.compareAndWrite(device.channel, buffer(filled(1, 512)), buffer(filled(2, 512)), 0, 512);
        pollUntil("its read", () -> backend.held.size() == 1);
        var write = device.desc.write(device.channel, buffer(filled(3, 512)), 0, 512);
        var elsewhere = device.desc.write(device.channel, buffer(filled(4, 512)), 1024, 512);
        poll(20);
        assertThat(backend.held).as("a write to another range passes; one to this range waits").hasSize(2);
        backend.script = TestBackend::serve;
        backend.serveHeld();
        await(swap);
        await(write);
        await(elsewhere);
        assertThat(device.read(0, 512)).as("the write came after").containsOnly(3);
        assertThat(backend.seen.stream().filter(it -> it.type() == IoType.WRITE && it.offsetBlocks() == 0)).hasSize(3);
    }

    @Test
    void writersOfDifferentBlocksDoNotDisturbEachOther() {
        Bdev bdev = malloc(1024, 512);
        List<JoinHandle<Integer>> workers = new ArrayList<>();
        for (int t = 0; t < 3; t++) {
            int mark = t + 1;
            workers.add(
                    env.spawnThread(
                            "writer" + t,
                            it -> {
                                BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                                IoChannel channel = it.ioChannel(desc);
                                DmaBuf buffer = buffer(512);
                                int wrong = 0;
                                for (int round = 0; round < 20; round++) {
                                    for (int block = mark; block < 1024; block += 3) {
                                        buffer.fill((byte) (mark + 10 * round));
                                        bounded(desc.write(channel, buffer, block * 512L, 512)).join();
                                    }
                                    for (int block = mark; block < 1024; block += 3) {
                                        bounded(desc.read(channel, buffer, block * 512L, 512)).join();
                                        if (buffer.get(511, 1)[0] != (byte) (mark + 10 * round)) {
                                            wrong++;
                                        }
                                    }
                                }
                                desc.close();
                                return wrong;
                            }));
        }
        for (JoinHandle<Integer> worker : workers) {
            pollUntil("the writing", worker.result()::isDone);
            assertThat(worker.join()).isZero();
        }
    }
}
