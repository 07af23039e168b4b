package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.spdkio.sys.SpdkApp.Target;
import io.spdkio.sys.raw.BlobBdevH;
import io.spdkio.sys.raw.BlobH;
import io.spdkio.sys.raw.ThreadH;
import io.spdkio.sys.raw.spdk_bdev_event_cb_t;
import io.spdkio.sys.raw.spdk_blob_op_complete;
import io.spdkio.sys.raw.spdk_blob_op_with_handle_complete;
import io.spdkio.sys.raw.spdk_blob_op_with_id_complete;
import io.spdkio.sys.raw.spdk_blob_opts;
import io.spdkio.sys.raw.spdk_bs_op_complete;
import io.spdkio.sys.raw.spdk_bs_op_with_handle_complete;
import io.spdkio.sys.raw.spdk_bs_opts;
import io.spdkio.sys.raw.spdk_msg_fn;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Every operation of the ring, and what it does when SPDK has no memory. */
@RequiresSpdk
class RingOperationsTest {
    private static final int BLOCK = 512;

    @Test
    void everyOperationDoesWhatItSays() throws Exception {
        Child child = Child.run(Malloc.class).succeeded();
        assertThat(child.output())
                .contains(
                        "vectors: 3, 4",
                        "zeroes: 0",
                        "unmapped: 0",
                        "flush, reset, nop: 0 0 0",
                        "comparev: 0, 285h",
                        "comparev and writev: 0, written 9, again 285h",
                        "abort of nothing: 6h",
                        "of no slot: -22, of no such operation: -22",
                        "in a callback: 1 pending, 0 0",
                        "too many: more submissions than slots: poll first",
                        "closed");
    }

    @Test
    void whatWaitsForMemoryCanBeAbortedAndItsChannelClosed() throws Exception {
        Child child = Child.run(Waiting.class).succeeded();
        assertThat(child.output())
                .contains("aborted at once: 0, 7h", "all aborted, channel closed", "all others done", "closed");
    }

    @Test
    void blobsAreReadAndWritten() throws Exception {
        Child child = Child.run(Blobs.class).succeeded();
        assertThat(child.output())
                .contains(
                        "blob: written and read",
                        "blob vectors: 2",
                        "blob zeroes: 0, unmapped: 0",
                        "blob out of range: -22",
                        "blob without a request of its own: -12",
                        "blob: 2000 done, some waited",
                        "closed");
    }

    private static String hex(int status) {
        return status < 0 ? Integer.toString(status) : Integer.toHexString(status) + "h";
    }

    /** An array of struct iovec, one for each block of the memory. */
    private static long iovs(MemorySegment memory) {
        int count = (int) (memory.byteSize() / BLOCK);
        MemorySegment iovs = SpdkApp.memory(count * 16L);
        for (int i = 0; i < count; i++) {
            iovs.set(JAVA_LONG, i * 16L, memory.address() + (long) i * BLOCK);
            iovs.set(JAVA_LONG, i * 16L + 8, BLOCK);
        }
        return iovs.address();
    }

    private static MemorySegment filled(int... values) {
        MemorySegment memory = SpdkApp.memory((long) values.length * BLOCK);
        for (int i = 0; i < values.length; i++) {
            memory.asSlice((long) i * BLOCK, BLOCK).fill((byte) values[i]);
        }
        return memory;
    }

    static final class Malloc {
        private Malloc() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                app.useRing(256, null);
                app.call("bdev_malloc_create", "{\"name\":\"m0\",\"num_blocks\":1024,\"block_size\":512}");
                Target target = app.target("m0");
                MemorySegment read = SpdkApp.memory(2L * BLOCK);
                long written = iovs(filled(3, 4));
                SpdkApp.check("writev", app.await(app.submit(BdevRing.WRITEV, target, written, 10, 2, 2, 0, 0)));
                SpdkApp.check("readv", app.await(app.submit(BdevRing.READV, target, iovs(read), 10, 2, 2, 0, 0)));
                System.out.println("vectors: " + read.get(JAVA_BYTE, 1) + ", " + read.get(JAVA_BYTE, BLOCK + 1));

