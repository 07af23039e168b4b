package io.spdkio.cli.perf;

import com.sun.management.ThreadMXBean;

import java.lang.management.ManagementFactory;

/** What threads allocate on the Java heap. */
final class Allocations {
    /** Loads slowly: a run asks for it during the warm-up. */
    private static final ThreadMXBean THREADS =
            ManagementFactory.getThreadMXBean() instanceof ThreadMXBean t && t.isThreadAllocatedMemorySupported()
                    ? t
                    : null;

    private Allocations() {}

    static long ofThisThread() {
        return THREADS == null ? 0 : THREADS.getCurrentThreadAllocatedBytes();
    }
}
