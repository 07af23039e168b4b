package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.spdkio.sys.SpdkApp.Target;
import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.ThreadH;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Devices that Java serves, as SPDK's bdev layer uses them. */
@RequiresSpdk
class ServedBdevTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 1024;

    @Test
    void spdkReadsWritesAndEmulates() throws Exception {
        Child child = Child.run(Operations.class).succeeded();
        assertThat(child.output())
                .contains(
                        "written and read",
                        "vectors: 3",
                        "without a buffer: 0",
                        "unmap and flush: 0 0",
                        "zeroes are written: true",
                        "equal: 0, different: 285h",
                        "compare and write: 0, 285h",
                        "copied: true",
                        "through passthru: true",
                        "split: 8 blocks, 2 vectors",
                        "itself: [9, 9, 11, 11, 13, 5], equal 0, different 285h, swapped 0, not swapped 285h, copied"
                                + " true, zeroes true",
                        "resized: 2048 blocks, told: 1",
                        "smaller: a device cannot shrink while it is open",
                        "same name: cannot register the device ram: there is a bdev of that name or UUID",
                        "closed");
    }

    @Test
    void statusesArriveAsTheyAreGiven() throws Exception {
        Child child = Child.run(Statuses.class).succeeded();
        assertThat(child.output())
                .contains(
                        "-5 is 6h",
                        "-28 is -28",
                        "641 is 281h",
                        "7 is 7h",
                        "-125 is 7h",
                        "-12 is 0h after 4 tries",
                        "one answer too many: every request has its answer already",
                        "closed");
    }

    @Test
    void requestsThatAreNeverAnsweredCanBeAbortedAndReset() throws Exception {
        Child child = Child.run(Held.class).succeeded();
        assertThat(child.output())
                .contains(
                        "aborted: 0, 7",
                        "reset: 0, 5 of 5 aborted",
                        "held: 3000 of 3000, all done",
                        "nothing to abort: 6",
                        "closed");
    }

    @Test
    void aDeviceGoesUnderLoad() throws Exception {
        Child child = Child.run(Removal.class).succeeded();
        assertThat(child.output())
                .contains(
                        "event 0 while 16 are held",
                        "not destructed while open",
                        "destructed, channels: 0",
                        "not gone before the answer",
                        "gone, and there again",
                        "app ends while registered",
                        "gone with the app: true",
                        "closed");
    }

    @Test
    void requestsGoToTheRingOfTheirThread() throws Exception {
        Child child = Child.run(Threads.class).succeeded();
        assertThat(child.output())
                .contains(
                        "no ring, no device: cannot register the device early: attach a ring to SPDK's app thread"
                                + " first",
                        "no ring, no channel: true",
                        "detached: 6h",
                        "own ring: true, the other's: false",
                        "exited",
                        "closed");
    }

    private static ServedBdev.Options options(String name, int id) {
        return new ServedBdev.Options(name, id, BLOCK, BLOCKS)
                .operations(
                        BdevRing.READ, BdevRing.WRITE, BdevRing.UNMAP, BdevRing.FLUSH, BdevRing.RESET, BdevRing.ABORT);
    }

    /** A ring whose requests go to a device. */
    private static RamDevice device(SpdkApp app) {
        RamDevice[] device = new RamDevice[1];
        app.useRing(4096, new Forwarding(() -> device[0]));
        device[0] = new RamDevice(app.ring, BLOCK, BLOCKS * 2);
        return device[0];
    }

    private static void refused(String what, Runnable action) {
        try {
            action.run();
            System.out.println(what + ": done");
        } catch (NativeException | IllegalStateException e) {
            System.out.println(what + ": " + e.getMessage());
        }
    }

    private static String hex(int status) {
        return status < 0 ? Integer.toString(status) : Integer.toHexString(status) + "h";
    }

    static final class Operations {
        private Operations() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                RamDevice ram = device(app);
                ServedBdev served = ServedBdev.register(options("ram", 7));
                ram.onDestruct = served::destructed;
                app.examined();
                int[] resized = new int[1];
                MemorySegment desc =
                        app.open("ram", (type, _, _) -> resized[0] += type == BdevH.SPDK_BDEV_EVENT_RESIZE ? 1 : 0);
                Target target = SpdkApp.target(desc);
                run(app, ram, target);

                served.resize(BLOCKS * 2);
                app.until("the event", () -> resized[0] > 0);
                System.out.println(
                        "resized: "
                                + BdevH.spdk_bdev_get_num_blocks(MemorySegment.ofAddress(served.bdev()))
                                + " blocks, told: "
                                + resized[0]);
                refused("smaller", () -> served.resize(1));
                refused("same name", () -> ServedBdev.register(options("ram", 8)));
                target.close();
                served.unregister();
                app.until("the end", () -> ram.gone);

                limits(app, ram);
                itself(app, ram);
                passthru(app, ram);
            }
        }

        private static void run(SpdkApp app, RamDevice ram, Target target) {
            MemorySegment data = SpdkApp.memory(BLOCK * 8);
            long at = data.address();
            for (int i = 0; i < 8; i++) {
                data.asSlice((long) i * BLOCK, BLOCK).fill((byte) (i + 1));
            }
            int write = app.await(app.submit(BdevRing.WRITE, target, at, 10, 2));
            data.asSlice(0, 2 * BLOCK).fill((byte) -1);
            int read = app.await(app.submit(BdevRing.READ, target, at, 11, 1));
            boolean same = data.get(JAVA_BYTE, 5) == 2 && ram.byteAt(10, 0) == 1 && ram.byteAt(11, BLOCK - 1) == 2;
            System.out.println(write == 0 && read == 0 && same ? "written and read" : "wrong: " + write + read + same);

            MemorySegment iovs = SpdkApp.memory(64);
            for (int i = 0; i < 3; i++) {
                iovs.set(JAVA_LONG, i * 16L, at + (2L + i) * BLOCK);
                iovs.set(JAVA_LONG, i * 16L + 8, BLOCK);
            }
            SpdkApp.check("writev", app.await(app.submit(BdevRing.WRITEV, target, iovs.address(), 20, 3, 3, 0, 0)));
            System.out.println("vectors: " + ram.mostVectors);
            SpdkApp.check("written", ram.byteAt(22, 9) - 5);
            System.out.println("without a buffer: " + app.await(app.submit(BdevRing.READ, target, 0, 20, 3)));

            int unmap = app.await(app.submit(BdevRing.UNMAP, target, 0, 20, 1));
            int flush = app.await(app.submit(BdevRing.FLUSH, target, 0, 0, BLOCKS));
            System.out.println("unmap and flush: " + unmap + " " + flush);
            ram.operations.clear();
            SpdkApp.check("zeroes", app.await(app.submit(BdevRing.WRITE_ZEROES, target, 0, 21, 1)));
            System.out.println(
                    "zeroes are written: "
                            + (ram.operations.equals(List.of(BdevRing.WRITE)) && ram.byteAt(21, 77) == 0));
            data.asSlice(0, BLOCK).fill((byte) 5);
            int equal = app.await(app.submit(BdevRing.COMPARE, target, at, 22, 1));
            int different = app.await(app.submit(BdevRing.COMPARE, target, at, 21, 1));
            System.out.println("equal: " + equal + ", different: " + hex(different));
            data.asSlice(BLOCK, BLOCK).fill((byte) 9);
            int first = app.await(app.submit(BdevRing.COMPARE_AND_WRITE, target, at, 22, 1, 0, 0, at + BLOCK));
            int second = app.await(app.submit(BdevRing.COMPARE_AND_WRITE, target, at, 22, 1, 0, 0, at + BLOCK));
            System.out.println("compare and write: " + first + ", " + hex(second));
            SpdkApp.check("copy", app.await(app.submit(BdevRing.COPY, target, 0, 100, 1, 0, 0, 22)));
            System.out.println("copied: " + (ram.byteAt(100, 1000) == 9));
        }

        private static void limits(SpdkApp app, RamDevice ram) {
            ServedBdev served =
                    ServedBdev.register(
                            options("small", 9)
                                    .limits(8, 2, 0)
                                    .uuid(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
            ram.onDestruct = served::destructed;
            ram.gone = false;
            app.examined();
            ram.longestBlocks = ram.mostVectors = 0;
            // By the alias that SPDK makes of the UUID.
            Target target = app.target("01020304-0506-0708-090a-0b0c0d0e0f10");
            MemorySegment data = SpdkApp.memory(BLOCK * 32L);
            SpdkApp.check("long", app.await(app.submit(BdevRing.WRITE, target, data.address(), 0, 32)));
            MemorySegment iovs = SpdkApp.memory(64);
            for (int i = 0; i < 4; i++) {
                iovs.set(JAVA_LONG, i * 16L, data.address() + (long) i * BLOCK);
                iovs.set(JAVA_LONG, i * 16L + 8, BLOCK);
            }
            SpdkApp.check("wide", app.await(app.submit(BdevRing.READV, target, iovs.address(), 0, 4, 4, 0, 0)));
            System.out.println("split: " + ram.longestBlocks + " blocks, " + ram.mostVectors + " vectors");
            target.close();
            served.unregister();
            app.until("the end", () -> ram.gone);
        }

        /** What SPDK emulates otherwise. */
        private static void itself(SpdkApp app, RamDevice ram) {
            ServedBdev served =
                    ServedBdev.register(
                            options("able", 11)
                                    .operations(
                                            BdevRing.READ,
                                            BdevRing.WRITE,
                                            BdevRing.WRITE_ZEROES,
                                            BdevRing.COMPARE,
                                            BdevRing.COMPARE_AND_WRITE,
                                            BdevRing.COPY)
                                    .units(1, 4));
            ram.onDestruct = served::destructed;
            ram.gone = false;
            app.examined();
            Target target = app.target("able");
            MemorySegment data = SpdkApp.memory(4L * BLOCK).fill((byte) 1);
            data.asSlice(2L * BLOCK).fill((byte) 2);
            long ones = data.address();
            long twos = ones + 2L * BLOCK;
            SpdkApp.check("write", app.await(app.submit(BdevRing.WRITE, target, ones, 50, 2)));
            ram.operations.clear();
            int equal = app.await(app.submit(BdevRing.COMPARE, target, ones, 50, 2));
            int different = app.await(app.submit(BdevRing.COMPARE, target, twos, 50, 2));
            int swapped = app.await(app.submit(BdevRing.COMPARE_AND_WRITE, target, ones, 50, 2, 0, 0, twos));
            int not = app.await(app.submit(BdevRing.COMPARE_AND_WRITE, target, ones, 50, 2, 0, 0, twos));
            SpdkApp.check("copy", app.await(app.submit(BdevRing.COPY, target, 0, 70, 2, 0, 0, 50)));
            boolean copied = ram.byteAt(71, 3) == 2;
            SpdkApp.check("zeroes", app.await(app.submit(BdevRing.WRITE_ZEROES, target, 0, 50, 2)));
            System.out.println(
                    "itself: "
                            + ram.operations
                            + ", equal "
                            + equal
                            + ", different "
                            + hex(different)
                            + ", swapped "
                            + swapped
                            + ", not swapped "
                            + hex(not)
                            + ", copied "
                            + copied
                            + ", zeroes "
                            + (ram.byteAt(51, 0) == 0));
            target.close();
            served.unregister();
            app.until("the end", () -> ram.gone);
        }

        private static void passthru(SpdkApp app, RamDevice ram) {
            ram.gone = false;
            ServedBdev served = ServedBdev.register(options("under", 10));
            ram.onDestruct = served::destructed;
            app.call("bdev_passthru_create", "{\"base_bdev_name\":\"under\",\"name\":\"over\"}");
            Target target = app.target("over");
            MemorySegment data = SpdkApp.memory(BLOCK).fill((byte) 0x5a);
            int status = app.await(app.submit(BdevRing.WRITE, target, data.address(), 500, 1));
            System.out.println("through passthru: " + (status == 0 && ram.byteAt(500, 1) == 0x5a));
            target.close();
            app.call("bdev_passthru_delete", "{\"name\":\"over\"}");
            served.unregister();
            app.until("the end", () -> ram.gone);
        }
    }

    static final class Statuses {
        private Statuses() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                RamDevice ram = device(app);
                ServedBdev served = ServedBdev.register(options("ram", 1));
                ram.onDestruct = served::destructed;
                app.examined();
                Target target = app.target("ram");
                long buffer = SpdkApp.memory(BLOCK).address();
                for (int status : new int[] {-5, -28, 0x281, 7, -125}) {
                    ram.faults.add(status);
                    int got = app.await(app.submit(BdevRing.READ, target, buffer, 0, 1));
                    System.out.println(status + " is " + hex(got));
                }
                ram.faults.addAll(List.of(-12, -12, -12));
                ram.operations.clear();
                int got = app.await(app.submit(BdevRing.READ, target, buffer, 0, 1));
                System.out.println("-12 is " + hex(got) + " after " + ram.operations.size() + " tries");
                refused("one answer too many", () -> app.ring.answer(buffer, 0));
                target.close();
            }
        }
    }

    static final class Held {
        private Held() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                RamDevice ram = device(app);
                ServedBdev served = ServedBdev.register(options("ram", 1));
                ram.onDestruct = served::destructed;
                Target target = app.target("ram");
                long buffer = SpdkApp.memory(BLOCK).address();
                app.examined();

                ram.hold = true;
                int held = app.submit(BdevRing.READ, target, buffer, 0, 1);
                app.until("a request", () -> ram.held.size() == 1);
                int abort = app.submit(BdevRing.ABORT, target, 0, 0, 0, 0, held, 0);
                System.out.println("aborted: " + app.await(abort) + ", " + app.await(held));

                int[] slots = new int[5];
                Arrays.setAll(slots, _ -> app.submit(BdevRing.WRITE, target, buffer, 0, 1));
                app.until("requests", () -> ram.held.size() == 5);
                int reset = app.await(app.submit(BdevRing.RESET, target, 0, 0, 0));
                long aborted = Arrays.stream(slots).map(app::await).filter(status -> status == 7).count();
                System.out.println("reset: " + reset + ", " + aborted + " of 5 aborted");

                // More than the queues have room for at first.
                int[] many = new int[3000];
                Arrays.setAll(many, i -> app.submit(BdevRing.READ, target, buffer, i % BLOCKS, 1));
                app.until("many requests", () -> ram.held.size() == many.length);
                int unanswered = app.ring.unanswered();
                ram.hold = false;
                ram.release();
                boolean all = Arrays.stream(many).allMatch(slot -> app.await(slot) == 0);
                System.out.println("held: " + unanswered + " of 3000, " + (all ? "all done" : "not all done"));
                System.out.println(
                        "nothing to abort: " + app.await(app.submit(BdevRing.ABORT, target, 0, 0, 0, 0, many[0], 0)));
                target.close();
            }
        }
    }

    static final class Removal {
        private Removal() {}

        public static void main(String[] args) {
            List<Integer> events = new ArrayList<>();
            RamDevice ram;
            try (SpdkApp app = new SpdkApp(0)) {
                ram = device(app);
                load(app, ram, events);

                ServedBdev again = ServedBdev.register(options("ram", 1));
                System.out.println("gone, and there again");
                ram.gone = false;
                ram.onDestruct = again::destructed;
                System.out.println("app ends while registered");
            }
            System.out.println("gone with the app: " + ram.gone);
        }

        private static void load(SpdkApp app, RamDevice ram, List<Integer> events) {
            ServedBdev served = ServedBdev.register(options("ram", 1));
            boolean[] destructed = new boolean[1];
            ram.onDestruct = () -> destructed[0] = true;
            Target target = SpdkApp.target(app.open("ram", (type, _, _) -> events.add(type)));
            long buffer = SpdkApp.memory(BLOCK).address();
            app.examined();
            ram.hold = true;
            int[] slots = new int[16];
            Arrays.setAll(slots, _ -> app.submit(BdevRing.READ, target, buffer, 0, 1));
            app.until("requests", () -> ram.held.size() == slots.length);
            served.unregister();
            served.unregister();
            app.until("the event", () -> !events.isEmpty());
            System.out.println("event " + events.getFirst() + " while " + ram.held.size() + " are held");
            int late = app.submit(BdevRing.READ, target, buffer, 0, 1);
            ram.hold = false;
            ram.release();
            for (int slot : slots) {
                SpdkApp.check("held", app.await(slot));
            }
            app.await(late);
            for (int i = 0; i < 100; i++) {
                app.poll();
            }
            System.out.println(destructed[0] ? "destructed while open" : "not destructed while open");
            target.close();
            app.until("destruct", () -> destructed[0]);
            System.out.println("destructed, channels: " + ram.channels.size());
            for (int i = 0; i < 100; i++) {
                app.poll();
            }
            System.out.println(ram.gone ? "gone before the answer" : "not gone before the answer");
            served.destructed();
            app.until("the end", () -> ram.gone);
        }
    }

    static final class Threads {
        private Threads() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                refused("no ring, no device", () -> ServedBdev.register(options("early", 1)));
                RamDevice ram = device(app);
                ServedBdev served = ServedBdev.register(options("ram", 1));
                ram.onDestruct = served::destructed;
                MemorySegment desc = app.open("ram");
                app.examined();
                ram.operations.clear();

                MemorySegment thread = SpdkThreads.create("other", MemorySegment.NULL);
                ThreadH.spdk_set_thread(thread);
                System.out.println("no ring, no channel: " + (BdevH.spdk_bdev_get_io_channel(desc).address() == 0));
                BdevRing ring = new BdevRing(16);
                RamDevice others = new RamDevice(ring, BLOCK, BLOCKS);
                ring.attach(thread.address());
                Target target = SpdkApp.target(desc);
                ThreadH.spdk_set_thread(app.thread);

                long buffer = SpdkApp.memory(BLOCK).address();
                ring.detach();
                System.out.println("detached: " + hex(read(app, ring, thread, others, target, buffer)));
                ring.attach(thread.address());
                SpdkApp.check("read", read(app, ring, thread, others, target, buffer));
                System.out.println(
                        "own ring: "
                                + others.operations.contains(BdevRing.READ)
                                + ", the other's: "
                                + ram.operations.contains(BdevRing.READ));

                ThreadH.spdk_set_thread(thread);
                ThreadH.spdk_thread_exit(thread);
                ThreadH.spdk_put_io_channel(target.channel());
                ThreadH.spdk_set_thread(app.thread);
                app.until(
                        "the exit",
                        () -> {
                            ring.poll(thread.address(), 0);
                            ring.drainRequests(others);
                            return ThreadH.spdk_thread_is_exited(thread);
                        });
                System.out.println(others.channels.isEmpty() ? "exited" : "a channel is left");
                ring.close();
                ThreadH.spdk_thread_destroy(thread);
                BdevH.spdk_bdev_close(desc);
            }
        }

        private static int read(
                SpdkApp app, BdevRing ring, MemorySegment thread, RamDevice device, Target target, long buffer) {
            int[] status = {1};
            ring.submit(BdevRing.READ, 0, target.desc().address(), target.channel().address(), buffer, 0, 1);
            app.until(
                    "a read",
                    () -> {
                        ring.poll(thread.address(), 0);
                        ring.drainRequests(device);
                        return ring.drain((_, ended) -> status[0] = ended) > 0;
                    });
            return status[0];
        }
    }
}
