package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.CpuSet;
import io.spdkio.IdleStrategy;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** SPDK threads: attaching, spawning, polling, messages, and the end. */
public abstract class ThreadTck extends EngineTck {
    /** For the subclasses. */
    protected ThreadTck() {}

    // ---- attach

    @Test
    void attachBindsToTheCallingThread() {
        assertThat(thread.name()).isEqualTo("main");
        assertThat(thread.id()).isPositive();
        assertThat(thread.osThread()).isSameAs(Thread.currentThread());
        assertThat(thread.isCurrent()).isTrue();
        assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
        assertThat(env.currentThread()).containsSame(thread);
        assertThat(env.threads()).containsExactly(thread);
    }

    @Test
    void severalThreadsShareAnOsThreadAndTheOnePolledIsCurrent() {
        SpdkThread second = env.attachThread("second");
        assertThat(second.id()).isNotEqualTo(thread.id());
        assertThat(env.currentThread()).as("the one attached last").containsSame(second);
        List<SpdkThread> current = new ArrayList<>();
        thread.execute(() -> current.add(env.currentThread().orElseThrow()));
        second.execute(() -> current.add(env.currentThread().orElseThrow()));
        thread.poll();
        second.poll();
        assertThat(current).containsExactly(thread, second);
        second.close();
        assertThat(env.currentThread()).containsSame(thread);
        assertThat(env.threads()).containsExactly(thread);
    }

    @Test
    void anOsThreadWithoutAnSpdkThreadHasNoCurrentOne() throws Exception {
        runElsewhere(() -> {
            assertThat(env.currentThread()).isEmpty();
            assertThat(thread.isCurrent()).isFalse();
        });
    }

    @Test
    void aVirtualThreadCantBeAttachedTo() throws Exception {
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        Thread virtual =
                Thread.startVirtualThread(() -> {
                    try {
                        env.attachThread("virtual");
                    } catch (Throwable e) {
                        refusal.set(e);
                    }
                });
        assertThat(virtual.join(Duration.ofSeconds(10))).isTrue();
        assertThat(refusal.get()).isInstanceOf(IllegalStateException.class);
        assertThat(env.threads()).containsExactly(thread);
    }

    // ---- messages

    @Test
    void aMessageRunsInALaterPollAndNeverInExecute() {
        AtomicBoolean ran = new AtomicBoolean();
        thread.execute(() -> ran.set(true));
        assertThat(ran).isFalse();
        assertThat(thread.isIdle()).isFalse();
        assertThat(thread.poll()).isPositive();
        assertThat(ran).isTrue();
    }

    @Test
    void aMessageRunsOnItsThread() throws Exception {
        IoFuture<SpdkThread> where = elsewhereUnpolled(() -> thread.call(() -> env.currentThread().orElseThrow()));
        assertThat(await(where)).isSameAs(thread);
    }

