package io.spdkio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CpuSetTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    0x1        | [0]
                    0x3        | [0,1]
                    F0         | [4,5,6,7]
                    0x100000000000000000 | [68]
                    [0]        | [0]
                    [0,2-4]    | [0,2,3,4]
                    [ 1 , 3 ]  | [1,3]
                    """)
    void masksAndListsAreRead(String text, String cores) {
        assertThat(CpuSet.parse(text)).hasToString(cores);
        assertThat(CpuSet.parse(cores)).isEqualTo(CpuSet.parse(text)).hasSameHashCodeAs(CpuSet.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0x", "0", "[]", "[1", "xyz", "[3-1]", "[-1]", "[1024]", "[a]", "[0-99999999999]"})
    void whatIsNoCoreMaskIsRefusedByName(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> CpuSet.parse(text))
                .withMessageMatching("(?s).*(core|mask).*");
    }

    @Test
    void coresAreKnownByNumber() {
        CpuSet set = CpuSet.of(5, 1);
        assertThat(set.cores()).containsExactly(1, 5);
        assertThat(set.size()).isEqualTo(2);
        assertThat(set.contains(5)).isTrue();
        assertThat(set.contains(2)).isFalse();
        assertThat(set.contains(-1)).isFalse();
        assertThatIllegalArgumentException().isThrownBy(() -> CpuSet.of());
    }
}
