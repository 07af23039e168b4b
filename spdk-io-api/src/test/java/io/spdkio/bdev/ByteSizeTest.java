package io.spdkio.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "512, 512",
        "4k, 4096",
        "4K, 4096",
        "4KiB, 4096",
        "4kb, 4096",
        "512B, 512",
        "1.5G, 1610612736",
        "64MiB, 67108864",
        "1T, 1099511627776",
        "9223372036854775807, 9223372036854775807",
        "7E, 8070450532247928832"
    })
    void sizesAreReadInPowersOf1024(String text, long bytes) {
        assertThat(ByteSize.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "k",
                "iB",
                "4 xk",
                "-1",
                "4kk",
                "0.3",
                "8E",
                "9223372036854775808",
                "1e3",
                "4iB",
                "1.2.3",
                "٣",
                "99999999999999999999999999999999"
            })
    void whatIsNoSizeIsRefusedWithAnExample(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> ByteSize.parse(text)).withMessageContaining("64MiB");
    }

    @ParameterizedTest
    @CsvSource({"0, 0 B", "4097, 4097 B", "4096, 4 KiB", "67108864, 64 MiB", "1099511627776, 1 TiB"})
    void sizesAreWrittenInTheLargestUnitThatDividesThem(long bytes, String text) {
        assertThat(ByteSize.format(bytes)).isEqualTo(text);
    }
}
