package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.EnvH;
import io.spdkio.sys.raw.InitH;
import io.spdkio.sys.raw.JsonH;
import io.spdkio.sys.raw.LogH;
import io.spdkio.sys.raw.NvmeH;
import io.spdkio.sys.raw.RpcH;
import io.spdkio.sys.raw.StringH;
import io.spdkio.sys.raw.ThreadH;
import io.spdkio.sys.raw.spdk_bdev_event_cb_t;
import io.spdkio.sys.raw.spdk_bdev_opts;
import io.spdkio.sys.raw.spdk_env_opts;
import io.spdkio.sys.raw.spdk_json_write_cb;
import io.spdkio.sys.raw.spdk_subsystem_init_fn;
import io.spdkio.sys.raw.spdk_thread_op_fn;
import io.spdkio.sys.raw.spdk_thread_op_supported_fn;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;

/** The bindings and the ring against a real SPDK, each in a JVM of its own, without hugepages and without PCI. */
@RequiresSpdk
class RawExampleTest {

    @Test
    void theExampleOfTheDocumentationRuns() throws Exception {
        Child child = Child.run(Ticks.class).succeeded();
        assertThat(child.output()).containsPattern("[1-9][0-9]{6,} ticks a second on 1 cores");
    }

    @Test
    void functionsNeedNoEnvironmentAndCallbacksReachJava() throws Exception {
        Child child = Child.run(Json.class).succeeded();
        assertThat(child.output()).contains("{\n  \"answer\": 42,\n  \"formatted\": \"7 of 9\"\n}");
        assertThat(child.output())
                .contains("spdk_json_write_cb threw; SPDK was told 0", "parsed 1024", "is fabrics: true");
        assertThat(child.output()).contains("spdk_of_another_version is not in the linked SPDK (SPDK v");
        assertThat(child.output()).contains("logged: from Java");
    }

    @Test
    void theRingReadsWhatItWrote() throws Exception {
        Child child = Child.run(Ring.class).succeeded();
        assertThat(child.output())
                .contains(
                        "verified 4096 blocks",
                        "waited for memory",
                        "out of range: -22",
                        "miscompare: 285h",
                        "compare and write: 0",
                        "copied",
                        "closed");
    }

    static void initEnvironment(Arena arena, int memoryMib) {
        MemorySegment opts = spdk_env_opts.allocate(arena);
        spdk_env_opts.opts_size(opts, spdk_env_opts.BYTES);
        EnvH.spdk_env_opts_init(opts);
        spdk_env_opts.name(opts, arena.allocateFrom("spdk-io-test"));
        spdk_env_opts.no_huge(opts, true);
        spdk_env_opts.no_pci(opts, true);
        spdk_env_opts.mem_size(opts, memoryMib);
        if (EnvH.spdk_env_init(opts) != 0) {
            throw new IllegalStateException("spdk_env_init failed; what it logged says why");
        }
    }

    static final class Ticks {
        private Ticks() {}

        public static void main(String[] args) {
            try (Arena arena = Arena.ofConfined()) {
                initEnvironment(arena, 64);
                System.out.println(
                        EnvH.spdk_get_ticks_hz() + " ticks a second on " + EnvH.spdk_env_get_core_count() + " cores");
                EnvH.spdk_env_fini();
            }
        }
    }

    static final class Json {
        private Json() {}

        public static void main(String[] args) throws Throwable {
            try (Arena arena = Arena.ofConfined()) {
                StringBuilder text = new StringBuilder();
                MemorySegment sink =
                        spdk_json_write_cb.stub(
                                (context, data, size) -> {
                                    text.append(string(data, size));
                                    return 0;
                                },
                                arena);
                MemorySegment writer =
                        JsonH.spdk_json_write_begin(sink, MemorySegment.NULL, JsonH.SPDK_JSON_WRITE_FLAG_FORMATTED);
                JsonH.spdk_json_write_object_begin(writer);
                JsonH.spdk_json_write_named_int32(writer, arena.allocateFrom("answer"), 42);
                int rc =
                        (int)
                                JsonH.spdk_json_write_named_string_fmt(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)
                                        .invokeExact(
                                                writer,
                                                arena.allocateFrom("formatted"),
                                                arena.allocateFrom("%d of %d"),
                                                7,
                                                9);
                JsonH.spdk_json_write_object_end(writer);
                JsonH.spdk_json_write_end(writer);
                System.out.println(rc == 0 ? text : "failed");

                MemorySegment thrower =
                        spdk_json_write_cb.stub(
                                (context, data, size) -> {
                                    throw new IllegalStateException("must not reach C");
                                },
                                arena);
                MemorySegment other = JsonH.spdk_json_write_begin(thrower, MemorySegment.NULL, 0);
                JsonH.spdk_json_write_null(other);
                JsonH.spdk_json_write_end(other);

                MemorySegment capacity = arena.allocate(ValueLayout.JAVA_LONG);
                MemorySegment prefixed = arena.allocate(ValueLayout.JAVA_BOOLEAN);
                StringH.spdk_parse_capacity(arena.allocateFrom("1K"), capacity, prefixed);
                System.out.println("parsed " + capacity.get(ValueLayout.JAVA_LONG, 0));
                // static inline in SPDK's header: in the library through our bridge
                System.out.println("is fabrics: " + NvmeH.spdk_nvme_trtype_is_fabrics(NvmeH.SPDK_NVME_TRANSPORT_TCP));
                try {
                    RawSupport.bind("spdk_of_another_version", "IP").invoke(MemorySegment.NULL);
                } catch (UnsatisfiedLinkError e) {
                    System.out.println(e.getMessage());
                }
                LogLines lines = new LogLines();
                LogH.spdk_log_set_level(LogH.SPDK_LOG_INFO);
                LogH.spdk_log(ValueLayout.JAVA_INT)
                        .invokeWithArguments(
                                LogH.SPDK_LOG_NOTICE,
                                arena.allocateFrom("a.c"),
                                1,
                                arena.allocateFrom("f"),
                                arena.allocateFrom("from Java %d\n"),
                                5);
                lines.take((level, file, line, function, logged) -> System.out.println("logged: " + logged));
            }
        }

