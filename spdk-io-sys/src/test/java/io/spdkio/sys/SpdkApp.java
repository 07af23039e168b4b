package io.spdkio.sys;

import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.EnvH;
import io.spdkio.sys.raw.InitH;
import io.spdkio.sys.raw.RpcH;
import io.spdkio.sys.raw.ThreadH;
import io.spdkio.sys.raw.spdk_bdev_event_cb_t;
import io.spdkio.sys.raw.spdk_bdev_opts;
import io.spdkio.sys.raw.spdk_bdev_wait_for_examine_cb;
import io.spdkio.sys.raw.spdk_msg_fn;
import io.spdkio.sys.raw.spdk_subsystem_init_fn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** SPDK with its subsystems in this process, which a test has for itself. Everything is polled on the main thread. */
final class SpdkApp implements AutoCloseable {
    private static final long LIMIT_NANOS = 60_000_000_000L;

    final Arena arena = Arena.ofShared();
    final MemorySegment thread;
    final List<MemorySegment> taken = new ArrayList<>();

    /** What the app thread's ring does, once there is one. */
    BdevRing ring;

    private BdevRequests requests;
    private int[] statuses;
    private boolean[] done;
    private int slots;
    private int result;

    /** bdevIoPool: how many struct spdk_bdev_io there are; 0 for SPDK's default. */
    SpdkApp(int bdevIoPool) {
        RawExampleTest.initEnvironment(arena, 512);
        if (bdevIoPool > 0) {
            MemorySegment opts = spdk_bdev_opts.allocate(arena);
            BdevH.spdk_bdev_get_opts(opts, spdk_bdev_opts.BYTES);
            spdk_bdev_opts.bdev_io_pool_size(opts, bdevIoPool);
            check("options", BdevH.spdk_bdev_set_opts(opts));
        }
        SpdkThreads.init(0);
        thread = SpdkThreads.create("app", MemorySegment.NULL);
        ThreadH.spdk_set_thread(thread);
        result = 1;
        InitH.spdk_subsystem_init(done(), MemorySegment.NULL);
        until("the subsystems", () -> result <= 0);
        check("subsystems", result);
        RpcH.spdk_rpc_set_state(RpcH.SPDK_RPC_RUNTIME);
    }

    private MemorySegment done() {
        return spdk_subsystem_init_fn.stub((rc, _) -> result = rc, arena);
    }

    /** Calls a method of SPDK's, as its configuration files do. */
    void call(String method, String parameters) {
        byte[] json =
                """
                {"subsystems":[{"subsystem":"bdev","config":[{"method":"%s","params":%s}]}]}
                """
                        .formatted(method, parameters)
                        .getBytes(StandardCharsets.UTF_8);
        result = 1;
        MemorySegment text = arena.allocateFrom(ValueLayout.JAVA_BYTE, json);
        InitH.spdk_subsystem_load_config(text, json.length, done(), MemorySegment.NULL, true);
        until(method, () -> result <= 0);
        check(method, result);
    }

    /** Waits until SPDK's modules have looked for their metadata on new devices. */
    void examined() {
        result = 1;
        MemorySegment finished = spdk_bdev_wait_for_examine_cb.stub(_ -> result = 0, arena);
        check("examine", BdevH.spdk_bdev_wait_for_examine(finished, MemorySegment.NULL));
        until("examination", () -> result == 0);
    }

    /** {@return the struct spdk_bdev_desc} */
    MemorySegment open(String name) {
        return open(name, (_, _, _) -> {});
    }

    MemorySegment open(String name, spdk_bdev_event_cb_t event) {
        MemorySegment desc = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment stub = spdk_bdev_event_cb_t.stub(event, arena);
        check("open " + name, BdevH.spdk_bdev_open_ext(arena.allocateFrom(name), true, stub, MemorySegment.NULL, desc));
        return desc.get(ValueLayout.ADDRESS, 0);
    }

