package io.spdkio.bench;

/**
 * Random offsets: xorshift64, and its range reduced by multiplication, as division would be a quarter of a null I/O.
 */
final class Offsets {
    private final long positions;
    private long state = 0x9E3779B97F4A7C15L;

    Offsets(long positions) {
        this.positions = positions;
    }

    /** The next one, a multiple of the I/O size. */
    long next() {
        long x = state;
        x ^= x << 13;
        x ^= x >>> 7;
        x ^= x << 17;
        state = x;
        return Math.unsignedMultiplyHigh(x, positions) * Device.IO_BYTES;
    }
}
