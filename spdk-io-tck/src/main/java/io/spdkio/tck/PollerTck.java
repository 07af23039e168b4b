package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Poller;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Pollers, on a clock that the test moves. */
public abstract class PollerTck extends EngineTck {
    private static final Duration PERIOD = Duration.ofMillis(10);

    /** For the subclasses. */
    protected PollerTck() {}

    @Override
    SpdkEnv.Builder settings(SpdkEnv.Builder builder) {
        return builder.clock(clock);
    }

    @Test
    void aBusyPollerRunsInEveryPoll() {
        AtomicInteger runs = new AtomicInteger();
        Poller poller = thread.registerPoller("busy", Duration.ZERO, runs::incrementAndGet);
        assertThat(runs).as("not in registerPoller").hasValue(0);
        for (int i = 1; i <= 5; i++) {
            assertThat(thread.poll()).isPositive();
            assertThat(runs).hasValue(i);
            assertThat(poller.runs()).isEqualTo(i);
        }
        assertThat(poller.name()).isEqualTo("busy");
        assertThat(thread.isIdle()).as("with an active poller").isFalse();
        poller.close();
        poll(5);
        assertThat(runs).hasValue(5);
        assertThat(thread.isIdle()).isTrue();
    }

    @Test
    void thePollersWorkIsThePollsWork() {
        try (Poller three = thread.registerPoller("three", Duration.ZERO, () -> 3);
                Poller none = thread.registerPoller("none", Duration.ZERO, () -> 0);
                Poller negative = thread.registerPoller("negative", Duration.ZERO, () -> -5)) {
            assertThat(thread.poll()).isEqualTo(3);
            assertThat(three.runs() + none.runs() + negative.runs()).isEqualTo(3);
        }
        assertThat(thread.poll()).isZero();
    }

    @Test
    void aTimedPollerRunsOnceAPeriod() {
        AtomicInteger runs = new AtomicInteger();
        Poller poller = thread.registerPoller("timed", PERIOD, runs::incrementAndGet);
        poll(10);
        assertThat(runs).hasValue(0);
        clock.advance(PERIOD.minusNanos(1));
        poll(10);
        assertThat(runs).hasValue(0);
        clock.advance(Duration.ofNanos(1));
        poll(10);
        assertThat(runs).hasValue(1);
        for (int i = 2; i < 10; i++) {
            clock.advance(PERIOD);
            poll(3);
            assertThat(runs).hasValue(i);
        }
        assertThat(poller.runs()).isEqualTo(9);
    }

    @Test
    void aThreadThatWasHeldUpDoesNotOweTheRunsItMissed() {
        AtomicInteger runs = new AtomicInteger();
        Poller poller = thread.registerPoller("timed", PERIOD, runs::incrementAndGet);
        clock.advance(PERIOD.multipliedBy(100));
        poll(10);
        assertThat(runs).hasValue(1);
        clock.advance(PERIOD.minusNanos(1));
        poll(10);
        assertThat(runs).hasValue(1);
        assertThat(poller.isPaused()).isFalse();
    }

    @Test
    void timedPollersRunInTheOrderInWhichTheyAreDue() {
        List<String> order = new ArrayList<>();
        for (int millis : new int[] {30, 10, 20}) {
            assertThat(
                            thread.registerPoller(
                                            "every " + millis,
                                            Duration.ofMillis(millis),
                                            () -> {
                                                order.add("every " + millis);
                                                return 1;
                                            })
                                    .runs())
                    .isZero();
        }
        clock.advance(Duration.ofMillis(35));
        thread.poll();
        assertThat(order).containsExactly("every 10", "every 20", "every 30");
    }

    @Test
    void aPausedPollerDoesNotRun() {
        Poller busy = thread.registerPoller("busy", Duration.ZERO, () -> 1);
        Poller timed = thread.registerPoller("timed", PERIOD, () -> 1);
        busy.pause();
        busy.pause();
        timed.pause();
        timed.pause();
        assertThat(busy.isPaused()).isTrue();
        assertThat(timed.isPaused()).isTrue();
        clock.advance(PERIOD.multipliedBy(5));
        assertThat(thread.poll()).isZero();
        assertThat(busy.runs() + timed.runs()).isZero();
        busy.resume();
        busy.resume();
        timed.resume();
        timed.resume();
        assertThat(busy.isPaused()).isFalse();
        thread.poll();
        assertThat(busy.runs()).as("once, although resumed twice").isEqualTo(1);
        assertThat(timed.runs()).as("a whole period after resume").isZero();
        clock.advance(PERIOD);
        thread.poll();
        assertThat(timed.runs()).isEqualTo(1);
    }

    /** Two pollers that do something to themselves when they run. */
    private Poller[] busyAndTimed(Consumer<Poller> toItself) {
        Poller[] self = new Poller[2];
        for (int i = 0; i < self.length; i++) {
            int index = i;
            self[i] =
                    thread.registerPoller(
                            i == 0 ? "busy" : "timed",
                            i == 0 ? Duration.ZERO : PERIOD,
                            () -> {
                                toItself.accept(self[index]);
                                return 1;
                            });
        }
        return self;
    }

