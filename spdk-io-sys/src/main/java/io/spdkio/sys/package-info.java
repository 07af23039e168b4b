/**
 * Links the SPDK that is installed on this machine into one shared object ({@link io.spdkio.sys.NativeLinker}), loads
 * it ({@link io.spdkio.sys.SpdkLibrary}) and checks that its structs are those of the bindings ({@link
 * io.spdkio.sys.AbiReport}). The bindings themselves are in {@code io.spdkio.sys.raw}; {@link io.spdkio.sys.Bridge} is
 * what the library has besides SPDK.
 *
 * <p>A function that no higher level covers is called like this:
 *
 * {@snippet :
 * try (Arena arena = Arena.ofConfined()) {
 *     MemorySegment opts = spdk_env_opts.allocate(arena);
 *     spdk_env_opts.opts_size(opts, spdk_env_opts.BYTES);
 *     EnvH.spdk_env_opts_init(opts);
 *     spdk_env_opts.name(opts, arena.allocateFrom("ticks"));
 *     spdk_env_opts.no_huge(opts, true);
 *     spdk_env_opts.no_pci(opts, true);
 *     spdk_env_opts.mem_size(opts, 64);
 *     if (EnvH.spdk_env_init(opts) != 0) {
 *         throw new IllegalStateException("spdk_env_init failed; what it logged says why");
 *     }
 *     System.out.println(EnvH.spdk_get_ticks_hz() + " ticks a second on " + EnvH.spdk_env_get_core_count() + " cores");
 *     EnvH.spdk_env_fini();
 * }
 * }
 */
package io.spdkio.sys;
