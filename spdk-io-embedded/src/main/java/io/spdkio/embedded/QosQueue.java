package io.spdkio.embedded;

import io.spdkio.Poller;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The I/O of one channel that waits for the device's limits. Confined to the channel's thread. */
final class QosQueue {
    private final Qos qos;
    private final IoContext context;
    private final Consumer<IoRequest> passes;
    private final ArrayDeque<IoRequest> held = new ArrayDeque<>();
    private final Poller poller;

    /** {@code passes} takes an I/O when its turn has come. */
    QosQueue(Qos qos, IoContext context, Consumer<IoRequest> passes) {
        this.qos = qos;
        this.context = context;
        this.passes = passes;
        // Now and not when it is needed: then the thread may be exiting, and take no new poller.
        poller = context.thread().registerPoller("qos", Duration.ofNanos(Qos.TIMESLICE_NANOS), this::letPass);
        poller.pause();
    }

    /** Whether an I/O has to wait, and is then kept here; or was, and has gone on already. */
    boolean holds(IoRequest io) {
        if (!Qos.limits(io.type())) {
            return false;
        }
        if (held.isEmpty()) {
            if (qos.take(io)) {
                return false;
            }
            qos.advance(context.nanoTime(), false);
            if (qos.take(io)) {
                return false;
            }
            held.addLast(io);
            poller.resume();
            return true;
        }
        // Those before it first, and it may go although they can't: perhaps only reads are held back.
        held.addLast(io);
        letPass();
        return true;
    }

    private int letPass() {
        qos.advance(context.nanoTime(), true);
        int passed = 0;
        for (int due = held.size(); due > 0 && !held.isEmpty(); due--) {
            IoRequest io = held.pollFirst();
            if (qos.take(io)) {
                passed++;
                passes.accept(io);
            } else {
                held.addLast(io);
            }
        }
        rest();
        return passed;
    }

    private void rest() {
        if (held.isEmpty() && !poller.isPaused()) {
            poller.pause();
        }
    }

    boolean isEmpty() {
        return held.isEmpty();
    }

    boolean anyMatch(Predicate<IoRequest> what) {
        return held.stream().anyMatch(what);
    }

    /** Takes an I/O out; false if it is not here. */
    boolean remove(IoRequest io) {
        boolean was = held.remove(io);
        rest();
        return was;
    }

    /** The limits have ended: everything passes. */
    void end() {
        poller.close();
        while (!held.isEmpty()) {
            passes.accept(held.pollFirst());
        }
    }

    /** Nothing is held. */
    void close() {
        poller.close();
    }
}