    @Test
    void aPollerMayPauseItself() {
        Poller[] self = busyAndTimed(Poller::pause);
        for (int i = 0; i < 5; i++) {
            clock.advance(PERIOD);
            thread.poll();
        }
        assertThat(self[0].runs()).isEqualTo(1);
        assertThat(self[1].runs()).isEqualTo(1);
        self[0].resume();
        self[1].resume();
        clock.advance(PERIOD);
        thread.poll();
        assertThat(self[0].runs()).isEqualTo(2);
        assertThat(self[1].runs()).isEqualTo(2);
    }

    @Test
    void aPollerMayCloseItself() {
        Poller[] self = busyAndTimed(Poller::close);
        Poller bystander = thread.registerPoller("bystander", Duration.ZERO, () -> 0);
        for (int i = 0; i < 5; i++) {
            clock.advance(PERIOD);
            thread.poll();
        }
        assertThat(self[0].runs()).isEqualTo(1);
        assertThat(self[1].runs()).isEqualTo(1);
        assertThat(bystander.runs()).isGreaterThanOrEqualTo(4);
        self[0].close();
        self[1].close();
        self[0].pause();
        self[1].resume();
        clock.advance(PERIOD);
        poll(3);
        assertThat(self[0].runs()).isEqualTo(1);
        assertThat(self[1].runs()).isEqualTo(1);
    }

    @Test
    void aPollerMayPauseAndResumeItselfAtOnce() {
        Poller[] self = new Poller[1];
        self[0] =
                thread.registerPoller(
                        "timed",
                        PERIOD,
                        () -> {
                            self[0].pause();
                            self[0].resume();
                            return 1;
                        });
        for (int i = 1; i <= 5; i++) {
            clock.advance(PERIOD);
            thread.poll();
            assertThat(self[0].runs()).as("once a period, not twice").isEqualTo(i);
        }
    }

    @Test
    void aPollerMayRegisterAndCloseOthers() {
        List<Poller> made = new ArrayList<>();
        Poller victim = thread.registerPoller("victim", PERIOD, () -> 1);
        Poller maker =
                thread.registerPoller(
                        "maker",
                        Duration.ZERO,
                        () -> {
                            victim.close();
                            if (made.size() < 3) {
                                made.add(thread.registerPoller("made", Duration.ZERO, () -> 1));
                            }
                            return 1;
                        });
        clock.advance(PERIOD);
        poll(10);
        assertThat(victim.runs()).isZero();
        assertThat(made).hasSize(3).allSatisfy(poller -> assertThat(poller.runs()).isGreaterThanOrEqualTo(5));
        assertThat(maker.runs()).isEqualTo(10);
    }

    @Test
    void aPollerThatThrowsIsReportedAndGoesOn() {
        expectReports();
        RuntimeException problem = new RuntimeException("on purpose");
        Poller busy =
                thread.registerPoller(
                        "busy",
                        Duration.ZERO,
                        () -> {
                            throw problem;
                        });
        Poller timed =
                thread.registerPoller(
                        "timed",
                        PERIOD,
                        () -> {
                            throw new AssertionError("on purpose");
                        });
        clock.advance(PERIOD);
        thread.poll();
        clock.advance(PERIOD);
        thread.poll();
        assertThat(busy.runs()).isEqualTo(2);
        assertThat(timed.runs()).isEqualTo(2);
        assertThat(reported).hasSize(4).contains(problem);
        assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
    }

    @Test
    void aPollerIsNotEnteredAgainByAPollInsideIt() {
        int[] depth = new int[2];
        Poller poller =
                thread.registerPoller(
                        "nesting",
                        Duration.ZERO,
                        () -> {
                            depth[0]++;
                            depth[1] = Math.max(depth[0], depth[1]);
                            thread.poll();
                            depth[0]--;
                            return 0;
                        });
        poll(3);
        assertThat(depth[1]).isEqualTo(1);
        assertThat(poller.runs()).isEqualTo(3);
    }

    @Test
    void aPeriodIsNotNegativeAndNothingIsNull() {
        assertThatThrownBy(() -> thread.registerPoller("p", Duration.ofNanos(-1), () -> 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> thread.registerPoller("p", Duration.ZERO, null))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> thread.registerPoller(null, Duration.ZERO, () -> 0))
                .isInstanceOf(NullPointerException.class);
        Poller forever = thread.registerPoller("for ever", Duration.ofSeconds(Long.MAX_VALUE), () -> 1);
        clock.advance(Duration.ofDays(365));
        thread.poll();
        assertThat(forever.runs()).isZero();
    }

    @Test
    void manyPollersAllRun() {
        List<Poller> pollers = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            pollers.add(thread.registerPoller("busy", Duration.ZERO, () -> 1));
            pollers.add(thread.registerPoller("timed", PERIOD.plusNanos(i), () -> 1));
        }
        clock.advance(PERIOD.multipliedBy(2));
        assertThat(thread.poll()).isEqualTo(2_000);
        assertThat(pollers).allSatisfy(poller -> assertThat(poller.runs()).isEqualTo(1));
        pollers.forEach(Poller::close);
        assertThat(thread.poll()).isZero();
    }
}
