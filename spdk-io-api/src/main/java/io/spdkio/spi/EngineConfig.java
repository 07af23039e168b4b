package io.spdkio.spi;

import io.spdkio.CpuSet;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.LongSupplier;

/**
 * The settings of {@link io.spdkio.SpdkEnv.Builder} that concern the engine.
 *
 * @param name the environment's name
 * @param coreMask the cores to use, or empty for all
 * @param mainCore the first thread's core
 * @param memSizeMb the most memory for buffers, in MiB
 * @param shmId DPDK's shared-memory id, or -1
 * @param noPci whether to skip the PCI bus
 * @param noHuge whether to use ordinary memory
 * @param hugepageSingleSegments whether to make one file for each segment
 * @param clock nanoseconds that never go back
 */
public record EngineConfig(
        String name,
        Optional<CpuSet> coreMask,
        OptionalInt mainCore,
        OptionalInt memSizeMb,
        int shmId,
        boolean noPci,
        boolean noHuge,
        boolean hugepageSingleSegments,
        LongSupplier clock) {}
