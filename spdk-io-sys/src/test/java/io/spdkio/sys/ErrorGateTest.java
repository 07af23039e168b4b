package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.sys.SpdkApp.Target;
import io.spdkio.sys.raw.BdevH;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.SplittableRandom;

@RequiresSpdk
class ErrorGateTest {

    @Test
    void aSeedHitsTheSameShareOfIo() throws Exception {
        Child child = Child.run(Gate.class).succeeded();
        assertThat(child.output())
                .contains(
                        "as SplittableRandom: true, other seed: different",
                        "again: true",
                        "through passthru: true",
                        "three at most: 3",
                        "never at rate 0, always at rate 1: 0, 1000",
                        "other operations: 0",
                        "without memory: 0 of 1000 failed",
                        "cleared: 0",
                        "same gate: true",
                        "reset without memory: no rule for operation 8",
                        "device and gate are gone",
                        "closed");
    }

    static final class Gate {
        private static final int MANY = 1000;

        private Gate() {}

        public static void main(String[] args) {
            try (SpdkApp app = new SpdkApp(0)) {
                app.useRing(2048, null);
                app.call("bdev_malloc_create", "{\"name\":\"m0\",\"num_blocks\":1024,\"block_size\":512}");
                Target target = app.target("m0");
                long bdev = BdevH.spdk_bdev_get_by_name(app.arena.allocateFrom("m0")).address();
                ErrorGate gate = ErrorGate.install(bdev);
                BitSet hits = run(app, gate, target, 42);
                BitSet other = run(app, gate, target, 43);
                System.out.println(
                        "as SplittableRandom: "
                                + hits.equals(expected(42))
                                + ", other seed: "
                                + (other.equals(hits) ? "equal" : "different"));
                System.out.println("again: " + run(app, gate, target, 42).equals(hits));
                target.close();

                app.call("bdev_passthru_create", "{\"base_bdev_name\":\"m0\",\"name\":\"over\"}");
                app.examined();
                Target over = app.target("over");
                System.out.println("through passthru: " + run(app, gate, over, 42).equals(hits));
                rules(app, gate, over);
                System.out.println("same gate: " + (run(app, ErrorGate.install(bdev), over, 42).equals(hits)));
                try {
                    gate.set(BdevRing.RESET, ErrorGate.Mode.NOMEM, 1, 0, 1);
                } catch (IllegalArgumentException e) {
                    System.out.println("reset without memory: " + e.getMessage());
                }
                over.close();
                app.call("bdev_passthru_delete", "{\"name\":\"over\"}");
                app.call("bdev_malloc_delete", "{\"name\":\"m0\"}");
                // The second device often lies where the first one was.
                app.call("bdev_malloc_create", "{\"name\":\"m0\",\"num_blocks\":1024,\"block_size\":512}");
                app.examined();
                Target again = app.target("m0");
                System.out.println(
                        reads(app, again).isEmpty() ? "device and gate are gone" : "the gate is still there");
                again.close();
                // One that has a gate when SPDK ends.
                ErrorGate.install(BdevH.spdk_bdev_get_by_name(app.arena.allocateFrom("m0")).address());
            }
        }

        private static void rules(SpdkApp app, ErrorGate gate, Target target) {
            gate.set(BdevRing.READ, ErrorGate.Mode.FAILURE, 0.5, 1, 3);
            System.out.println("three at most: " + reads(app, target).cardinality());
            gate.set(BdevRing.READ, ErrorGate.Mode.FAILURE, 0, 1, Long.MAX_VALUE);
            int never = reads(app, target).cardinality();
            gate.set(BdevRing.READ, ErrorGate.Mode.FAILURE, 1, 1, Long.MAX_VALUE);
            System.out.println("never at rate 0, always at rate 1: " + never + ", " + reads(app, target).cardinality());
            gate.clear();
            gate.set(BdevRing.WRITE, ErrorGate.Mode.FAILURE, 1, 1, Long.MAX_VALUE);
            System.out.println("other operations: " + reads(app, target).cardinality());
            gate.set(BdevRing.READ, ErrorGate.Mode.NOMEM, 0.2, 1, Long.MAX_VALUE);
            System.out.println("without memory: " + reads(app, target).cardinality() + " of 1000 failed");
            gate.clear();
            System.out.println("cleared: " + reads(app, target).cardinality());
        }

        private static BitSet run(SpdkApp app, ErrorGate gate, Target target, long seed) {
            gate.set(BdevRing.READ, ErrorGate.Mode.FAILURE, 0.1, seed, Long.MAX_VALUE);
            return reads(app, target);
        }

        private static BitSet expected(long seed) {
            SplittableRandom random = new SplittableRandom(seed);
            BitSet hits = new BitSet();
            for (int i = 0; i < MANY; i++) {
                hits.set(i, random.nextDouble() < 0.1);
            }
            return hits;
        }

        /** {@return which of many reads failed} */
        private static BitSet reads(SpdkApp app, Target target) {
            MemorySegment buffer = SpdkApp.memory(512);
            int[] slots = new int[MANY];
            for (int i = 0; i < MANY; i++) {
                slots[i] = app.submit(BdevRing.READ, target, buffer.address(), i, 1);
            }
            BitSet failed = new BitSet();
            for (int i = 0; i < MANY; i++) {
                failed.set(i, app.await(slots[i]) != 0);
            }
            return failed;
        }
    }
}