        @SuppressWarnings("restricted")
        private static String string(MemorySegment data, long size) {
            return new String(data.reinterpret(size).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    /** An app thread, the subsystems, a malloc bdev through SPDK's own configuration, and I/O through the ring. */
    static final class Ring {
        private static final int BLOCK = 4096;
        private static final long BLOCKS = 4096;
        private static final int SLOTS = 64;

        private Ring() {}

        public static void main(String[] args) throws Throwable {
            try (Arena arena = Arena.ofShared()) {
                run(arena);
            }
        }

        private static void run(Arena arena) throws Throwable {
            initEnvironment(arena, 512);
            MemorySegment bdevOpts = spdk_bdev_opts.allocate(arena);
            BdevH.spdk_bdev_get_opts(bdevOpts, spdk_bdev_opts.BYTES);
            // Few, so that I/O has to wait.
            spdk_bdev_opts.bdev_io_pool_size(bdevOpts, 2048);
            check("options", BdevH.spdk_bdev_set_opts(bdevOpts));
            Queue<MemorySegment> created = new ArrayDeque<>();
            MemorySegment create =
                    spdk_thread_op_fn.stub(
                            (thread, operation) -> {
                                created.add(thread);
                                return 0;
                            },
                            arena);
            MemorySegment supported = spdk_thread_op_supported_fn.stub(operation -> operation == 0, arena);
            check("thread lib", ThreadH.spdk_thread_lib_init_ext(create, supported, 0, 4095));
            MemorySegment thread = ThreadH.spdk_thread_create(arena.allocateFrom("app"), MemorySegment.NULL);
            ThreadH.spdk_set_thread(thread);

            AtomicInteger result = new AtomicInteger(1);
            MemorySegment done = spdk_subsystem_init_fn.stub((rc, context) -> result.set(rc), arena);
            InitH.spdk_subsystem_init(done, MemorySegment.NULL);
            pollAll(created, result);
            check("subsystems", result.get());
            RpcH.spdk_rpc_set_state(RpcH.SPDK_RPC_RUNTIME);
            byte[] json =
                    """
                    {"subsystems":[{"subsystem":"bdev","config":[{"method":"bdev_malloc_create",
                      "params":{"name":"m0","num_blocks":%d,"block_size":%d}}]}]}
                    """
                            .formatted(BLOCKS, BLOCK)
                            .getBytes(StandardCharsets.UTF_8);
            result.set(1);
            InitH.spdk_subsystem_load_config(
                    arena.allocateFrom(ValueLayout.JAVA_BYTE, json), json.length, done, MemorySegment.NULL, true);
            pollAll(created, result);
            check("configuration", result.get());

            MemorySegment desc = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment event = spdk_bdev_event_cb_t.stub((type, bdev, context) -> {}, arena);
            check("open", BdevH.spdk_bdev_open_ext(arena.allocateFrom("m0"), true, event, MemorySegment.NULL, desc));
            MemorySegment descriptor = desc.get(ValueLayout.ADDRESS, 0);
            MemorySegment channel = BdevH.spdk_bdev_get_io_channel(descriptor);
            exercise(thread, descriptor.address(), channel.address());
            ThreadH.spdk_put_io_channel(channel);
            BdevH.spdk_bdev_close(descriptor);

            MemorySegment finished = io.spdkio.sys.raw.spdk_msg_fn.stub(context -> result.set(0), arena);
            result.set(1);
            InitH.spdk_subsystem_fini(finished, MemorySegment.NULL);
            pollAll(created, result);
            for (MemorySegment each : created) {
                ThreadH.spdk_set_thread(each);
                ThreadH.spdk_thread_exit(each);
                while (!ThreadH.spdk_thread_is_exited(each)) {
                    ThreadH.spdk_thread_poll(each, 0, 0);
                }
                ThreadH.spdk_thread_destroy(each);
            }
            ThreadH.spdk_set_thread(MemorySegment.NULL);
            ThreadH.spdk_thread_lib_fini();
            EnvH.spdk_env_fini();
            System.out.println("closed");
        }

        private static void exercise(MemorySegment thread, long desc, long channel) throws Throwable {
            long at = thread.address();
            int[] statuses = new int[SLOTS];
            int[] completed = new int[1];
            long memory = EnvH.spdk_dma_zmalloc((long) BLOCK * SLOTS, BLOCK, MemorySegment.NULL).address();
            MemorySegment data = Bridge.memory(memory, (long) BLOCK * SLOTS);
            try (BdevRing ring = new BdevRing(SLOTS)) {
                for (int pass = 0; pass < 2; pass++) {
                    for (long block = 0; block < BLOCKS; block += SLOTS) {
                        for (int slot = 0; slot < SLOTS; slot++) {
                            long number = block + slot;
                            MemorySegment one = data.asSlice((long) slot * BLOCK, BLOCK);
                            one.fill((byte) (pass == 0 ? number * 31 : -1));
                            ring.submit(
                                    pass == 0 ? BdevRing.WRITE : BdevRing.READ,
                                    slot,
                                    desc,
                                    channel,
                                    one.address(),
                                    number,
                                    1);
                        }
                        completed[0] = 0;
                        await(ring, at, statuses, completed, SLOTS);
                        for (int slot = 0; slot < SLOTS; slot++) {
                            check("block " + (block + slot), statuses[slot]);
                            if (pass == 1
                                    && data.get(ValueLayout.JAVA_BYTE, (long) slot * BLOCK + 77)
                                            != (byte) ((block + slot) * 31)) {
                                throw new AssertionError("block " + (block + slot) + " is not what was written");
                            }
                        }
                    }
                }
                System.out.println("verified " + BLOCKS + " blocks");

                one(ring, at, statuses, completed, BdevRing.READ, desc, channel, memory, BLOCKS, 0);
                System.out.println("out of range: " + statuses[0]);
                data.fill((byte) 1);
                one(ring, at, statuses, completed, BdevRing.COMPARE, desc, channel, memory, 3, 0);
                System.out.println("miscompare: " + Integer.toHexString(statuses[0]) + "h");
                data.asSlice(0, BLOCK).fill((byte) (3 * 31));
                one(
                        ring,
                        at,
                        statuses,
                        completed,
                        BdevRing.COMPARE_AND_WRITE,
                        desc,
                        channel,
                        memory,
                        3,
                        memory + BLOCK);
                System.out.println("compare and write: " + statuses[0]);
                one(ring, at, statuses, completed, BdevRing.COPY, desc, channel, 0, 9, 3);
                one(ring, at, statuses, completed, BdevRing.READ, desc, channel, memory + 2 * BLOCK, 9, 0);
                System.out.println(data.get(ValueLayout.JAVA_BYTE, 2 * BLOCK) == 1 ? "copied" : "not copied");

                flood(ring, at, desc, channel, memory);
            }
            MemorySegment buffer = Bridge.memory(memory, 0);
            EnvH.spdk_dma_free(buffer);
        }

        /** More I/O than SPDK has structs for: they wait, and all complete, once each. */
        private static void flood(BdevRing ring, long thread, long desc, long channel, long memory) {
            int many = 100_000;
            ring.grow(many);
            byte[] seen = new byte[many];
            for (int slot = 0; slot < many; slot++) {
                ring.submit(BdevRing.READ, slot, desc, channel, memory, slot % BLOCKS, 1);
            }
            int left = many;
            int waited = 0;
            while (left > 0) {
                ring.poll(thread, 0);
                waited = Math.max(waited, ring.waiting());
                left -=
                        ring.drain((slot, status) -> {
                            if (status != 0 || seen[slot]++ != 0) {
                                throw new AssertionError("slot " + slot + " ended with " + status);
                            }
                        });
            }
            System.out.println(waited > 0 ? "waited for memory: " + waited : "nothing waited");
        }

        private static void one(
                BdevRing ring,
                long thread,
                int[] statuses,
                int[] completed,
                int operation,
                long desc,
                long channel,
                long buffer,
                long block,
                long extra) {
            ring.submit(operation, 0, desc, channel, buffer, block, 1, 1, 1, extra);
            completed[0] = 0;
            await(ring, thread, statuses, completed, 1);
        }

        private static void await(BdevRing ring, long thread, int[] statuses, int[] completed, int many) {
            while (completed[0] < many) {
                ring.poll(thread, 0);
                ring.drain((slot, status) -> {
                    statuses[slot] = status;
                    completed[0]++;
                });
            }
        }

        private static void pollAll(Queue<MemorySegment> threads, AtomicInteger result) {
            long end = System.nanoTime() + 120_000_000_000L;
            while (result.get() > 0) {
                for (MemorySegment thread : threads.toArray(MemorySegment[]::new)) {
                    ThreadH.spdk_thread_poll(thread, 0, 0);
                }
                if (System.nanoTime() > end) {
                    throw new AssertionError("no answer from SPDK in 120 s");
                }
            }
        }

        private static void check(String what, int rc) {
            if (rc != 0) {
                throw new AssertionError(what + ": " + rc);
            }
        }
    }
}
