package io.spdkio.embedded.linux;

import java.util.Optional;
import java.util.Set;

/** Whether Linux system calls can be made from this JVM, and why not. */
public final class Linux {

    private static final Set<String> LITTLE_ENDIAN_64_BIT = Set.of("amd64", "x86_64", "aarch64", "riscv64");

    private Linux() {}

    /** {@return whether system calls can be made} */
    public static boolean isAvailable() {
        return unavailabilityCause().isEmpty();
    }

    /** {@return why system calls cannot be made and what to do about it, empty when they can} */
    public static Optional<String> unavailabilityCause() {
        return Optional.ofNullable(Availability.CAUSE);
    }

    /**
     * Fails when system calls cannot be made.
     *
     * @throws UnsupportedOperationException with the cause
     */
    public static void ensureAvailable() {
        if (Availability.CAUSE != null) {
            throw new UnsupportedOperationException(Availability.CAUSE);
        }
    }

    static boolean isX86() {
        String arch = System.getProperty("os.arch");
        return arch.equals("amd64") || arch.equals("x86_64");
    }

    static boolean isAarch64() {
        return System.getProperty("os.arch").equals("aarch64");
    }

    /** Asked for once; kept apart so that loading {@link Linux} touches nothing native. */
    private static final class Availability {
        static final String CAUSE = findCause();

        private static String findCause() {
            String os = System.getProperty("os.name");
            if (!os.equals("Linux")) {
                return "Linux system calls are not available on " + os;
            }
            String arch = System.getProperty("os.arch");
            if (!LITTLE_ENDIAN_64_BIT.contains(arch)) {
                return "Linux system calls are not known for the processor architecture " + arch;
            }
            try {
                Syscall.GETPID.call();
                return null;
            } catch (IllegalCallerException e) {
                return "native access is denied to this module: start Java with"
                        + " --enable-native-access=io.spdkio.embedded ("
                        + e.getMessage()
                        + ")";
            } catch (Exception | LinkageError e) {
                return "syscall(2) cannot be called from this JVM: " + e;
            }
        }
    }
}
