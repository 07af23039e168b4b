package io.spdkio.embedded.linux;

import io.spdkio.Errno;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What io_uring offers here, found by making a ring and giving it back.
 *
 * @param cause why there is no io_uring and what to do about it, empty when there is
 * @param setupFlags the best flags that the kernel accepts, {@code IORING_SETUP_…}
 * @param features the kernel's {@code IORING_FEAT_…}
 * @param bufferCause why memory cannot be registered, empty when it can; I/O works all the same, a little slower
 */
public record IoUringSupport(Optional<String> cause, int setupFlags, int features, Optional<String> bufferCause) {

    /** {@return whether rings can be made} */
    public boolean isAvailable() {
        return cause.isEmpty();
    }

    /** {@return what this machine offers at this moment} */
    public static IoUringSupport probe() {
        if (!Linux.isAvailable()) {
            return unavailable(Linux.unavailabilityCause().orElseThrow());
        }
        try (IoUring ring = new IoUring(4, 8)) {
            return new IoUringSupport(Optional.empty(), ring.setupFlags(), ring.features(), tryBuffers(ring));
        } catch (ErrnoException e) {
            return unavailable(e.getMessage());
        }
    }

    private static IoUringSupport unavailable(String cause) {
        return new IoUringSupport(Optional.of(cause), 0, 0, Optional.of(cause));
    }

    private static Optional<String> tryBuffers(IoUring ring) {
        try (Arena arena = Arena.ofConfined()) {
            ring.registerBufferTable(1);
            ring.updateBuffer(0, arena.allocate(4096, 4096));
            ring.updateBuffer(0, MemorySegment.NULL);
            return Optional.empty();
        } catch (ErrnoException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** {@return the names of the setup flags that matter for speed} */
    public List<String> setupFlagNames() {
        String[] names = {"SUBMIT_ALL", "COOP_TASKRUN", "TASKRUN_FLAG", "NO_SQARRAY"};
        int[] bits = {7, 8, 9, 16};
        List<String> set = new ArrayList<>();
        for (int i = 0; i < names.length; i++) {
            if ((setupFlags >> bits[i] & 1) != 0) {
                set.add(names[i]);
            }
        }
        return List.copyOf(set);
    }

    /** {@return what to do about an errno from io_uring, or null} */
    static String advice(int errno) {
        return switch (errno) {
            case Errno.ENOSYS ->
                    "this kernel has no io_uring (Linux 5.6 or later has), or a container's seccomp profile hides it";
            case Errno.EPERM, Errno.EACCES -> forbidden();
            case Errno.ENOMEM ->
                    "locked memory is limited to "
                            + LinuxMemory.lockedLimitBytes()
                            + " bytes: raise it with ulimit -l, LimitMEMLOCK= or --ulimit memlock=";
            case Errno.EMFILE, Errno.ENFILE -> "raise the limit of open files with ulimit -n";
            default -> null;
        };
    }

    private static String forbidden() {
        String setting;
        try {
            setting = Files.readString(Path.of("/proc/sys/kernel/io_uring_disabled")).strip();
        } catch (java.io.IOException noSuchSetting) {
            setting = "0";
        }
        return switch (setting) {
            case "1" ->
                    "kernel.io_uring_disabled is 1: allow this user's group with sysctl kernel.io_uring_group,"
                            + " or all with sysctl kernel.io_uring_disabled=0";
            case "2" -> "kernel.io_uring_disabled is 2: allow it with sysctl kernel.io_uring_disabled=0";
            default ->
                    "a seccomp profile or security module forbids it, as containers do:"
                            + " allow io_uring_setup, io_uring_enter and io_uring_register there";
        };
    }
}
