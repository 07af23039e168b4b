package io.spdkio.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BdevGeometryTest {
    @ParameterizedTest
    @ValueSource(ints = {0, -512, 256, 513, 65_536 + 512, 1 << 20})
    void blockSizesAreMultiplesOf512UpTo64KiB(int blockSize) {
        assertThatIllegalArgumentException().isThrownBy(() -> BdevGeometry.of(blockSize, 1));
    }

    @Test
    void aDeviceIsAtMostTwoToThe63BytesLessOne() {
        assertThat(BdevGeometry.of(512, Long.MAX_VALUE / 512).sizeBytes()).isEqualTo(Long.MAX_VALUE - 511);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BdevGeometry.of(512, Long.MAX_VALUE / 512 + 1))
                .withMessageContaining("2^63");
        assertThatIllegalArgumentException().isThrownBy(() -> BdevGeometry.of(512, 0));
    }

    @Test
    void limitsThatNoDeviceCanHaveAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new BdevGeometry(4096, 1, 0, false, 512, 0, 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new BdevGeometry(4096, 1, -1, false, 0, 0, 1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new BdevGeometry(4096, 1, 0, false, 0, 0, 3, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new BdevGeometry(4096, 1, 0, false, 0, 0, 1, 0));
    }
}
