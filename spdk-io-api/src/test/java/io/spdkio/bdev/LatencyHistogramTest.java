package io.spdkio.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

class LatencyHistogramTest {
    @Test
    void bucketsAreInOrderAndKeepAValueToWithinOnePercent() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 10_000; i++) {
            long nanos = random.nextLong() >>> (1 + random.nextInt(63));
            LatencyHistogram histogram = new LatencyHistogram();
            histogram.record(nanos);
            histogram.forEach((from, to, count) -> {
                assertThat(nanos).isBetween(from, to);
                assertThat(count).isEqualTo(1);
                assertThat((double) (to - from)).isLessThanOrEqualTo(Math.max(0, from / 100.0));
            });
        }
        LatencyHistogram all = new LatencyHistogram();
        for (long nanos : new long[] {-5, 0, 1, 127, 128, 255, 256, 1L << 40, Long.MAX_VALUE}) {
            all.record(nanos);
        }
        List<Long> ends = new ArrayList<>();
        all.forEach((from, to, _) -> {
            ends.add(from);
            ends.add(to);
        });
        assertThat(ends).isSorted();
        assertThat(all.count()).isEqualTo(9);
        assertThat(all.nanosAtPercentile(100)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void percentilesAndMeanAreThoseOfTheValues() {
        LatencyHistogram histogram = new LatencyHistogram();
        for (int i = 1; i <= 1000; i++) {
            histogram.record(i * 1000L);
        }
        assertThat((double) histogram.nanosAtPercentile(50)).isCloseTo(500_000, within(5_000.0));
        assertThat((double) histogram.nanosAtPercentile(99)).isCloseTo(990_000, within(9_900.0));
        assertThat((double) histogram.nanosAtPercentile(0)).isCloseTo(1_000, within(10.0));
        assertThat(histogram.meanNanos()).isCloseTo(500_500, within(5_000.0));
        assertThatIllegalArgumentException().isThrownBy(() -> histogram.nanosAtPercentile(101));
    }

    @Test
    void histogramsAddUpAndAreReset() {
        LatencyHistogram a = new LatencyHistogram();
        LatencyHistogram b = new LatencyHistogram();
        a.record(10);
        b.record(10);
        b.record(20);
        assertThat(a.add(b).count()).isEqualTo(3);
        a.reset();
        assertThat(a.count()).isZero();
        assertThat(a.nanosAtPercentile(50)).isZero();
        assertThat(a.meanNanos()).isZero();
    }
}
