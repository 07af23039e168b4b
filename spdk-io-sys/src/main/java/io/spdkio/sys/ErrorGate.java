package io.spdkio.sys;

import java.lang.foreign.MemorySegment;

/**
 * Lets a share of a bdev's I/O fail, chosen by a seed, which SPDK's error bdev cannot. The gate is before the device
 * itself, so it does not matter through which bdevs above or whose descriptors the I/O comes. It is there as long as
 * the device; without a rule it costs a few instructions an I/O.
 *
 * <p>An operation has one rule. Its choice is that of {@link java.util.SplittableRandom}: the n-th I/O since the rule
 * was set is hit if the n-th {@code nextDouble} is less than the rate. With I/O on several threads their order decides
 * which those are.
 *
 * <p>Raw: the device must still be there when a method is called. {@link #install} belongs on the OS thread that
 * carries SPDK's app thread, the others may be called on any.
 */
public final class ErrorGate {
    /** What becomes of I/O that is hit. */
    public enum Mode {
        /** It fails, with SPDK_BDEV_IO_STATUS_FAILED. */
        FAILURE,
        /** SPDK submits it again after others have completed; it may be hit again. Not for resets. */
        NOMEM
    }

    /** C's numbers. */
    private static final int FAILURE = 0;

    private static final int NOMEM = 1;

    private final MemorySegment gate;

    private ErrorGate(MemorySegment gate) {
        this.gate = gate;
    }

    /**
     * Puts a gate before a device, or finds the one that it has.
     *
     * @param bdev address of the struct spdk_bdev
     * @return the gate
     * @throws NativeException when there is no memory for it
     */
    public static ErrorGate install(long bdev) {
        MemorySegment gate = Bridge.gateInstall(bdev);
        if (gate.address() == 0) {
            throw new NativeException("no memory for an error gate");
        }
        return new ErrorGate(gate);
    }

    /**
     * Sets the rule of an operation, in place of the one that it has.
     *
     * @param operation READ, WRITE, WRITE_ZEROES, UNMAP, FLUSH, RESET, COMPARE, COMPARE_AND_WRITE, COPY or ABORT of
     *     {@link BdevRing}, as the device is asked: what it does not do itself arrives as reads and writes
     * @param mode what becomes of what is hit
     * @param rate the share that is hit, from 0 to 1
     * @param seed decides which
     * @param count how many are hit at most, at least 1
     */
    public void set(int operation, Mode mode, double rate, long seed, long count) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new IllegalArgumentException("a rate of " + rate + " is not from 0 to 1");
        }
        long threshold = (long) Math.ceil(rate * 0x1.0p53);
        if (Bridge.gateSet(gate, operation, mode == Mode.NOMEM ? NOMEM : FAILURE, threshold, seed, count) != 0) {
            throw new IllegalArgumentException(
                    "no rule for operation " + operation + ", " + mode + ", count " + count + " is possible");
        }
    }

    /** Ends all rules. */
    public void clear() {
        Bridge.gateClear(gate);
    }
}
