package io.spdkio.embedded.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.util.BitSet;

@RequiresLinux
class CpuAffinityTest {

    @Test
    void pinnedThreadRunsOnThatCpuOnly() {
        BitSet before = CpuAffinity.ofCurrentThread();
        BitSet one = new BitSet();
        one.set(before.length() - 1);
        try {
            CpuAffinity.pinCurrentThread(one);
            assertThat(CpuAffinity.ofCurrentThread()).isEqualTo(one);
        } finally {
            CpuAffinity.pinCurrentThread(before);
        }
        assertThat(CpuAffinity.ofCurrentThread()).isEqualTo(before);
    }

    @Test
    void pinningToCpuThatIsNotThereSaysWhichAre() {
        BitSet none = new BitSet();
        none.set(1000);
        assertThatThrownBy(() -> CpuAffinity.pinCurrentThread(none))
                .isInstanceOf(ErrnoException.class)
                .hasMessageContaining("EINVAL")
                .hasMessageContaining("CPUs allowed here: " + CpuAffinity.ofCurrentThread());
    }
}
