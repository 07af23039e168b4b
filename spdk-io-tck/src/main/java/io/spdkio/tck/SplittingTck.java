package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What is larger than a device takes reaches it in pieces that are not. */
public abstract class SplittingTck extends EngineTck {
    private static final int BLOCK = 512;

    /** For the subclasses. */
    protected SplittingTck() {}

    private static TestBackend limited(int boundaryBlocks, long maxIoBytes, int maxSegments) {
        return new TestBackend(
                new BdevGeometry(BLOCK, 4096, boundaryBlocks, boundaryBlocks > 0, maxIoBytes, maxSegments, 1, 1));
    }

    /** Every piece obeys the limits, and together they are the range, without gap or overlap. */
    private static void assertPieces(
            TestBackend backend, IoType type, long offset, long length, int boundary, long maxBytes, int maxSegments) {
        List<TestBackend.Seen> pieces = new ArrayList<>(backend.seen);
        pieces.sort((a, b) -> Long.compare(a.offsetBlocks(), b.offsetBlocks()));
        long at = offset / BLOCK;
        for (TestBackend.Seen piece : pieces) {
            assertThat(piece.type()).isEqualTo(type);
            assertThat(piece.offsetBlocks()).as("begins where the one before ended").isEqualTo(at);
            at += piece.blockCount();
            if (maxBytes > 0) {
                assertThat(piece.blockCount() * BLOCK).isLessThanOrEqualTo(maxBytes);
            }
            if (maxSegments > 0) {
                assertThat(piece.segments()).isLessThanOrEqualTo(maxSegments);
            }
            if (boundary > 0) {
                assertThat(piece.offsetBlocks() / boundary)
                        .as("crosses no boundary")
                        .isEqualTo((piece.offsetBlocks() + piece.blockCount() - 1) / boundary);
            }
        }
        assertThat(at).isEqualTo((offset + length) / BLOCK);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4096, 0",
        "0, 512, 0",
        "0, 5120, 0",
        "8, 0, 0",
        "1, 0, 0",
        "7, 0, 0",
        "8, 2048, 0",
        "64, 4096, 2",
        "0, 0, 1",
        "0, 0, 2",
        "0, 0, 3",
        "0, 1536, 1",
        "5, 1024, 1"
    })
    void anIoIsSplitAtTheDevicesLimits(int boundary, long maxBytes, int maxSegments) {
        TestBackend backend = limited(boundary, maxBytes, maxSegments);
        Device device = device(custom(backend));
        byte[] model = pattern(seed, 4096 * BLOCK);
        for (int i = 0; i < 4096; i += 256) {
            device.write((long) i * BLOCK, Arrays.copyOfRange(model, i * BLOCK, (i + 256) * BLOCK));
        }
        for (int round = 0; round < 30; round++) {
            int blocks = 1 + random.nextInt(100);
            int offset = random.nextInt(4096 - blocks) * BLOCK;
            int length = blocks * BLOCK;
            List<DmaBuf> buffers = randomPieces(length);
            byte[] data = pattern(seed + round, length);
            int at = 0;
            for (DmaBuf buffer : buffers) {
                buffer.put(0, Arrays.copyOfRange(data, at, at + (int) buffer.sizeBytes()));
                at += (int) buffer.sizeBytes();
            }
            backend.seen.clear();
            await(device.desc.writev(device.channel, buffers, offset));
            assertPieces(backend, IoType.WRITE, offset, length, boundary, maxBytes, maxSegments);
            System.arraycopy(data, 0, model, offset, length);

            int readBlocks = 1 + random.nextInt(100);
            int readOffset = random.nextInt(4096 - readBlocks) * BLOCK;
            List<DmaBuf> targets = randomPieces(readBlocks * BLOCK);
            backend.seen.clear();
            await(device.desc.readv(device.channel, targets, readOffset));
            assertPieces(backend, IoType.READ, readOffset, (long) readBlocks * BLOCK, boundary, maxBytes, maxSegments);
            at = readOffset;
            for (DmaBuf target : targets) {
                assertThat(target.get(0, target.sizeBytes()))
                        .isEqualTo(Arrays.copyOfRange(model, at, at + (int) target.sizeBytes()));
                at += (int) target.sizeBytes();
            }
            buffers.forEach(DmaBuf::close);
            targets.forEach(DmaBuf::close);
        }
    }

    private List<DmaBuf> randomPieces(int length) {
        List<DmaBuf> buffers = new ArrayList<>();
        int left = length;
        while (left > 0) {
            int size =
                    switch (random.nextInt(4)) {
                        case 0 -> 1 + random.nextInt(700);
                        case 1 -> BLOCK;
                        case 2 -> BLOCK * (1 + random.nextInt(20));
                        default -> 1 + random.nextInt(20_000);
                    };
            buffers.add(buffer(Math.min(size, left)));
            left -= size;
        }
        return buffers;
    }

    @Test
    void unmapWriteZeroesAndFlushObeyTheBoundaryAndArriveWhole() {
        TestBackend backend = limited(8, 0, 0);
        Device device = device(custom(backend));
        for (int i = 0; i < 4096; i += 512) {
            device.write((long) i * BLOCK, filled(7, 512 * BLOCK));
        }
        backend.seen.clear();
        await(device.desc.writeZeroes(device.channel, 3 * BLOCK, 100 * BLOCK));
        assertThat(device.read(2 * BLOCK, BLOCK)).containsOnly(7);
        assertThat(device.read(3 * BLOCK, 100 * BLOCK)).containsOnly(0);
        assertThat(device.read(103 * BLOCK, BLOCK)).containsOnly(7);
        await(device.desc.unmap(device.channel, 200 * BLOCK, 100 * BLOCK));
        assertThat(device.read(199 * BLOCK, BLOCK)).containsOnly(7);
        assertThat(device.read(200 * BLOCK, 100 * BLOCK)).containsOnly(0);
        assertThat(device.read(300 * BLOCK, BLOCK)).containsOnly(7);
        await(device.desc.flush(device.channel));
    }

    @Test
    void aSplitIoFailsAsAWholeOnceAndAfterAllItsPieces() {
        TestBackend backend = limited(0, 1024, 0);
        Device device = device(custom(backend));
        backend.script =
                (it, io) -> {
                    if (io.offsetBlocks() == 8) {
                        io.complete(-Errno.EIO);
                    } else {
                        it.serve(io);
                    }
                };
        DmaBuf buffer = buffer(32 * BLOCK);
        int[] completions = new int[1];
        IoFuture<Void> write = device.desc.write(device.channel, buffer, 0, 32 * BLOCK);
        assertThat(write.whenComplete((_, _) -> completions[0]++)).isNotNull();
        assertThat(completesWith(SpdkException.IoFailed.class, write).errno()).isEqualTo(Errno.EIO);
        poll(20);
        assertThat(completions[0]).isEqualTo(1);
        assertThat(device.channel.outstanding()).isZero();
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aSplitIoWhosePiecesFindNoMemoryStillSucceeds() {
        TestBackend backend = limited(0, 512, 0);
        Device device = device(custom(backend));
        backend.script =
                (it, io) -> {
                    if (random.nextInt(3) == 0) {
                        io.complete(-Errno.ENOMEM);
                    } else {
                        it.serve(io);
                    }
                };
        byte[] data = pattern(seed, 200 * BLOCK);
        device.write(BLOCK, data);
        assertThat(device.read(BLOCK, data.length)).isEqualTo(data);
    }

    @Test
    void aSplitIoCanBeAborted() {
        TestBackend backend = limited(0, 512, 0).with(TestBackend::hold);
        backend.abortable = true;
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(100 * BLOCK);
        IoFuture<Void> write = device.desc.write(device.channel, buffer, 0, 100 * BLOCK);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        assertThat(await(device.desc.abort(device.channel, write))).isTrue();
        assertThat(write.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        assertThat(buffer.isLeased()).isFalse();
        assertThat(backend.held).isEmpty();
    }

    @Test
    void aLeaseLastsUntilTheLastPiece() {
        TestBackend backend = limited(0, 512, 0).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(4 * BLOCK);
        IoFuture<Void> write = device.desc.write(device.channel, buffer, 0, 4 * BLOCK);
        int served = 0;
        while (served < 4) {
            pollUntil("the next piece", () -> !backend.held.isEmpty());
            assertThat(buffer.isLeased()).isTrue();
            assertThat(write).isNotDone();
            backend.serve(backend.held.removeFirst());
            served++;
        }
        await(write);
        buffer.close();
    }
}
