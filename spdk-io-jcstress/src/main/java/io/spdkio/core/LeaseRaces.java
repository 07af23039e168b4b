package io.spdkio.core;

import io.spdkio.SpdkException;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** A buffer is never closed while an I/O holds it, and always once none does. */
public final class LeaseRaces {
    private static final int REFUSED = 0;
    private static final int DONE = 1;
    private static final int CLOSED_WHILE_HELD = 2;

    private LeaseRaces() {}

    /** Takes, looks whether the buffer was closed meanwhile, and gives back. */
    private static int use(Lease lease, Object thread) {
        try {
            lease.take(thread, null);
        } catch (SpdkException.Closed e) {
            return REFUSED;
        }
        int seen = lease.isClosed() ? CLOSED_WHILE_HELD : DONE;
        lease.giveBack(thread);
        return seen;
    }

    private static int close(Lease lease) {
        try {
            return lease.close() ? DONE : REFUSED;
        } catch (SpdkException.Busy e) {
            return REFUSED;
        }
    }

    /** One thread uses the buffer, another closes it. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "used; the close came meanwhile and was refused")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "used, then closed")
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "closed, so the use was refused")
    @State
    public static class UseAgainstClose {
        private final Lease lease = new Lease();

        /**
         * Uses.
         *
         * @param r the result
         */
        @Actor
        public void user(II_Result r) {
            r.r1 = use(lease, this);
        }

        /**
         * Closes.
         *
         * @param r the result
         */
        @Actor
        public void closer(II_Result r) {
            r.r2 = close(lease);
        }
    }

    /** Two threads use the buffer, so that one of them is not the favourite; then it can be closed. */
    @JCStressTest
    @Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "both used it, and nothing holds it afterwards")
    @State
    public static class TwoUsers {
        private final Lease lease = new Lease();
        private final Object otherThread = new Object();

        /**
         * Uses.
         *
         * @param r the result
         */
        @Actor
        public void one(III_Result r) {
            r.r1 = use(lease, this);
        }

        /**
         * Uses.
         *
         * @param r the result
         */
        @Actor
        public void other(III_Result r) {
            r.r2 = use(lease, otherThread);
        }

        /**
         * Closes at last.
         *
         * @param r the result
         */
        @Arbiter
        public void close(III_Result r) {
            r.r3 = LeaseRaces.close(lease);
        }
    }

    /** Two threads close: exactly one frees. */
    @JCStressTest
    @Outcome(
            id = {"1, 0", "0, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "one frees")
    @State
    public static class TwoClosers {
        private final Lease lease = new Lease();

        /**
         * Closes.
         *
         * @param r the result
         */
        @Actor
        public void one(II_Result r) {
            r.r1 = close(lease);
        }

        /**
         * Closes.
         *
         * @param r the result
         */
        @Actor
        public void other(II_Result r) {
            r.r2 = close(lease);
        }
    }

    /** Two users and a closer. */
    @JCStressTest
    @Outcome(
            id = {"0, 0, 1", "1, 0, 1", "0, 1, 1", "1, 1, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "closed at some point")
    @Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "in use, so not closed")
    @Outcome(
            id = {"0, 1, 0", "1, 0, 0", "0, 0, 0"},
            expect = Expect.FORBIDDEN,
            desc = "refused, yet never closed")
    @State
    public static class TwoUsersAgainstClose {
        private final Lease lease = new Lease();
        private final Object otherThread = new Object();

        /**
         * Uses.
         *
         * @param r the result
         */
        @Actor
        public void one(III_Result r) {
            r.r1 = use(lease, this);
        }

        /**
         * Uses.
         *
         * @param r the result
         */
        @Actor
        public void other(III_Result r) {
            r.r2 = use(lease, otherThread);
        }

        /**
         * Closes.
         *
         * @param r the result
         */
        @Actor
        public void closer(III_Result r) {
            r.r3 = close(lease);
        }
    }
}