                SpdkApp.check("zeroes", app.await(app.submit(BdevRing.WRITE_ZEROES, target, 0, 10, 1)));
                System.out.println("zeroes: " + byteOf(app, target, read, 10));
                SpdkApp.check("unmap", app.await(app.submit(BdevRing.UNMAP, target, 0, 11, 1)));
                System.out.println("unmapped: " + byteOf(app, target, read, 11));
                System.out.println(
                        "flush, reset, nop: "
                                + app.await(app.submit(BdevRing.FLUSH, target, 0, 0, 1024))
                                + " "
                                + app.await(app.submit(BdevRing.RESET, target, 0, 0, 0))
                                + " "
                                + app.await(app.submit(BdevRing.NOP, target, 0, 0, 0)));

                SpdkApp.check("writev", app.await(app.submit(BdevRing.WRITEV, target, written, 10, 2, 2, 0, 0)));
                int same = app.await(app.submit(BdevRing.COMPAREV, target, iovs(filled(3, 4)), 10, 2, 2, 0, 0));
                int other = app.await(app.submit(BdevRing.COMPAREV, target, iovs(filled(3, 5)), 10, 2, 2, 0, 0));
                System.out.println("comparev: " + same + ", " + hex(other));
                // One vector to compare, one to write; a compare and write is of one block here.
                long old = iovs(filled(4));
                long renewed = iovs(filled(9));
                int first = app.await(app.submit(BdevRing.COMPAREV_AND_WRITEV, target, old, 11, 1, 1, 1, renewed));
                int nine = byteOf(app, target, read, 11);
                int second = app.await(app.submit(BdevRing.COMPAREV_AND_WRITEV, target, old, 11, 1, 1, 1, renewed));
                System.out.println("comparev and writev: " + first + ", written " + nine + ", again " + hex(second));
                System.out.println(
                        "abort of nothing: " + hex(app.await(app.submit(BdevRing.ABORT, target, 0, 0, 0, 0, 5, 0))));
                System.out.println(
                        "of no slot: "
                                + app.await(app.submit(BdevRing.ABORT, target, 0, 0, 0, 0, 1 << 20, 0))
                                + ", of no such operation: "
                                + app.await(app.submit(999, target, 0, 0, 0)));
                inCallback(app, target);
                target.close();
            }
        }

        /** SPDK runs messages inside the poll that has handed over what was submitted before. */
        private static void inCallback(SpdkApp app, Target target) {
            int[] slots = {-1, -1};
            MemorySegment message =
                    spdk_msg_fn.stub(_ -> slots[1] = app.submit(BdevRing.NOP, target, 0, 0, 0), app.arena);
            ThreadH.spdk_thread_send_msg(app.thread, message, MemorySegment.NULL);
            slots[0] = app.submit(BdevRing.FLUSH, target, 0, 0, 1);
            app.poll();
            System.out.println(
                    "in a callback: "
                            + app.ring.pending()
                            + " pending, "
                            + app.await(slots[0])
                            + " "
                            + app.await(slots[1]));
            try {
                for (int i = 0; i <= app.ring.slots(); i++) {
                    app.submit(BdevRing.NOP, target, 0, 0, 0);
                }
            } catch (IllegalStateException e) {
                System.out.println("too many: " + e.getMessage());
            }
        }

        private static int byteOf(SpdkApp app, Target target, MemorySegment buffer, long block) {
            SpdkApp.check("read", app.await(app.submit(BdevRing.READ, target, buffer.address(), block, 1)));
            return buffer.get(JAVA_BYTE, BLOCK / 2);
        }
    }

    /** A device of Java's holds all of SPDK's I/O structs. */
    static final class Waiting {
        private static final int POOL = 2048;

        private Waiting() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(POOL)) {
                RamDevice[] ram = new RamDevice[1];
                app.useRing(4 * POOL, new Forwarding(() -> ram[0]));
                ram[0] = new RamDevice(app.ring, BLOCK, 64);
                ServedBdev served =
                        ServedBdev.register(
                                new ServedBdev.Options("ram", 1, BLOCK, 64).operations(BdevRing.READ, BdevRing.ABORT));
                ram[0].onDestruct = served::destructed;
                app.call("bdev_malloc_create", "{\"name\":\"m0\",\"num_blocks\":64,\"block_size\":512}");
                app.examined();
                Target target = app.target("ram");
                long buffer = SpdkApp.memory(BLOCK).address();

                ram[0].hold = true;
                int[] slots = new int[2 * POOL];
                Arrays.setAll(slots, _ -> app.submit(BdevRing.READ, target, buffer, 0, 1));
                app.until("no memory", () -> app.ring.waiting() > 0);

                int waiting = slots[slots.length - 1];
                Target malloc = app.target("m0");
                int[] more = new int[8];
                Arrays.setAll(more, _ -> app.submit(BdevRing.READ, malloc, buffer, 0, 1));
                int abort = app.submit(BdevRing.ABORT, target, 0, 0, 0, 0, waiting, 0);
                System.out.println("aborted at once: " + app.await(abort) + ", " + hex(app.await(waiting)));
                for (int slot : more) {
                    SpdkApp.check("abort", app.await(app.submit(BdevRing.ABORT, malloc, 0, 0, 0, 0, slot, 0)));
                    SpdkApp.check("aborted", app.await(slot) - 7);
                }
                malloc.close();
                for (int i = 0; i < 100; i++) {
                    app.poll();
                }
                System.out.println("all aborted, channel closed");

                ram[0].hold = false;
                ram[0].release();
                for (int slot : slots) {
                    if (slot != waiting) {
                        SpdkApp.check("held", app.await(slot));
                    }
                }
                System.out.println("all others done");
                target.close();
            }
        }
    }

    static final class Blobs {
        private static final int REQUESTS = 32;

        private Blobs() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                app.useRing(4096, null);
                app.call("bdev_malloc_create", "{\"name\":\"m0\",\"num_blocks\":65536,\"block_size\":512}");
                MemorySegment device = app.arena.allocate(ADDRESS);
                MemorySegment event = spdk_bdev_event_cb_t.stub((_, _, _) -> {}, app.arena);
                SpdkApp.check(
                        "bs_dev",
                        BlobBdevH.spdk_bdev_create_bs_dev_ext(
                                app.arena.allocateFrom("m0"), event, MemorySegment.NULL, device));
                MemorySegment bsOpts = spdk_bs_opts.allocate(app.arena);
                BlobH.spdk_bs_opts_init(bsOpts, spdk_bs_opts.BYTES);
                spdk_bs_opts.max_channel_ops(bsOpts, REQUESTS);
                MemorySegment store =
                        pointer(
                                app,
                                done ->
                                        BlobH.spdk_bs_init(
                                                device.get(ADDRESS, 0),
                                                bsOpts,
                                                spdk_bs_op_with_handle_complete.stub(
                                                        (_, bs, rc) -> done.accept(bs, rc), app.arena),
                                                MemorySegment.NULL));
                MemorySegment blobOpts = spdk_blob_opts.allocate(app.arena);
                BlobH.spdk_blob_opts_init(blobOpts, spdk_blob_opts.BYTES);
                spdk_blob_opts.num_clusters(blobOpts, 4);
                MemorySegment id =
                        pointer(
                                app,
                                done ->
                                        BlobH.spdk_bs_create_blob_ext(
                                                store,
                                                blobOpts,
                                                spdk_blob_op_with_id_complete.stub(
                                                        (_, number, rc) ->
                                                                done.accept(MemorySegment.ofAddress(number), rc),
                                                        app.arena),
                                                MemorySegment.NULL));
                MemorySegment blob =
                        pointer(
                                app,
                                done ->
                                        BlobH.spdk_bs_open_blob(
                                                store,
                                                id.address(),
                                                spdk_blob_op_with_handle_complete.stub(
                                                        (_, opened, rc) -> done.accept(opened, rc), app.arena),
                                                MemorySegment.NULL));
                Target target = new Target(blob, BlobH.spdk_bs_alloc_io_channel(store));
                exercise(app, target);
                flood(app, target);
                BlobH.spdk_bs_free_io_channel(target.channel());
                pointer(
                        app,
                        done ->
                                BlobH.spdk_blob_close(
                                        blob,
                                        spdk_blob_op_complete.stub(
                                                (_, rc) -> done.accept(MemorySegment.NULL, rc), app.arena),
                                        MemorySegment.NULL));
                pointer(
                        app,
                        done ->
                                BlobH.spdk_bs_unload(
                                        store,
                                        spdk_bs_op_complete.stub(
                                                (_, rc) -> done.accept(MemorySegment.NULL, rc), app.arena),
                                        MemorySegment.NULL));
            }
        }

        private static void exercise(SpdkApp app, Target target) {
            MemorySegment read = SpdkApp.memory(2L * BLOCK);
            long at = read.address();
            long written = filled(1, 2).address();
            SpdkApp.check("write", app.await(app.submit(BdevRing.BLOB_WRITE, target, written, 100, 2)));
            SpdkApp.check("read", app.await(app.submit(BdevRing.BLOB_READ, target, at, 101, 1)));
            System.out.println("blob: " + (read.get(JAVA_BYTE, 7) == 2 ? "written and read" : "something else"));
            SpdkApp.check(
                    "writev", app.await(app.submit(BdevRing.BLOB_WRITEV, target, iovs(filled(1, 2)), 8, 2, 2, 0, 0)));
            SpdkApp.check("readv", app.await(app.submit(BdevRing.BLOB_READV, target, iovs(read), 8, 2, 2, 0, 0)));
            System.out.println("blob vectors: " + read.get(JAVA_BYTE, BLOCK));
            SpdkApp.check("zeroes", app.await(app.submit(BdevRing.BLOB_WRITE_ZEROES, target, 0, 8, 1)));
            SpdkApp.check("unmap", app.await(app.submit(BdevRing.BLOB_UNMAP, target, 0, 9, 1)));
            SpdkApp.check("read", app.await(app.submit(BdevRing.BLOB_READ, target, at, 8, 2)));
            System.out.println(
                    "blob zeroes: " + read.get(JAVA_BYTE, 1) + ", unmapped: " + read.get(JAVA_BYTE, BLOCK + 1));
            System.out.println(
                    "blob out of range: " + app.await(app.submit(BdevRing.BLOB_READ, target, at, 1L << 30, 1)));
        }

        private static void flood(SpdkApp app, Target target) {
            long buffer = SpdkApp.memory(BLOCK).address();
            AtomicInteger direct = new AtomicInteger();
            MemorySegment done = spdk_blob_op_complete.stub((_, _) -> direct.incrementAndGet(), app.arena);
            for (int i = 0; i < REQUESTS; i++) {
                BlobH.spdk_blob_io_read(
                        target.desc(),
                        target.channel(),
                        MemorySegment.ofAddress(buffer),
                        i,
                        1,
                        done,
                        MemorySegment.NULL);
            }
            System.out.println(
                    "blob without a request of its own: "
                            + app.await(app.submit(BdevRing.BLOB_READ, target, buffer, 0, 1)));
            app.until("direct reads", () -> direct.get() == REQUESTS);
            int[] slots = new int[2000];
            Arrays.setAll(slots, i -> app.submit(BdevRing.BLOB_READ, target, buffer, i, 1));
            app.poll();
            boolean waited = app.ring.waiting() > 0;
            for (int slot : slots) {
                SpdkApp.check("flood", app.await(slot));
            }
            System.out.println("blob: " + slots.length + " done, " + (waited ? "some waited" : "none waited"));
        }

        @FunctionalInterface
        private interface Done {
            void accept(MemorySegment result, int rc);
        }

        private static MemorySegment pointer(SpdkApp app, Consumer<Done> call) {
            MemorySegment[] result = new MemorySegment[1];
            int[] status = {1};
            call.accept((pointer, rc) -> {
                result[0] = pointer;
                status[0] = rc;
            });
            app.until("blobstore", () -> status[0] <= 0);
            SpdkApp.check("blobstore", status[0]);
            return result[0];
        }
    }
}
