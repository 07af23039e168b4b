package io.spdkio.embedded.linux;

import io.spdkio.Errno;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * The CPUs that the calling OS thread may run on ({@code sched_setaffinity(2)}). A virtual thread asks about, and pins,
 * its carrier.
 */
public final class CpuAffinity {

    private static final int MOST_CPUS = 1 << 16;

    private CpuAffinity() {}

    /** {@return the CPUs on which the calling thread may run} */
    public static BitSet ofCurrentThread() {
        Linux.ensureAvailable();
        // The kernel refuses (EINVAL) a mask that is smaller than its own, whose size it does not tell.
        for (int cpus = 1024; ; cpus *= 4) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment mask = arena.allocate(cpus / 8, 8);
                long bytes = Syscall.SCHED_GETAFFINITY.call(0, mask.byteSize(), mask.address());
                if (bytes == -Errno.EINVAL && cpus < MOST_CPUS) {
                    continue;
                }
                ErrnoException.check(bytes, "cannot read the CPU affinity of", Thread.currentThread());
                return BitSet.valueOf(mask.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE));
            }
        }
    }

    /**
     * Lets the calling thread run on these CPUs only.
     *
     * @throws ErrnoException EINVAL when none of them exists or is allowed to this process
     */
    public static void pinCurrentThread(BitSet cpus) {
        Linux.ensureAvailable();
        byte[] bits = cpus.toByteArray();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(Math.max(8, Math.ceilDiv(bits.length, 8) * 8L), 8);
            MemorySegment.copy(bits, 0, mask, ValueLayout.JAVA_BYTE, 0, bits.length);
            long result = Syscall.SCHED_SETAFFINITY.call(0, mask.byteSize(), mask.address());
            if (result < 0) {
                throw new ErrnoException(
                        (int) -result,
                        "cannot pin " + Thread.currentThread() + " to CPUs " + cpus,
                        "CPUs allowed here: " + ofCurrentThread());
            }
        }
    }
}
