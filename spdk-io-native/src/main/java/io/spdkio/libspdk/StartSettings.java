package io.spdkio.libspdk;

import io.spdkio.CpuSet;
import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.spi.EngineConfig;
import io.spdkio.sys.raw.spdk_env_opts;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What SPDK is started with.
 *
 * @param name the process's name in DPDK
 * @param mainCore where SPDK's own thread begins
 * @param bufferMb how many MiB are for buffers and devices in memory; empty: hugepages as they are needed
 * @param shmId DPDK's shared-memory id, or -1
 * @param noPci whether to skip the PCI bus
 * @param noHuge whether to use ordinary memory
 * @param singleSegments whether to make one file for all hugepages
 */
record StartSettings(
        String name,
        int mainCore,
        OptionalInt bufferMb,
        int shmId,
        boolean noPci,
        boolean noHuge,
        boolean singleSegments) {
    /** What SPDK's pools of I/Os, buffers and messages take, measured with v26.01 and rounded up. */
    private static final int POOLS_MB = 448;

    /** Ordinary memory is taken at the start, so there has to be a number. */
    private static final int DEFAULT_BUFFER_MB = 1024;

    static StartSettings of(EngineConfig config) {
        CpuSet usable = Cpus.ofThisProcess();
        CpuSet cores = cores(config, usable);
        if (config.noHuge() && config.hugepageSingleSegments()) {
            throw new IllegalArgumentException(
                    "noHuge and hugepageSingleSegments exclude each other; leave one of them out");
        }
        OptionalInt bufferMb =
                config.memSizeMb().isPresent() || !config.noHuge()
                        ? config.memSizeMb()
                        : OptionalInt.of(DEFAULT_BUFFER_MB);
        StartSettings settings =
                new StartSettings(
                        config.name(),
                        config.mainCore().orElse(cores.cores().getFirst()),
                        bufferMb,
                        config.shmId(),
                        config.noPci(),
                        config.noHuge(),
                        config.hugepageSingleSegments());
        if (!config.noHuge()) {
            Hugepages.missing(bufferMb.isPresent() ? bufferMb.getAsInt() + POOLS_MB : POOLS_MB)
                    .ifPresent(cause -> {
                        throw new SpdkException.EngineUnavailable("engine 'native': " + cause);
                    });
        }
        return settings;
    }

    /** The cores of an environment. */
    static CpuSet cores(EngineConfig config, CpuSet usable) {
        CpuSet cores = config.coreMask().orElse(usable);
        for (int core : cores.cores()) {
            if (!usable.contains(core)) {
                throw new IllegalArgumentException(
                        "core mask "
                                + cores
                                + " names core "
                                + core
                                + ", which this process can't use; it has "
                                + usable);
            }
        }
        if (config.mainCore().isPresent() && !usable.contains(config.mainCore().getAsInt())) {
            throw new IllegalArgumentException(
                    "main core " + config.mainCore().getAsInt() + " is not among this process's cores, " + usable);
        }
        return cores;
    }

    /** Refuses an environment that would need SPDK started otherwise. */
    void requireServes(EngineConfig config) {
        cores(config, Cpus.ofThisProcess());
        if (config.noHuge() != noHuge) {
            throw fixed("noHuge", noHuge, config.noHuge());
        }
        if (config.noPci() != noPci) {
            throw fixed("noPci", noPci, config.noPci());
        }
        if (config.shmId() != shmId) {
            throw fixed("shmId", shmId, config.shmId());
        }
        if (config.hugepageSingleSegments() != singleSegments) {
            throw fixed("hugepageSingleSegments", singleSegments, config.hugepageSingleSegments());
        }
        if (bufferMb.isPresent() && config.memSizeMb().orElse(0) > bufferMb.getAsInt()) {
            throw fixed("memSizeMb", bufferMb.getAsInt(), config.memSizeMb().getAsInt());
        }
    }

    private static SpdkException fixed(String setting, Object started, Object asked) {
        return new SpdkException.Busy(
                "SPDK starts once a process, and this one started it with "
                        + setting
                        + "="
                        + started
                        + ", not "
                        + asked
                        + ". Use the same for every environment, or another process",
                -Errno.EBUSY);
    }

    void fill(MemorySegment options, Arena arena) {
        spdk_env_opts.name(options, arena.allocateFrom(name.replaceAll("\\s", "_")));
        spdk_env_opts.core_mask(options, arena.allocateFrom("[" + mainCore + "]"));
        spdk_env_opts.shm_id(options, shmId);
        spdk_env_opts.no_pci(options, noPci);
        spdk_env_opts.no_huge(options, noHuge);
        if (bufferMb.isPresent()) {
            spdk_env_opts.mem_size(options, bufferMb.getAsInt() + POOLS_MB);
        }
        if (!noHuge) {
            spdk_env_opts.hugepage_single_segments(options, singleSegments);
        }
    }

    /** What to try when SPDK does not start. */
    String advice() {
        return noHuge
                ? ". Give it more with memSizeMb, or free memory"
                : ". Reserve more hugepages, run with the rights to use them, or set noHuge(true)";
    }

    /** The kernel's hugepages, looked at before DPDK is: it can't try again. */
    static final class Hugepages {
        private Hugepages() {}

        static Optional<String> missing(int neededMb) {
            long freeBytes = 0;
            try (DirectoryStream<Path> sizes =
                    Files.newDirectoryStream(Path.of("/sys/kernel/mm/hugepages"), "hugepages-*kB")) {
                for (Path size : sizes) {
                    long kib = Long.parseLong(size.getFileName().toString().replaceAll("\\D", ""));
                    freeBytes += Long.parseLong(Files.readString(size.resolve("free_hugepages")).strip()) * (kib << 10);
                }
            } catch (IOException e) {
                return Optional.of("this kernel has no hugepages (" + e.getMessage() + "); set noHuge(true)");
            }
            if (freeBytes < (long) neededMb << 20) {
                return Optional.of(
                        "SPDK needs "
                                + neededMb
                                + " MiB of hugepages and "
                                + (freeBytes >> 20)
                                + " MiB are free. Reserve some, as root: echo "
                                + Math.ceilDiv(neededMb, 2)
                                + " > /proc/sys/vm/nr_hugepages, or set noHuge(true)");
            }
            try {
                for (String line : Files.readAllLines(Path.of("/proc/mounts"))) {
                    String[] fields = line.split(" ", -1);
                    if (fields[2].equals("hugetlbfs") && Files.isWritable(Path.of(fields[1]))) {
                        return Optional.empty();
                    }
                }
            } catch (IOException e) {
                return Optional.of("/proc/mounts can't be read: " + e.getMessage());
            }
            return Optional.of(
                    "no hugetlbfs that this user may write to is mounted. As root: mount -t hugetlbfs nodev"
                            + " /dev/hugepages, or give the user its rights; or set noHuge(true)");
        }
    }
}
