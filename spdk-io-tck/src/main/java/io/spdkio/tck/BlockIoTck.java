package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.IoType;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a block device that stores data does with every operation; the cases of SPDK's {@code bdevio} are among them.
 * Subclasses say which kind of device.
 */
public abstract class BlockIoTck extends EngineTck {
    private static final int BLOCK = 512;
    private static final long MIB = 1 << 20;

    /** For the subclasses. */
    protected BlockIoTck() {}

    /**
     * Makes the device under test.
     *
     * @param blocks how many blocks
     * @param blockSize bytes in a block
     * @return the device, filled with zeroes
     * @throws Exception if its surroundings can't be made
     */
    protected abstract Bdev makeDevice(long blocks, int blockSize) throws Exception;

    final Device deviceOf(long blocks, int blockSize) throws Exception {
        return device(makeDevice(blocks, blockSize));
    }

    // ---- bdevio

    @Test
    void aNewDeviceReadsAsZeroes() throws Exception {
        Device device = deviceOf(64, BLOCK);
        assertThat(device.read(0, 64 * BLOCK)).containsOnly(0);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0",
        "1, 63",
        "8, 0",
        "8, 5",
        "8, 4095",
        "30, 1000",
        "256, 0",
        "257, 7",
        "512, 3",
        "2048, 100",
        "4096, 99"
    })
    void whatWasWrittenIsRead(int blocks, long firstBlock) throws Exception {
        Device device = deviceOf(8192, BLOCK);
        byte[] before = pattern(seed, (int) (8192L * BLOCK));
        device.write(0, before);
        byte[] data = pattern(seed + 1, blocks * BLOCK);
        device.write(firstBlock * BLOCK, data);
        assertThat(device.read(firstBlock * BLOCK, data.length)).isEqualTo(data);
        System.arraycopy(data, 0, before, (int) (firstBlock * BLOCK), data.length);
        assertThat(device.read(0, before.length)).as("the whole device").isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0xff, 0xA3, 0x55})
    void everyPatternIsReadBack(int value) throws Exception {
        Device device = deviceOf(64, BLOCK);
        device.write(0, pattern(seed, 64 * BLOCK));
        byte[] data = filled(value, 8 * BLOCK);
        device.write(8 * BLOCK, data);
        assertThat(device.read(8 * BLOCK, data.length)).isEqualTo(data);
    }

    /** The block sizes of the tests that try several. */
    int blockSizeLike(int blockSize) {
        return blockSize;
    }

    @ParameterizedTest
    @ValueSource(ints = {1024, 1536, 4096, 4608, 65536})
    void anyBlockSizeStoresData(int size) throws Exception {
        int blockSize = blockSizeLike(size);
        Device device = deviceOf(33, blockSize);
        byte[] all = pattern(seed, 33 * blockSize);
        device.write(0, all);
        byte[] middle = pattern(seed + 1, 3 * blockSize);
        device.write(7L * blockSize, middle);
        System.arraycopy(middle, 0, all, 7 * blockSize, middle.length);
        assertThat(device.read(0, all.length)).isEqualTo(all);
        assertThat(device.read(32L * blockSize, blockSize))
                .isEqualTo(Arrays.copyOfRange(all, 32 * blockSize, 33 * blockSize));
    }

    @Test
    void anIoOfEightMebibytesIsOne() throws Exception {
        Device device = deviceOf(24 * MIB / BLOCK, BLOCK);
        byte[] data = pattern(seed, (int) (8 * MIB));
        device.write(5 * BLOCK, data);
        assertThat(device.read(5 * BLOCK, data.length)).isEqualTo(data);
        assertThat(device.read(0, 5 * BLOCK)).containsOnly(0);
        assertThat(device.read(5 * BLOCK + 8 * MIB, BLOCK)).containsOnly(0);
    }

    @Test
    void anIoThatEndsAtTheEndOfTheDeviceIsFine() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] data = pattern(seed, 8 * BLOCK);
        device.write(56 * BLOCK, data);
        assertThat(device.read(56 * BLOCK, data.length)).isEqualTo(data);
        byte[] last = pattern(seed + 1, BLOCK);
        device.write(63 * BLOCK, last);
        assertThat(device.read(63 * BLOCK, BLOCK)).isEqualTo(last);
        assertThat(device.read(62 * BLOCK, BLOCK)).isEqualTo(Arrays.copyOfRange(data, 6 * BLOCK, 7 * BLOCK));
    }

    @Test
    void anIoOfTheWholeDeviceIsFine() throws Exception {
        Device device = deviceOf(100, BLOCK);
        byte[] data = pattern(seed, 100 * BLOCK);
        device.write(0, data);
        assertThat(device.read(0, data.length)).isEqualTo(data);
    }

    @ParameterizedTest
    @CsvSource({
        "-512, 512",
        "0, 0",
        "0, -512",
        "1, 512",
        "511, 512",
        "0, 513",
        "0, 1",
        "256, 512",
        "32768, 512",
        "32256, 1024",
        "0, 33280",
        "33280, 512",
        "9223372036854775296, 512",
        "9223372036854775296, 1024",
        "512, 9223372036854775296",
        "-9223372036854775808, 512",
        "0, -9223372036854775808",
        "9223372036854775807, 9223372036854775807"
    })
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    void aRangeThatIsUnalignedOrNotWithinTheDeviceIsThrownAtOnce(long offset, long length) throws Exception {
        Device device = deviceOf(64, BLOCK);
        device.write(0, pattern(seed, 64 * BLOCK));
        DmaBuf buffer = buffer(128 * BLOCK);
        DmaBuf other = buffer(128 * BLOCK);
        List<Runnable> calls =
                List.of(
                        () -> device.desc.read(device.channel, buffer, offset, length),
                        () -> device.desc.write(device.channel, buffer, offset, length),
                        () -> device.desc.writeZeroes(device.channel, offset, length),
                        () -> device.desc.unmap(device.channel, offset, length),
                        () -> device.desc.flush(device.channel, offset, length),
                        () -> device.desc.compare(device.channel, buffer, offset, length),
                        () -> device.desc.compareAndWrite(device.channel, buffer, other, offset, length),
                        () -> device.desc.copy(device.channel, offset, 0, length),
                        () -> device.desc.copy(device.channel, 0, offset, length));
        for (Runnable call : calls) {
            assertThatThrownBy(call::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(device.bdev.name());
        }
        assertThat(device.channel.outstanding()).isZero();
        assertThat(buffer.isLeased()).isFalse();
        assertThat(other.isLeased()).isFalse();
        assertThat(device.read(0, 64 * BLOCK)).as("nothing was changed").isEqualTo(pattern(seed, 64 * BLOCK));
        buffer.close();
        other.close();
    }

    @Test
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    void aBufferThatIsTooSmallIsRefused() throws Exception {
        Device device = deviceOf(64, BLOCK);
        DmaBuf small = buffer(BLOCK);
        DmaBuf large = buffer(2 * BLOCK);
        List<Runnable> calls =
                List.of(
                        () -> device.desc.read(device.channel, small, 0, 2 * BLOCK),
                        () -> device.desc.write(device.channel, small, 0, 2 * BLOCK),
                        () -> device.desc.compare(device.channel, small, 0, 2 * BLOCK),
                        () -> device.desc.compareAndWrite(device.channel, small.slice(0, 100), small, 0, BLOCK),
                        () -> device.desc.compareAndWrite(device.channel, small, small.slice(0, 100), 0, BLOCK),
                        () -> device.desc.readv(device.channel, List.of(), 0),
                        () -> device.desc.writev(device.channel, List.of(), 0),
                        () -> device.desc.readv(device.channel, List.of(small, buffer(100)), 0),
                        () -> device.desc.writev(device.channel, List.of(buffer(100)), 0));
        for (Runnable call : calls) {
            assertThatThrownBy(call::run).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(small.isLeased()).isFalse();
        assertThat(large.isLeased()).isFalse();
    }

    @Test
    void aLargerBufferIsUsedAtItsBeginningOnly() throws Exception {
        Device device = deviceOf(64, BLOCK);
        device.write(0, pattern(seed, 64 * BLOCK));
        DmaBuf large = buffer(4 * BLOCK).fill((byte) 0x77);
        await(device.desc.read(device.channel, large, 0, BLOCK));
        assertThat(large.get(0, BLOCK)).isEqualTo(Arrays.copyOf(pattern(seed, 64 * BLOCK), BLOCK));
        assertThat(large.get(BLOCK, 3 * BLOCK)).containsOnly(0x77);
        await(device.desc.write(device.channel, large, 8 * BLOCK, BLOCK));
        assertThat(device.read(9 * BLOCK, BLOCK))
                .as("the block after it")
                .isEqualTo(Arrays.copyOfRange(pattern(seed, 64 * BLOCK), 9 * BLOCK, 10 * BLOCK));
    }

    @Test
    void overlappingWritesOneAfterTheOtherLeaveTheLast() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] first = pattern(seed, 2 * BLOCK);
        byte[] second = pattern(seed + 1, 2 * BLOCK);
        device.write(0, first);
        device.write(BLOCK, second);
        assertThat(device.read(0, BLOCK)).isEqualTo(Arrays.copyOf(first, BLOCK));
        assertThat(device.read(BLOCK, 2 * BLOCK)).isEqualTo(second);
    }

    // ---- vectors

    @ParameterizedTest
    @ValueSource(
            strings = {
                "512",
                "4096",
                "512,512",
                "512*30",
                "65536,66048",
                "131072,16384",
                "1,511",
                "511,1",
                "100,200,212",
                "512,1024,2048,4096",
                "3,5,7,11,486",
                "4096*16",
                "1*512",
                "1048576,512,1048576"
            })
    void vectorsKeepTheirOrder(String sizes) throws Exception {
        Device device = deviceOf(8192, BLOCK);
        List<Integer> pieces = sizesOf(sizes);
        int total = pieces.stream().mapToInt(Integer::intValue).sum();
        byte[] data = pattern(seed, total);
        List<DmaBuf> buffers = new ArrayList<>();
        int at = 0;
        for (int piece : pieces) {
            buffers.add(buffer(Arrays.copyOfRange(data, at, at + piece)));
            at += piece;
        }
        await(device.desc.writev(device.channel, buffers, 3 * BLOCK));
        assertThat(device.read(3 * BLOCK, total)).as("written by writev").isEqualTo(data);
        assertThat(device.read(0, 3 * BLOCK)).containsOnly(0);

        buffers.forEach(buffer -> buffer.fill((byte) 0));
        await(device.desc.readv(device.channel, buffers, 3 * BLOCK));
        at = 0;
        for (DmaBuf buffer : buffers) {
            assertThat(buffer.get(0, buffer.sizeBytes()))
                    .as("read by readv at %d", at)
                    .isEqualTo(Arrays.copyOfRange(data, at, at + (int) buffer.sizeBytes()));
            at += (int) buffer.sizeBytes();
        }
        buffers.forEach(DmaBuf::close);
    }

    private static List<Integer> sizesOf(String text) {
        List<Integer> sizes = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            String[] times = part.split("\\*", -1);
            for (int i = 0; i < (times.length == 1 ? 1 : Integer.parseInt(times[1])); i++) {
                sizes.add(Integer.parseInt(times[0]));
            }
        }
        return sizes;
    }

    @Test
    void aBufferMayBeginAnywhereInMemory() throws Exception {
        Device device = deviceOf(64, BLOCK);
        DmaBuf memory = buffer(64 * 1024);
        for (int begin : new int[] {1, 3, 8, 63, 511, 513, 4095, 4097}) {
            byte[] data = pattern(seed + begin, 8 * BLOCK);
            DmaBuf slice = memory.slice(begin, 8 * BLOCK);
            slice.put(0, data);
            await(device.desc.write(device.channel, slice, 8 * BLOCK, 8 * BLOCK));
            slice.fill((byte) 0);
            byte[] around = memory.get(0, memory.sizeBytes());
            await(device.desc.read(device.channel, slice, 8 * BLOCK, 8 * BLOCK));
            assertThat(slice.get(0, 8 * BLOCK)).as("begins at %d", begin).isEqualTo(data);
            System.arraycopy(data, 0, around, begin, data.length);
            assertThat(memory.get(0, memory.sizeBytes())).as("memory around the buffer").isEqualTo(around);
        }
    }

    @Test
    void aReadWritesNotABytePastTheLength() throws Exception {
        Device device = deviceOf(64, BLOCK);
        device.write(0, pattern(seed, 64 * BLOCK));
        DmaBuf memory = buffer(10 * BLOCK).fill((byte) 0x3C);
        await(
                device.desc.readv(
                        device.channel, List.of(memory.slice(BLOCK, 100), memory.slice(3 * BLOCK, BLOCK - 100)), 0));
        assertThat(memory.get(0, BLOCK)).containsOnly(0x3C);
        assertThat(memory.get(BLOCK + 100, 2 * BLOCK - 100)).containsOnly(0x3C);
        assertThat(memory.get(4 * BLOCK - 100, 6 * BLOCK + 100)).containsOnly(0x3C);
    }

    // ---- the other operations

    @ParameterizedTest
    @CsvSource({"0, 8", "5, 1", "1, 2048", "7, 6144", "100, 7168", "8191, 1", "0, 8192"})
    void writeZeroesZeroesItsRangeAndNoMore(long firstBlock, int blocks) throws Exception {
        Device device = deviceOf(8192, BLOCK);
        byte[] model = pattern(seed, 8192 * BLOCK);
        device.write(0, model);
        await(device.desc.writeZeroes(device.channel, firstBlock * BLOCK, (long) blocks * BLOCK));
        Arrays.fill(model, (int) firstBlock * BLOCK, (int) (firstBlock + blocks) * BLOCK, (byte) 0);
        assertThat(device.read(0, model.length)).isEqualTo(model);
    }

    @ParameterizedTest
    @CsvSource({"0, 8", "5, 1", "1, 2048", "7, 6144", "8191, 1"})
    void unmapTouchesItsRangeOnly(long firstBlock, int blocks) throws Exception {
        Device device = deviceOf(8192, BLOCK);
        if (!device.bdev.supports(IoType.UNMAP)) {
            completesWith(SpdkException.Unsupported.class, device.desc.unmap(device.channel, 0, BLOCK));
            return;
        }
        byte[] model = pattern(seed, 8192 * BLOCK);
        device.write(0, model);
        int from = (int) firstBlock * BLOCK;
        int to = (int) (firstBlock + blocks) * BLOCK;
        await(device.desc.unmap(device.channel, from, to - from));
        byte[] after = device.read(0, model.length);
        assertThat(Arrays.copyOf(after, from)).isEqualTo(Arrays.copyOf(model, from));
        assertThat(Arrays.copyOfRange(after, to, after.length)).isEqualTo(Arrays.copyOfRange(model, to, model.length));
        for (int block = from; block < to; block += BLOCK) {
            byte[] now = Arrays.copyOfRange(after, block, block + BLOCK);
            if (!Arrays.equals(now, Arrays.copyOfRange(model, block, block + BLOCK))) {
                assertThat(now).as("an unmapped block reads as zeroes or as before").containsOnly(0);
            }
        }
        byte[] again = pattern(seed + 1, to - from);
        device.write(from, again);
        assertThat(device.read(from, again.length)).as("written after unmap").isEqualTo(again);
    }

    @Test
    void flushKeepsTheData() throws Exception {
        Device device = deviceOf(64, BLOCK);
        if (!device.bdev.supports(IoType.FLUSH)) {
            completesWith(SpdkException.Unsupported.class, device.desc.flush(device.channel));
            return;
        }
        byte[] data = pattern(seed, 64 * BLOCK);
        device.write(0, data);
        await(device.desc.flush(device.channel));
        await(device.desc.flush(device.channel, 3 * BLOCK, BLOCK));
        assertThat(device.read(0, data.length)).isEqualTo(data);
    }

    @Test
    void theDeviceWorksAndKeepsItsDataAfterReset() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] data = pattern(seed, 64 * BLOCK);
        device.write(0, data);
        await(device.desc.reset(device.channel));
        assertThat(device.read(0, data.length)).isEqualTo(data);
        device.write(0, pattern(seed + 1, BLOCK));
        await(device.desc.reset(device.channel));
        assertThat(device.read(0, BLOCK)).isEqualTo(pattern(seed + 1, BLOCK));
    }

    @Test
    void compareSucceedsOnEqualDataAndMiscomparesOnAnyOther() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] data = pattern(seed, 8 * BLOCK);
        device.write(8 * BLOCK, data);
        await(device.desc.compare(device.channel, buffer(data), 8 * BLOCK, data.length));
        for (int position : new int[] {0, 1, BLOCK, data.length / 2, data.length - 1}) {
            byte[] other = data.clone();
            other[position] ^= 1;
            SpdkException.IoFailed failure =
                    completesWith(
                            SpdkException.IoFailed.class,
                            device.desc.compare(device.channel, buffer(other), 8 * BLOCK, data.length));
            assertThat(failure.isMiscompare()).as("differs at %d", position).isTrue();
            assertThat(failure.status()).isEqualTo(IoStatus.MISCOMPARE);
            assertThat(failure).hasMessageContaining(device.bdev.name()).hasMessageContaining("compare");
        }
        assertThat(device.read(8 * BLOCK, data.length)).as("compare changes nothing").isEqualTo(data);
    }

    @Test
    void compareAndWriteWritesOnlyWhenEqual() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] before = pattern(seed, BLOCK);
        byte[] after = pattern(seed + 1, BLOCK);
        device.write(8 * BLOCK, before);
        await(device.desc.compareAndWrite(device.channel, buffer(before), buffer(after), 8 * BLOCK, BLOCK));
        assertThat(device.read(8 * BLOCK, BLOCK)).isEqualTo(after);
        SpdkException.IoFailed failure =
                completesWith(
                        SpdkException.IoFailed.class,
                        device.desc.compareAndWrite(
                                device.channel, buffer(before), buffer(filled(9, BLOCK)), 8 * BLOCK, BLOCK));
        assertThat(failure.isMiscompare()).isTrue();
        assertThat(device.read(8 * BLOCK, BLOCK)).as("nothing is written after a miscompare").isEqualTo(after);
        assertThat(device.read(7 * BLOCK, BLOCK)).containsOnly(0);
        assertThat(device.read(9 * BLOCK, BLOCK)).containsOnly(0);
    }

    @Test
    void compareAndWriteTakesAsManyBlocksAsTheDeviceSaysAndNoMore() throws Exception {
        Device device = deviceOf(1024, BLOCK);
        int length = unitBytes(device);
        byte[] before = pattern(seed, length);
        byte[] after = pattern(seed + 1, length);
        DmaBuf compare = buffer(before);
        DmaBuf write = buffer(after);
        device.write(BLOCK, before);
        await(device.desc.compareAndWrite(device.channel, compare, write, BLOCK, length));
        assertThat(device.read(BLOCK, length)).isEqualTo(after);
        DmaBuf large = buffer(length + BLOCK);
        assertThatThrownBy(() -> device.desc.compareAndWrite(device.channel, large, large, BLOCK, length + BLOCK))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(device.bdev.name())
                .hasMessageContaining("compareAndWrite");
        assertThat(large.isLeased()).isFalse();
        assertThat(device.read(BLOCK, length)).isEqualTo(after);
    }

    @Test
    void compareAndWriteOfOneBufferWithItselfIsFine() throws Exception {
        Device device = deviceOf(64, BLOCK);
        byte[] data = pattern(seed, BLOCK);
        device.write(0, data);
        DmaBuf buffer = buffer(data);
        await(device.desc.compareAndWrite(device.channel, buffer, buffer, 0, BLOCK));
        assertThat(buffer.isLeased()).isFalse();
        buffer.close();
    }

    @ParameterizedTest
    @CsvSource({"0, 8, 8", "1, 100, 64", "4000, 0, 96", "0, 4096, 4096"})
    void copyCopiesWithinTheDevice(long from, long to, int blocks) throws Exception {
        Device device = deviceOf(8192, BLOCK);
        if (!device.bdev.supports(IoType.COPY)) {
            completesWith(SpdkException.Unsupported.class, device.desc.copy(device.channel, 0, BLOCK, BLOCK));
            return;
        }
        byte[] model = pattern(seed, 8192 * BLOCK);
        device.write(0, model);
        await(device.desc.copy(device.channel, from * BLOCK, to * BLOCK, (long) blocks * BLOCK));
        System.arraycopy(model, (int) from * BLOCK, model, (int) to * BLOCK, blocks * BLOCK);
        assertThat(device.read(0, model.length)).isEqualTo(model);
    }

    // ---- many at once

    @Test
    void manyOutstandingIosAllCompleteOnce() throws Exception {
        Device device = deviceOf(1024, BLOCK);
        byte[] data = pattern(seed, 1024 * BLOCK);
        List<IoFuture<Void>> writes = new ArrayList<>();
        List<DmaBuf> buffers = new ArrayList<>();
        int[] completions = new int[1];
        for (int i = 0; i < 1024; i++) {
            DmaBuf buffer = buffer(Arrays.copyOfRange(data, i * BLOCK, (i + 1) * BLOCK));
            buffers.add(buffer);
            IoFuture<Void> write = device.desc.write(device.channel, buffer, (long) i * BLOCK, BLOCK);
            assertThat(write.whenComplete((_, _) -> completions[0]++)).isNotNull();
            writes.add(write);
        }
        assertThat(device.channel.outstanding()).isEqualTo(1024);
        awaitAll(writes);
        assertThat(completions[0]).isEqualTo(1024);
        assertThat(device.channel.outstanding()).isZero();
        assertThat(device.read(0, data.length)).isEqualTo(data);
        buffers.forEach(DmaBuf::close);
    }

    /** Operations in random order, each alone or several on disjoint ranges at a time, against an array of bytes. */
    @ParameterizedTest
    @ValueSource(ints = {512, 1536, 4096})
    void randomOperationsDoWhatTheyDoToAnArray(int size) throws Exception {
        int blockSize = blockSizeLike(size);
        int blocks = 512;
        Device device = deviceOf(blocks, blockSize);
        byte[] model = new byte[blocks * blockSize];
        for (int round = 0; round < 150; round++) {
            int lanes = 1 + random.nextInt(8);
            int width = blocks / lanes;
            List<IoFuture<Void>> operations = new ArrayList<>();
            List<Runnable> checks = new ArrayList<>();
            List<DmaBuf> buffers = new ArrayList<>();
            for (int lane = 0; lane < lanes; lane++) {
                int count = 1 + random.nextInt(Math.min(width, 40));
                int first = lane * width + random.nextInt(width - count + 1);
                int offset = first * blockSize;
                int length = count * blockSize;
                operations.add(randomOperation(device, model, offset, length, buffers, checks));
            }
            awaitAll(operations);
            checks.forEach(Runnable::run);
            buffers.forEach(DmaBuf::close);
        }
        assertThat(device.read(0, model.length)).isEqualTo(model);
    }

    private IoFuture<Void> randomOperation(
            Device device, byte[] model, int offset, int length, List<DmaBuf> buffers, List<Runnable> checks) {
        byte[] now = Arrays.copyOfRange(model, offset, offset + length);
        byte[] fresh = new byte[length];
        random.nextBytes(fresh);
        return switch (random.nextInt(8)) {
            case 0 -> {
                DmaBuf buffer = keep(buffers, buffer(fresh));
                System.arraycopy(fresh, 0, model, offset, length);
                yield device.desc.write(device.channel, buffer, offset, length);
            }
            case 1 -> {
                DmaBuf buffer = keep(buffers, buffer(length));
                checks.add(() -> assertThat(buffer.get(0, length)).as("read").isEqualTo(now));
                yield device.desc.read(device.channel, buffer, offset, length);
            }
            case 2 -> {
                int cut = 1 + random.nextInt(length - 1);
                DmaBuf whole = keep(buffers, buffer(fresh));
                System.arraycopy(fresh, 0, model, offset, length);
                yield device.desc.writev(
                        device.channel, List.of(whole.slice(0, cut), whole.slice(cut, length - cut)), offset);
            }
            case 3 -> {
                int cut = 1 + random.nextInt(length - 1);
                DmaBuf head = keep(buffers, buffer(cut));
                DmaBuf tail = keep(buffers, buffer(length - cut));
                checks.add(() -> {
                    assertThat(head.get(0, cut)).as("readv").isEqualTo(Arrays.copyOf(now, cut));
                    assertThat(tail.get(0, length - cut)).as("readv").isEqualTo(Arrays.copyOfRange(now, cut, length));
                });
                yield device.desc.readv(device.channel, List.of(head, tail), offset);
            }
            case 4 -> {
                Arrays.fill(model, offset, offset + length, (byte) 0);
                yield device.desc.writeZeroes(device.channel, offset, length);
            }
            case 5 -> {
                yield device.desc.compare(device.channel, keep(buffers, buffer(now)), offset, length);
            }
            case 6 -> {
                int within = Math.min(length, unitBytes(device));
                System.arraycopy(fresh, 0, model, offset, within);
                yield device.desc.compareAndWrite(
                        device.channel, keep(buffers, buffer(now)), keep(buffers, buffer(fresh)), offset, within);
            }
            default ->
                    device.bdev.supports(IoType.COPY)
                            ? device.desc.copy(device.channel, offset, offset, length)
                            : device.desc.flush(device.channel);
        };
    }

    private static int unitBytes(Device device) {
        return device.bdev.geometry().compareAndWriteUnitBlocks() * device.blockSize();
    }

    private static DmaBuf keep(List<DmaBuf> buffers, DmaBuf buffer) {
        buffers.add(buffer);
        return buffer;
    }
}
