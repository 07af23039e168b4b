package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.Optional;

/** The shapes of devices: block sizes, sizes, limits. */
public abstract class GeometryTck extends EngineTck {
    /** For the subclasses. */
    protected GeometryTck() {}

    @ParameterizedTest
    @ValueSource(
            ints = {
                512, 1024, 1536, 2048, 2560, 3072, 4096, 4608, 6144, 8192, 10240, 12800, 16384, 32768, 33280, 65024,
                65536
            })
    void everyBlockSizeThatIsAMultipleOf512Works(int blockSize) {
        long blocks = 11;
        for (Bdev bdev :
                new Bdev[] {
                    create(MallocBdev.of("m", blocks * blockSize, blockSize)),
                    create(NullBdev.of("n", blocks * blockSize, blockSize))
                }) {
            assertThat(bdev.blockSize()).isEqualTo(blockSize);
            assertThat(bdev.blockCount()).isEqualTo(blocks);
            assertThat(bdev.sizeBytes()).isEqualTo(blocks * blockSize);
            Device device = device(bdev);
            byte[] data = pattern(seed, blockSize);
            device.write(10L * blockSize, data);
            if (bdev.name().equals("m")) {
                assertThat(device.read(10L * blockSize, blockSize)).isEqualTo(data);
                assertThat(device.read(9L * blockSize, blockSize)).containsOnly(0);
            }
            DmaBuf buffer = buffer(2L * blockSize);
            for (long[] bad :
                    new long[][] {
                        {blocks * blockSize, blockSize},
                        {10L * blockSize, 2L * blockSize},
                        {blockSize - 1L, blockSize},
                        {0, blockSize + 1L},
                        {0, blockSize / 2},
                        {256, blockSize}
                    }) {
                assertThatThrownBy(() -> device.desc.read(device.channel, buffer, bad[0], bad[1]))
                        .as("%d bytes at %d", bad[1], bad[0])
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1536, 2560, 4608})
    void aBlockSizeThatIsNoPowerOfTwoNeedsItsOwnMultiples(int blockSize) {
        Device device = mallocDevice(16, blockSize);
        DmaBuf buffer = buffer(4L * blockSize);
        for (long offset : new long[] {512, 1024, 2048, blockSize - 512L, blockSize + 512L}) {
            if (offset % blockSize != 0) {
                assertThatThrownBy(() -> device.desc.write(device.channel, buffer, offset, blockSize))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("block size");
                assertThatThrownBy(() -> device.desc.write(device.channel, buffer, 0, offset))
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @Test
    void anImpossibleShapeIsRefused() {
        for (int blockSize : new int[] {0, -512, 1, 256, 511, 513, 65_536 + 512, 1 << 17, Integer.MIN_VALUE}) {
            assertThatThrownBy(() -> MallocBdev.of("m", 1 << 20, blockSize))
                    .as("block size %d", blockSize)
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> BdevGeometry.of(blockSize, 8)).isInstanceOf(IllegalArgumentException.class);
        }
        for (long size : new long[] {0, -4096, 1, 4095, 4097, Long.MAX_VALUE, Long.MIN_VALUE}) {
            assertThatThrownBy(() -> NullBdev.of("n", size))
                    .as("size %d", size)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> BdevGeometry.of(512, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> BdevGeometry.of(512, Long.MAX_VALUE / 512 + 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BdevGeometry(512, 8, -1, false, 0, 0, 1, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BdevGeometry(4096, 8, 0, false, 512, 0, 1, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BdevGeometry(512, 8, 0, false, 0, 0, 3, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BdevGeometry(512, 8, 0, false, 0, 0, 1, 0))
                .isInstanceOf(IllegalArgumentException.class);
        for (int unit : new int[] {0, -1, 65_536}) {
            assertThatThrownBy(() -> BdevGeometry.of(512, 8).withCompareAndWriteUnitBlocks(unit))
                    .as("compareAndWrite unit %d", unit)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        for (int alignment : new int[] {0, -4096, 3, Integer.MIN_VALUE}) {
            assertThatThrownBy(() -> new BdevGeometry(512, 8, 0, false, 0, 0, alignment, 1))
                    .as("alignment %d", alignment)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {(4L << 30) + 4096, 5L << 40, 1L << 62, Long.MAX_VALUE - 4095})
    void aDeviceMayBeLargerThan4GiBUpTo2To63(long sizeBytes) {
        Device device = device(create(NullBdev.of("n", sizeBytes)));
        assertThat(device.bdev.sizeBytes()).isEqualTo(sizeBytes);
        DmaBuf buffer = buffer(8192);
        for (long offset : new long[] {0, (4L << 30) - 4096, 4L << 30, sizeBytes - 4096, sizeBytes / 8192 * 4096}) {
            await(device.desc.read(device.channel, buffer, offset, 4096));
            await(device.desc.write(device.channel, buffer, offset, 4096));
            await(device.desc.writeZeroes(device.channel, offset, 4096));
        }
        if (device.bdev.supports(IoType.FLUSH)) {
            await(device.desc.flush(device.channel));
        }
        for (long[] bad :
                new long[][] {
                    {sizeBytes, 4096},
                    {sizeBytes - 4096, 8192},
                    {Long.MAX_VALUE - 4095, 4096},
                    {Long.MAX_VALUE - 4095, 8192},
                    {Long.MAX_VALUE & -4096L, 4096},
                    {4096, sizeBytes},
                    {Long.MIN_VALUE, 4096},
                    {-4096, 4096}
                }) {
            if (bad[0] < 0 || bad[0] > sizeBytes - bad[1]) {
                assertThatThrownBy(() -> device.desc.writeZeroes(device.channel, bad[0], bad[1]))
                        .as("%d bytes at %d", bad[1], bad[0])
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @Test
    void anIoAcrossTheOptimalBoundaryIsAsGoodAsAnyOther() {
        Bdev bdev = create(new MallocBdev("m", 1 << 20, 512, Optional.empty(), 8));
        assertThat(bdev.geometry().optimalIoBoundaryBlocks()).isEqualTo(8);
        Device device = device(bdev);
        byte[] data = pattern(seed, 100 * 512);
        device.write(3 * 512, data);
        assertThat(device.read(3 * 512, data.length)).isEqualTo(data);
        assertThat(device.read(0, 3 * 512)).containsOnly(0);
        await(device.desc.writeZeroes(device.channel, 5 * 512, 20 * 512));
        assertThat(device.read(5 * 512, 20 * 512)).containsOnly(0);
        assertThat(device.read(25 * 512, 512)).isEqualTo(java.util.Arrays.copyOfRange(data, 22 * 512, 23 * 512));
    }

    @Test
    void aDeviceOnTopHasTheShapeOfItsBase() {
        String base = malloc(77, 1536).name();
        String passthru = create(PassthruBdev.over("p", base)).name();
        String error = create(ErrorBdev.over("e", passthru)).name();
        Bdev top = create(DelayBdev.of("d", error, Duration.ofNanos(1)));
        for (String name : new String[] {passthru, error, top.name()}) {
            Bdev bdev = env.bdevs().get(name);
            assertThat(bdev.blockSize()).isEqualTo(1536);
            assertThat(bdev.blockCount()).isEqualTo(77);
            assertThat(bdev.productName()).isNotBlank();
        }
    }

    @Test
    void aNullReadLeavesTheBufferAsItIs() {
        Device device = device(create(NullBdev.of("n", 1 << 20)));
        DmaBuf buffer = buffer(4096).fill((byte) 0x5A);
        await(device.desc.read(device.channel, buffer, 0, 4096));
        assertThat(buffer.get(0, 4096)).containsOnly(0x5A);
    }
}
