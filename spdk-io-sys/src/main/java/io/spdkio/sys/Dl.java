package io.spdkio.sys;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/**
 * {@code dlopen(3)}, which says why it fails ({@link java.lang.foreign.SymbolLookup} does not), and {@code
 * sigaction(2)}, which must be asked before it.
 */
final class Dl {
    static final int SIGBUS = 7;

    /** Room for a struct sigaction on every architecture. */
    static final long SIGACTION_BYTES = 256;

    private static final int RTLD_NOW = 2;
    private static final int SIGNALS = 64;

    /** After the handler and a sigset_t of 128 bytes, in glibc and musl. */
    private static final long SA_FLAGS = 136;

    private Dl() {}

    /** Opens a library for good. */
    static MemorySegment open(Path library) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle =
                    (MemorySegment) C.DLOPEN.invokeExact(arena.allocateFrom(library.toString()), RTLD_NOW);
            if (handle.address() == 0) {
                throw new NativeException(explain(library, string((MemorySegment) C.DLERROR.invokeExact())));
            }
            return handle;
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    private static String explain(Path library, String reason) {
        String missing = Packages.missingLibrary(reason);
        return missing == null
                ? "cannot load " + library + ": " + reason
                : "cannot load " + library + ": " + missing + " is missing; " + Packages.install(missing);
    }

    static Optional<MemorySegment> find(MemorySegment library, String symbol) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = (MemorySegment) C.DLSYM.invokeExact(library, arena.allocateFrom(symbol));
            return found.address() == 0 ? Optional.empty() : Optional.of(found);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    /** {@return what every signal does now; a null entry for those that have no handler} */
    static MemorySegment[] signalActions(Arena arena) {
        MemorySegment[] actions = new MemorySegment[SIGNALS + 1];
        for (int signal = 1; signal <= SIGNALS; signal++) {
            MemorySegment action = arena.allocate(SIGACTION_BYTES, 16);
            if (sigaction(signal, MemorySegment.NULL, action) == 0) {
                actions[signal] = action;
            }
        }
        return actions;
    }

    /**
     * {@return whether handler and flags are the same; the C library leaves what it likes in the rest, and the flags of
     * a default action say nothing}
     */
    static boolean sameAction(MemorySegment one, MemorySegment other) {
        long handler = one.get(JAVA_LONG, 0);
        return handler == other.get(JAVA_LONG, 0)
                && (handler <= 1 || one.get(JAVA_INT, SA_FLAGS) == other.get(JAVA_INT, SA_FLAGS));
    }

    static int sigaction(int signal, MemorySegment action, MemorySegment old) {
        try {
            return (int) C.SIGACTION.invokeExact(signal, action, old);
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    @SuppressWarnings("restricted")
    static String string(MemorySegment pointer) {
        return pointer.address() == 0 ? "" : pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** Linked on first use, so that the class loads on every system. */
    private static final class C {
        static final MethodHandle DLOPEN = link("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
        static final MethodHandle DLERROR = link("dlerror", FunctionDescriptor.of(ADDRESS));
        static final MethodHandle DLSYM = link("dlsym", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
        static final MethodHandle SIGACTION =
                link("sigaction", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));

        private static MethodHandle link(String name, FunctionDescriptor descriptor) {
            return RawSupport.downcall(Linker.nativeLinker().defaultLookup().findOrThrow(name), descriptor);
        }
    }
}
