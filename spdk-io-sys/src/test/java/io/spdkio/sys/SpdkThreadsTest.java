package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.sys.raw.CpusetH;
import io.spdkio.sys.raw.ThreadH;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;

@RequiresSpdk
class SpdkThreadsTest {

    @Test
    void threadsThatSpdkCreatesAreTakenAndOursAreNot() throws Exception {
        Child child = Child.run(Threads.class).succeeded();
        // The NVMe over Fabrics target makes one a core, and its initialisation waits for them.
        assertThat(child.output())
                .contains(
                        "taken nvmf_tgt_poll_group_000",
                        "in order: first, second, 0",
                        "rescheduled: 0",
                        "again: SPDK's thread library is initialised already",
                        "closed");
        assertThat(child.output()).doesNotContain("taken app", "taken ours");
    }

    @Test
    void aThreadHasOneRing() throws Exception {
        Child child = Child.run(Rings.class).succeeded();
        assertThat(child.output())
                .contains(
                        "early: a ring cannot be attached to a thread before SpdkThreads.init",
                        "two rings: the thread has a ring",
                        "two threads: the thread has a ring, or the ring a thread",
                        "detached and attached",
                        "closed and attached",
                        "closed");
    }

    static final class Threads {
        private Threads() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                for (MemorySegment thread : app.taken) {
                    System.out.println("taken " + Dl.string(ThreadH.spdk_thread_get_name(thread)));
                }
                MemorySegment ours = SpdkThreads.create("ours", MemorySegment.NULL);
                MemorySegment first = ThreadH.spdk_thread_create(app.arena.allocateFrom("1"), MemorySegment.NULL);
                MemorySegment second = ThreadH.spdk_thread_create(app.arena.allocateFrom("2"), MemorySegment.NULL);
                System.out.println(
                        "in order: "
                                + (SpdkThreads.untaken() == 2 && SpdkThreads.take().equals(first) ? "first, " : "-, ")
                                + (SpdkThreads.take().equals(second) ? "second, " : "-, ")
                                + SpdkThreads.take().address());
                MemorySegment mask = CpusetH.spdk_cpuset_alloc();
                CpusetH.spdk_cpuset_set_cpu(mask, 0, true);
                ThreadH.spdk_set_thread(ours);
                System.out.println("rescheduled: " + ThreadH.spdk_thread_set_cpumask(mask));
                CpusetH.spdk_cpuset_free(mask);
                try {
                    SpdkThreads.init(0);
                } catch (NativeException e) {
                    System.out.println("again: " + e.getMessage());
                }
                SpdkApp.exit(ours);
                SpdkApp.exit(first);
                SpdkApp.exit(second);
            }
        }
    }

    static final class Rings {
        private Rings() {}

        public static void main(String[] args) {
            try (BdevRing early = new BdevRing(1)) {
                attach("early", early, 4096);
            }
            try (SpdkApp app = new SpdkApp(0);
                    BdevRing ring = new BdevRing(1)) {
                ring.attach(app.thread.address());
                BdevRing other = new BdevRing(1);
                attach("two rings", other, app.thread.address());
                MemorySegment thread = SpdkThreads.create("other", MemorySegment.NULL);
                attach("two threads", ring, thread.address());
                ring.detach();
                other.attach(app.thread.address());
                System.out.println("detached and attached");
                other.close();
                ring.attach(app.thread.address());
                System.out.println("closed and attached");
                SpdkApp.exit(thread);
            }
        }

        private static void attach(String what, BdevRing ring, long thread) {
            try {
                ring.attach(thread);
                System.out.println(what + ": attached");
            } catch (NativeException e) {
                System.out.println(what + ": " + e.getMessage());
            }
        }
    }
}
