package io.spdkio.libspdk;

import io.spdkio.CpuSet;
import io.spdkio.SpdkException;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;

/** The CPUs of this process, and pinning to them. */
final class Cpus {
    private Cpus() {}

    /** Those that the process may use, as the kernel lists them for its main thread. */
    static CpuSet ofThisProcess() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("Cpus_allowed_list:"))
                    .map(line -> parse(line.substring(line.indexOf(':') + 1).strip()))
                    .findFirst()
                    .orElseGet(Cpus::fallback);
        } catch (IOException e) {
            return fallback();
        }
    }

    private static CpuSet fallback() {
        BitSet all = new BitSet();
        all.set(0, Runtime.getRuntime().availableProcessors());
        return CpuSet.of(all.stream().toArray());
    }

    /** A list such as {@code 0-3,8}. */
    static CpuSet parse(String list) {
        BitSet bits = new BitSet();
        for (String range : list.split(",", -1)) {
            int dash = range.indexOf('-');
            int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
            int last = dash < 0 ? first : Integer.parseInt(range.substring(dash + 1));
            bits.set(first, last + 1);
        }
        bits.clear(CpuSet.MAX_CORES, Math.max(CpuSet.MAX_CORES, bits.length()));
        return CpuSet.of(bits.stream().toArray());
    }

    /** Pins the calling OS thread. */
    @SuppressWarnings("restricted")
    static void pinCurrentThread(CpuSet to) {
        BitSet bits = new BitSet();
        to.cores().forEach(bits::set);
        byte[] bytes = bits.toByteArray();
        Linker linker = Linker.nativeLinker();
        MethodHandle setAffinity =
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("sched_setaffinity"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
                        Linker.Option.captureCallState("errno"));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            MemorySegment mask = arena.allocate(Math.ceilDiv(bytes.length, 8) * 8L, 8);
            MemorySegment.copy(bytes, 0, mask, ValueLayout.JAVA_BYTE, 0, bytes.length);
            int rc = (int) setAffinity.invokeExact(errno, 0, mask.byteSize(), mask);
            if (rc != 0) {
                throw SpdkException.of("pinning a thread to cores " + to, -errno.get(ValueLayout.JAVA_INT, 0));
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