    /** Memory that devices may use, zeroed and never freed. */
    static MemorySegment memory(long bytes) {
        return Bridge.memory(EnvH.spdk_dma_zmalloc(bytes, 4096, MemorySegment.NULL).address(), bytes);
    }

    /** Gives the app thread a ring, whose requests go to the handler. */
    void useRing(int slotCount, BdevRequests handler) {
        ring = new BdevRing(slotCount);
        ring.attach(thread.address());
        requests = handler;
        statuses = new int[slotCount];
        done = new boolean[slotCount];
    }

    /** Submits an operation. Slots are used in turn. {@return its slot} */
    int submit(int operation, Target target, long buffer, long block, long count) {
        return submit(operation, target, buffer, block, count, 0, 0, 0);
    }

    int submit(int operation, Target target, long buffer, long block, long count, int vectors, int other, long extra) {
        int slot = slots++ % statuses.length;
        done[slot] = false;
        ring.submit(
                operation,
                slot,
                target.desc.address(),
                target.channel.address(),
                buffer,
                block,
                count,
                vectors,
                other,
                extra);
        return slot;
    }

    boolean isDone(int slot) {
        return done[slot];
    }

    /** {@return the status that the operation ends with} */
    int await(int slot) {
        until("slot " + slot, () -> done[slot]);
        return statuses[slot];
    }

    /** An open bdev and the channel of the app thread. */
    record Target(MemorySegment desc, MemorySegment channel) {
        void close() {
            ThreadH.spdk_put_io_channel(channel);
            BdevH.spdk_bdev_close(desc);
        }
    }

    Target target(String name) {
        return target(open(name));
    }

    static Target target(MemorySegment desc) {
        MemorySegment channel = BdevH.spdk_bdev_get_io_channel(desc);
        if (channel.address() == 0) {
            throw new AssertionError("no channel");
        }
        return new Target(desc, channel);
    }

    void poll() {
        if (ring == null) {
            ThreadH.spdk_thread_poll(thread, 0, 0);
        } else {
            ring.poll(thread.address(), 0);
            ring.drain((slot, status) -> {
                if (done[slot]) {
                    throw new AssertionError("slot " + slot + " completed twice");
                }
                done[slot] = true;
                statuses[slot] = status;
            });
            ring.drainRequests(requests);
        }
        while (SpdkThreads.untaken() > 0) {
            taken.add(SpdkThreads.take());
        }
        taken.forEach(each -> ThreadH.spdk_thread_poll(each, 0, 0));
    }

    void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + LIMIT_NANOS;
        while (!condition.getAsBoolean()) {
            poll();
            if (System.nanoTime() > end) {
                throw new AssertionError(what + ": nothing in 60 s");
            }
        }
    }

    static void check(String what, int rc) {
        if (rc != 0) {
            throw new AssertionError(what + ": " + rc);
        }
    }

    static void exit(MemorySegment thread) {
        ThreadH.spdk_set_thread(thread);
        ThreadH.spdk_thread_exit(thread);
        long end = System.nanoTime() + LIMIT_NANOS;
        while (!ThreadH.spdk_thread_is_exited(thread)) {
            ThreadH.spdk_thread_poll(thread, 0, 0);
            if (System.nanoTime() > end) {
                throw new AssertionError("the thread does not exit");
            }
        }
        ThreadH.spdk_set_thread(MemorySegment.NULL);
        ThreadH.spdk_thread_destroy(thread);
    }

    @Override
    public void close() {
        ThreadH.spdk_set_thread(thread);
        result = 1;
        InitH.spdk_subsystem_fini(spdk_msg_fn.stub(_ -> result = 0, arena), MemorySegment.NULL);
        until("the end of the subsystems", () -> result == 0);
        taken.forEach(SpdkApp::exit);
        if (ring != null) {
            ring.close();
        }
        exit(thread);
        SpdkThreads.fini();
        EnvH.spdk_env_fini();
        System.out.println("closed");
    }
}