    @Test
    void messagesOfOneSenderKeepTheirOrder() {
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            int number = i;
            thread.execute(() -> seen.add(number));
        }
        pollUntil("all messages", () -> seen.size() == 1_000);
        assertThat(seen).isSorted();
    }

    @Test
    void messagesOfManySendersAllRunEachSendersInOrder() throws Exception {
        int senders = 4;
        int each = 20_000;
        Map<Integer, Integer> last = new ConcurrentHashMap<>();
        AtomicInteger outOfOrder = new AtomicInteger();
        AtomicInteger count = new AtomicInteger();
        List<CompletableFuture<Object>> running = new ArrayList<>();
        for (int s = 0; s < senders; s++) {
            int sender = s;
            running.add(
                    onNewThread(() -> {
                        for (int i = 0; i < each; i++) {
                            int number = i;
                            thread.execute(() -> {
                                if (last.getOrDefault(sender, -1) != number - 1) {
                                    outOfOrder.incrementAndGet();
                                }
                                last.put(sender, number);
                                count.incrementAndGet();
                            });
                        }
                        return null;
                    }));
        }
        pollUntil("all messages", () -> count.get() == senders * each);
        assertThat(outOfOrder).hasValue(0);
        for (CompletableFuture<Object> sender : running) {
            assertThat(sender.get(10, TimeUnit.SECONDS)).isNull();
        }
    }

    @Test
    void aPollWithALimitRunsNoMoreMessagesThanThat() {
        AtomicInteger ran = new AtomicInteger();
        for (int i = 0; i < 10; i++) {
            thread.execute(ran::incrementAndGet);
        }
        thread.poll(3);
        assertThat(ran).hasValue(3);
        thread.poll(1);
        assertThat(ran).hasValue(4);
        thread.poll(0);
        assertThat(ran).hasValue(10);
        assertThatThrownBy(() -> thread.poll(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aMessageThatSendsAMessageDoesNotStarveThePoll() {
        AtomicInteger ran = new AtomicInteger();
        Runnable[] again = new Runnable[1];
        again[0] =
                () -> {
                    ran.incrementAndGet();
                    if (thread.state() == SpdkThread.State.RUNNING) {
                        thread.execute(again[0]);
                    }
                };
        thread.execute(again[0]);
        thread.poll();
        assertThat(ran).hasValue(1);
        thread.poll();
        assertThat(ran).hasValue(2);
    }

    @Test
    void aMessageThatThrowsIsReportedAndTheThreadGoesOn() {
        expectReports();
        AtomicBoolean ran = new AtomicBoolean();
        RuntimeException problem = new RuntimeException("on purpose");
        Error error = new StackOverflowError("on purpose");
        thread.execute(() -> {
            throw problem;
        });
        thread.execute(() -> {
            throw error;
        });
        thread.execute(() -> ran.set(true));
        pollUntil("the last message", ran::get);
        assertThat(reported).containsExactly(problem, error);
        assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
    }

    @Test
    void anExceptionHandlerThatThrowsDoesNoHarm() {
        env.close();
        env =
                open(
                        builder()
                                .exceptionHandler((_, _) -> {
                                    throw new IllegalStateException("the handler, on purpose");
                                }));
        thread = env.attachThread("main");
        thread.execute(() -> {
            throw new RuntimeException("on purpose");
        });
        AtomicBoolean ran = new AtomicBoolean();
        thread.execute(() -> ran.set(true));
        pollUntil("the second message", ran::get);
    }

    @Test
    void aCallBringsItsResultBack() throws Exception {
        IoFuture<Integer> call = thread.call(() -> 42);
        assertThat(call).isNotDone();
        assertThat(await(call)).isEqualTo(42);
        assertThat(elsewhere(() -> bounded(thread.call(() -> 43)).join())).isEqualTo(43);
        assertThat(elsewhere(() -> bounded(thread.call(() -> 44)).get())).isEqualTo(44);
        assertThat(elsewhere(() -> thread.call(() -> 45).get(20, TimeUnit.SECONDS))).isEqualTo(45);
    }

    @Test
    void aCallFailsWithWhatItsTaskThrew() {
        SpdkException own = new SpdkException.Closed("on purpose");
        IoFuture<Object> first =
                bounded(
                        thread.call(() -> {
                            throw own;
                        }));
        assertThatThrownBy(first::join).isSameAs(own);
        java.io.IOException other = new java.io.IOException("on purpose");
        IoFuture<Object> second =
                bounded(
                        thread.call(() -> {
                            throw other;
                        }));
        assertThatThrownBy(second::join).isInstanceOf(CompletionException.class).hasCause(other);
        assertThat(reported).as("it was brought back, not reported").isEmpty();
    }

    @Test
    void nullsAreRefused() {
        assertThatThrownBy(() -> thread.execute(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> thread.call(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> thread.run(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> thread.pollOn(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> thread.ioChannel(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.attachThread(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.spawnThread("x", null)).isInstanceOf(NullPointerException.class);
    }

    // ---- idle, poll, await

    @Test
    void anIdleThreadPollsToZero() {
        pollUntil("idleness", thread::isIdle);
        assertThat(thread.poll()).isZero();
        thread.execute(() -> {});
        assertThat(thread.isIdle()).isFalse();
        thread.poll();
        assertThat(thread.isIdle()).isTrue();
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        pollUntil("idleness", thread::isIdle);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        assertThat(thread.isIdle()).as("with I/O outstanding").isFalse();
        pollUntil("the I/O's arrival", () -> !backend.held.isEmpty());
        backend.serveHeld();
        await(read);
        pollUntil("idleness", thread::isIdle);
    }

    @Test
    void awaitPollsUntilAnyStageCompletes() throws Exception {
        assertThat(thread.await(CompletableFuture.completedFuture("now"))).isEqualTo("now");
        CompletableFuture<String> later = new CompletableFuture<>();
        thread.execute(() -> later.complete("by a message"));
        assertThat(thread.await(later)).isEqualTo("by a message");
        CompletableFuture<String> foreign = bounded(new CompletableFuture<>());
        CompletableFuture<Object> helper = onNewThread(() -> foreign.complete("by another thread"));
        assertThat(thread.await(foreign)).isEqualTo("by another thread");
        assertThat(helper.get(10, TimeUnit.SECONDS)).isEqualTo(true);
    }

    @Test
    void awaitThrowsWhatTheStageFailedWith() {
        SpdkException own = new SpdkException.Closed("on purpose");
        assertThatThrownBy(() -> thread.await(CompletableFuture.failedFuture(own))).isSameAs(own);
        Exception other = new Exception("on purpose");
        assertThatThrownBy(() -> thread.await(CompletableFuture.failedFuture(other)))
                .isInstanceOf(CompletionException.class)
                .hasCause(other);
    }

    @Test
    void aMessageMayAwaitAnotherAndThePollNests() {
        AtomicReference<String> result = new AtomicReference<>();
        thread.execute(() -> {
            IoFuture<String> inner = bounded(thread.call(() -> "inner"));
            result.set(inner.join());
        });
        pollUntil("the outer message", () -> result.get() != null);
        assertThat(result).hasValue("inner");
    }

    @Test
    void theClockGoesOnAndIsThatOfTheEnvironment() {
        long before = System.nanoTime();
        long now = thread.nanoTime();
        long after = System.nanoTime();
        assertThat(now).isBetween(before, after);
    }

    // ---- run, idle strategies

    @Test
    void runReturnsWhenTheThreadHasExitedUnderEveryIdleStrategy() {
        for (IdleStrategy idle :
                List.of(
                        IdleStrategy.busySpin(),
                        IdleStrategy.yielding(),
                        IdleStrategy.backoff(),
                        IdleStrategy.park(Duration.ofMillis(1)))) {
            SpdkThread runner = env.attachThread("runner");
            AtomicInteger ran = new AtomicInteger();
            for (int i = 0; i < 100; i++) {
                runner.execute(ran::incrementAndGet);
            }
            runner.execute(runner::exit);
            runner.run(idle);
            assertThat(runner.state()).isEqualTo(SpdkThread.State.EXITED);
            assertThat(ran).hasValue(100);
        }
    }

    @Test
    void aMessageWakesAThreadThatIsParked() {
        JoinHandle<Void> handle =
                env.spawnThread(
                        "sleeper",
                        it -> {
                            it.run(IdleStrategy.park(Duration.ofHours(1)));
                            return null;
                        });
        for (int i = 0; i < 2_000; i++) {
            assertThat(bounded(handle.thread().call(() -> "awake")).join()).isEqualTo("awake");
        }
        handle.thread().exit();
        assertThat(bounded(handle.result()).join()).isNull();
    }

    @Test
    void anIdleStrategyIsToldHowMuchWasDone() {
        List<Integer> told = new ArrayList<>();
        SpdkThread runner = env.attachThread("runner");
        runner.execute(() -> {});
        runner.run(work -> {
            told.add(work);
            if (told.size() == 3) {
                runner.exit();
            }
        });
        assertThat(told.getFirst()).isPositive();
        assertThat(told.get(1)).isZero();
    }

    @Test
    void anIdleStrategyDoesNotRestAfterWork() {
        IdleStrategy.park(Duration.ofHours(1)).idle(1);
        IdleStrategy backoff = IdleStrategy.backoff();
        for (int i = 0; i < 300; i++) {
            backoff.idle(i % 3);
        }
        IdleStrategy.busySpin().idle(0);
        IdleStrategy.yielding().idle(0);
        assertThatThrownBy(() -> IdleStrategy.park(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> IdleStrategy.park(Duration.ofMillis(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    // ---- executors

    @Test
    void anExecutorCarriesAThread() throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            SpdkThread carried = env.attachThread("carried", executor);
            assertThat(carried.osThread()).isSameAs(executor.submit(Thread::currentThread).get());
            assertThat(elsewhere(() -> bounded(carried.call(carried::isCurrent)).join())).isTrue();
            AtomicInteger turns = new AtomicInteger();
            for (int i = 0; i < 50; i++) {
                assertThat(executor.submit(turns::incrementAndGet).get(20, TimeUnit.SECONDS))
                        .as("the executor does other work between turns")
                        .isEqualTo(i + 1);
                assertThat(bounded(carried.call(() -> 7)).get()).isEqualTo(7);
            }
            carried.exit();
            pollUntil("the exit", () -> carried.state() == SpdkThread.State.EXITED);
        } finally {
            executor.shutdown();
        }
        assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).as("nothing is left in it").isTrue();
    }

    @Test
    void pollOnCompletesWhenTheThreadHasExited() throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            SpdkThread carried = executor.submit(() -> env.attachThread("carried")).get();
            CompletableFuture<Void> turns = carried.pollOn(executor);
            assertThat(bounded(carried.call(() -> 1)).join()).isEqualTo(1);
            assertThat(turns).isNotDone();
            carried.exit();
            assertThat(turns.get(20, TimeUnit.SECONDS)).isNull();
            assertThat(carried.state()).isEqualTo(SpdkThread.State.EXITED);
        } finally {
            executor.shutdown();
        }
    }

    @Test
    void pollOnAnExecutorThatRunsElsewhereFails() throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            CompletableFuture<Void> turns = thread.pollOn(executor);
            assertThat(failureOf(() -> turns)).isInstanceOf(SpdkException.WrongThread.class);
        } finally {
            executor.shutdown();
        }
        assertThat(await(thread.call(() -> "still works"))).isEqualTo("still works");
    }

    @Test
    void attachingToAnExecutorFromItsOwnThreadFailsInsteadOfWaitingForEver() throws Exception {
        env.close();
        env = open(builder().closeTimeout(Duration.ofMillis(500)));
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            Object outcome =
                    executor.submit(
                                    () -> {
                                        try {
                                            return env.attachThread("never", executor);
                                        } catch (SpdkException e) {
                                            return e;
                                        }
                                    })
                            .get(patienceNanos(), TimeUnit.NANOSECONDS);
            assertThat(outcome)
                    .isInstanceOfSatisfying(
                            SpdkException.TimedOut.class, e -> assertThat(e).hasMessageContaining("its own thread"));
            executor.submit(() -> {}).get(patienceNanos(), TimeUnit.NANOSECONDS);
            assertThat(env.threads()).isEmpty();
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void anExecutorThatRunsTasksInTheCallIsRefused() {
        assertThat(failureOf(() -> thread.pollOn(Runnable::run))).isInstanceOf(IllegalArgumentException.class);
    }

    // ---- spawn

    @Test
    void aSpawnedThreadRunsItsBodyOnAnOsThreadOfItsOwn() {
        JoinHandle<String> handle =
                env.spawnThread(
                        "worker",
                        it -> {
                            assertThat(it.osThread()).isSameAs(Thread.currentThread());
                            assertThat(it.isCurrent()).isTrue();
                            assertThat(env.currentThread()).containsSame(it);
                            return it.name();
                        });
        assertThat(handle.join()).isEqualTo("worker");
        assertThat(handle.thread().state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(handle.result()).isCompletedWithValue("worker");
        assertThat(handle.join()).as("again").isEqualTo("worker");
        assertThat(handle.thread().osThread()).isNotSameAs(Thread.currentThread());
        assertThat(env.threads()).containsExactly(thread);
    }

    @Test
    void joinThrowsWhatTheBodyThrew() {
        SpdkException own = new SpdkException.Closed("on purpose");
        JoinHandle<Object> first =
                env.spawnThread(
                        "first",
                        _ -> {
                            throw own;
                        });
        assertThatThrownBy(first::join).isSameAs(own);
        RuntimeException other = new RuntimeException("on purpose");
        JoinHandle<Object> second =
                env.spawnThread(
                        "second",
                        _ -> {
                            throw other;
                        });
        assertThatThrownBy(second::join).isInstanceOf(CompletionException.class).hasCause(other);
        assertThat(second.thread().state()).isEqualTo(SpdkThread.State.EXITED);
    }

    @Test
    void aSpawnedThreadDrainsItsMessagesBeforeItExits() {
        AtomicInteger ran = new AtomicInteger();
        JoinHandle<Void> handle =
                env.spawnThread(
                        "worker",
                        it -> {
                            for (int i = 0; i < 10; i++) {
                                it.execute(ran::incrementAndGet);
                            }
                            return null;
                        });
        assertThat(handle.join()).isNull();
        assertThat(ran).hasValue(10);
    }

    @Test
    void aSpawnedThreadIsPinnedWhereItWasTold() throws Exception {
        Path status = Path.of("/proc/thread-self/status");
        assumeTrue(Files.exists(status), "no /proc to see the affinity in");
        int core = env.cores().cores().getLast();
        JoinHandle<List<String>> handle;
        try {
            handle =
                    env.spawnThread(
                            "pinned",
                            CpuSet.of(core),
                            _ -> {
                                try {
                                    return Files.readAllLines(status);
                                } catch (java.io.IOException e) {
                                    throw new java.io.UncheckedIOException(e);
                                }
                            });
        } catch (SpdkException.Unsupported e) {
            assumeTrue(false, e.getMessage());
            return;
        }
        assertThat(handle.join()).anySatisfy(line -> assertThat(line).matches("Cpus_allowed_list:\\s+" + core));
    }

    @Test
    void pinningToACoreThatIsNotThereIsRefused() {
        assertThatThrownBy(() -> env.spawnThread("nowhere", CpuSet.of(CpuSet.MAX_CORES - 1), _ -> null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(env.threads()).containsExactly(thread);
    }

    @Test
    void twoThreadsTalkByMessages() {
        AtomicInteger hops = new AtomicInteger();
        JoinHandle<Void> handle =
                env.spawnThread(
                        "other",
                        it -> {
                            it.run(IdleStrategy.backoff());
                            return null;
                        });
        SpdkThread other = handle.thread();
        Runnable[] hop = new Runnable[1];
        hop[0] =
                () -> {
                    int count = hops.incrementAndGet();
                    if (count < 10_000) {
                        (other.isCurrent() ? thread : other).execute(hop[0]);
                    }
                };
        other.execute(hop[0]);
        pollUntil("all hops", () -> hops.get() == 10_000);
        other.exit();
        assertThat(handle.join()).isNull();
    }

    // ---- the end

    @Test
    void exitDrainsWhatWasSentAndRefusesTheRest() {
        List<String> ran = new ArrayList<>();
        SpdkThread dying = env.attachThread("dying");
        dying.execute(() -> ran.add("sent before"));
        dying.exit();
        assertThat(dying.state()).isEqualTo(SpdkThread.State.EXITING);
        assertThatThrownBy(() -> dying.execute(() -> ran.add("sent after")))
                .isInstanceOf(SpdkException.Closed.class)
                .hasMessageContaining("dying");
        assertThatThrownBy(() -> dying.call(() -> 1)).isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> dying.registerPoller("late", Duration.ZERO, () -> 0))
                .isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> dying.fork(() -> 1)).isInstanceOf(SpdkException.Closed.class);
        dying.exit();
        dying.close();
        assertThat(ran).containsExactly("sent before");
        assertThat(dying.state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(dying.poll()).isZero();
        assertThatThrownBy(() -> dying.execute(() -> {})).isInstanceOf(SpdkException.Closed.class);
        dying.exit();
        dying.close();
        dying.run(IdleStrategy.busySpin());
    }

    @Test
    void exitMayBeAskedForFromAnyThread() throws Exception {
        SpdkThread dying = env.attachThread("dying");
        runElsewhere(dying::exit);
        assertThat(dying.state()).isEqualTo(SpdkThread.State.EXITING);
        dying.run(IdleStrategy.yielding());
        assertThat(dying.state()).isEqualTo(SpdkThread.State.EXITED);
    }

    @Test
    void exitClosesPollersAndWaitsForOutstandingIo() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        AtomicInteger polls = new AtomicInteger();
        assertThat(thread.registerPoller("p", Duration.ZERO, polls::incrementAndGet).name()).isEqualTo("p");
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("the I/O's arrival", () -> !backend.held.isEmpty());
        thread.exit();
        poll(10);
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITING);
        assertThat(read).isNotDone();
        backend.serveHeld();
        thread.run(IdleStrategy.yielding());
        assertThat(read).isCompleted();
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITED);
        int after = polls.get();
        poll(10);
        assertThat(polls).as("the poller runs no more").hasValue(after);
        assertThat(backend.channelsClosed).hasValue(1);
        buffer.close();
    }

    @Test
    void exitAbortsIoThatDoesNotCompleteByItself() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        backend.abortable = true;
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("the I/O's arrival", () -> !backend.held.isEmpty());
        thread.close();
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
        buffer.close();
    }

    @Test
    void closeInsideItsOwnPollIsRefusedAndExitIsNot() {
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        thread.execute(() -> {
            try {
                thread.close();
            } catch (Throwable e) {
                refusal.set(e);
            }
            thread.exit();
        });
        thread.run(IdleStrategy.yielding());
        assertThat(refusal.get()).isInstanceOf(IllegalStateException.class);
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITED);
    }

    @Test
    void everyMessageThatWasTakenRunsHoweverExitRacesWithSenders() throws Exception {
        for (int round = 0; round < 50; round++) {
            SpdkThread dying = env.attachThread("dying");
            AtomicInteger taken = new AtomicInteger();
            AtomicInteger ran = new AtomicInteger();
            CompletableFuture<Object> sender =
                    onNewThread(() -> {
                        try {
                            while (true) {
                                dying.execute(ran::incrementAndGet);
                                taken.incrementAndGet();
                            }
                        } catch (SpdkException.Closed e) {
                            return null;
                        }
                    });
            while (taken.get() < round % 7) {
                dying.poll();
            }
            dying.close();
            assertThat(sender.get(20, TimeUnit.SECONDS)).isNull();
            assertThat(ran).hasValue(taken.get());
        }
    }
}
