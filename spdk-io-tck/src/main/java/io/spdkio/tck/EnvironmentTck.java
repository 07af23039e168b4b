package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.CpuSet;
import io.spdkio.EngineInfo;
import io.spdkio.IdleStrategy;
import io.spdkio.IoFuture;
import io.spdkio.JoinHandle;
import io.spdkio.Poller;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** The environment: opening, choosing an engine, closing, and what is left after that. */
public abstract class EnvironmentTck extends EngineTck {
    /** For the subclasses. */
    protected EnvironmentTck() {}

    // ---- engines

    @Test
    void theEnginesThereAreAreListedThePreferredFirst() {
        List<EngineInfo> engines = SpdkEnv.engines();
        assertThat(engines).extracting(EngineInfo::name).contains(fixture().engineName()).doesNotHaveDuplicates();
        assertThat(engines).isSortedAccordingTo(Comparator.comparingInt(EngineInfo::preference).reversed());
        assertThat(engines)
                .allSatisfy(info -> {
                    assertThat(info.description()).isNotBlank();
                    assertThat(info.isAvailable()).isEqualTo(info.unavailabilityCause().isEmpty());
                });
    }

    @Test
    void anEngineThatIsNamedIsThatOneAndSaysWhy() {
        assertThat(env.engine().name()).isEqualTo(fixture().engineName());
        assertThat(env.engine().isAvailable()).isTrue();
        assertThat(env.engineReason()).isNotBlank();
    }

    @Test
    void autoTakesThePreferredOneThatIsAvailable() {
        env.close();
        env = open(builder().engine("auto"));
        EngineInfo best = SpdkEnv.engines().stream().filter(EngineInfo::isAvailable).findFirst().orElseThrow();
        assertThat(env.engine().name()).isEqualTo(best.name());
        assertThat(env.engineReason()).isNotBlank();
    }

    @Test
    void anUnknownEngineIsRefusedAndThoseThereAreAreNamed() {
        env.close();
        assertThatThrownBy(() -> open(builder().engine("no-such-engine")))
                .isInstanceOf(SpdkException.EngineUnavailable.class)
                .hasMessageContaining("no-such-engine")
                .hasMessageContaining(fixture().engineName());
        env = open(builder());
        assertThat(env.isClosed()).as("the failed build leaves room for another").isFalse();
    }

    // ---- opening

    @Test
    void anEnvironmentKnowsItsNameAndIsOpen() {
        assertThat(env.name()).isEqualTo("tck");
        assertThat(env.isClosed()).isFalse();
        assertThat(env.cores().size()).isPositive();
        assertThat(env.bdevs().list()).isEmpty();
        assertThat(env.threads()).containsExactly(thread);
    }

    @Test
    void aSecondEnvironmentIsRefusedAndTheFirstIsNamed() {
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> open(builder().name("second")))
                    .isInstanceOf(SpdkException.Busy.class)
                    .hasMessageContaining("tck");
        }
        mallocDevice(8, 512).write(0, pattern(seed, 512));
    }

    @Test
    void anotherCanBeOpenedAfterClose() {
        for (int i = 0; i < 5; i++) {
            env.close();
            env = open(builder().name("again" + i));
            thread = env.attachThread("main");
            Device device = mallocDevice(8, 512);
            device.write(0, pattern(i, 512));
            assertThat(device.read(0, 512)).isEqualTo(pattern(i, 512));
        }
    }

    @Test
    void everyOptionIsTaken() {
        env.close();
        env =
                open(
                        builder()
                                .name("options")
                                .coreMask("0x1")
                                .mainCore(0)
                                .memSizeMb(256)
                                .shmId(-1)
                                .noPci(true)
                                .noHuge(true)
                                .hugepageSingleSegments(false)
                                .ioPoolSize(128)
                                .closeTimeout(Duration.ofSeconds(10))
                                .clock(System::nanoTime));
        thread = env.attachThread("main");
        assertThat(env.cores()).isEqualTo(CpuSet.of(0));
        assertThat(env.name()).isEqualTo("options");
    }

    @Test
    void anImpossibleSettingIsRefusedWithItsName() {
        assertThatThrownBy(() -> builder().name(" ")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder().memSizeMb(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("memSizeMb");
        assertThatThrownBy(() -> builder().shmId(-2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("shmId");
        assertThatThrownBy(() -> builder().ioPoolSize(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("ioPoolSize");
        assertThatThrownBy(() -> builder().closeTimeout(Duration.ZERO))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("closeTimeout");
        assertThatThrownBy(() -> builder().coreMask("zzz"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("zzz");
        assertThatThrownBy(() -> builder().coreMask("0x0")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder().mainCore(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> builder().engine(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> builder().exceptionHandler(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> builder().clock(null)).isInstanceOf(NullPointerException.class);
        env.close();
        assertThatThrownBy(() -> open(builder().coreMask("0x1").mainCore(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("mainCore");
    }

    // ---- closing

    @Test
    void closingTwiceIsOnce() {
        env.close();
        assertThat(env.isClosed()).isTrue();
        env.close();
        env.close();
        assertThat(env.isClosed()).isTrue();
    }

    @Test
    void closeExitsTheThreadsOfTheCaller() {
        SpdkThread second = env.attachThread("second");
        env.close();
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(second.state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(env.threads()).isEmpty();
        assertThat(env.currentThread()).isEmpty();
    }

    @Test
    void closeEndsASpawnedThreadThatRuns() {
        JoinHandle<String> handle =
                env.spawnThread(
                        "runner",
                        it -> {
                            it.run(IdleStrategy.backoff());
                            return "ran";
                        });
        env.close();
        assertThat(handle.join()).isEqualTo("ran");
        assertThat(handle.thread().state()).isEqualTo(SpdkThread.State.EXITED);
    }

    @Test
    void closeFromAnotherThreadWaitsForTheThreadsThatArePolled() throws Exception {
        var closing =
                onNewThread(() -> {
                    env.close();
                    return null;
                });
        thread.run(IdleStrategy.yielding());
        assertThat(thread.state()).isEqualTo(SpdkThread.State.EXITED);
        elsewhereUnpolled(closing::get);
        assertThat(env.isClosed()).isTrue();
    }

    @Test
    void closeWithIoOutstandingAbortsItAndSettlesItsFuture() {
        Bdev base = malloc(64, 512);
        Device slow = device(create(DelayBdev.of("slow", base.name(), Duration.ofHours(10))));
        Bdev base2 = malloc(64, 512);
        Device stuck =
                device(
                        create(
                                new ErrorBdev(
                                        "stuck",
                                        base2.name(),
                                        List.of(
                                                ErrorBdev.Injection.next(
                                                        io.spdkio.bdev.IoType.READ, ErrorBdev.Mode.PENDING, 1)))));
        DmaBuf buffer = buffer(512);
        DmaBuf buffer2 = buffer(512);
        IoFuture<Void> read = slow.desc.read(slow.channel, buffer, 0, 512);
        IoFuture<Void> read2 = stuck.desc.read(stuck.channel, buffer2, 0, 512);
        poll(10);
        assertThat(read).isNotDone();
        assertThat(read2).isNotDone();
        env.close();
        assertThat(read).isDone();
        assertThat(read2).isDone();
        assertThat(read.exceptionNow()).isInstanceOf(SpdkException.class);
        assertThat(read2.exceptionNow()).isInstanceOf(SpdkException.class);
        buffer.close();
        assertThat(buffer.isClosed()).isTrue();
    }

    @Test
    void closeSaysWhichThreadDoesNotExitAndCanBeRepeated() {
        env.close();
        env = open(builder().closeTimeout(Duration.ofMillis(200)));
        CountDownLatch release = new CountDownLatch(1);
        JoinHandle<String> handle =
                env.spawnThread(
                        "stubborn",
                        _ -> {
                            try {
                                release.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            return "released";
                        });
        try {
            assertThatThrownBy(env::close).isInstanceOf(SpdkException.Busy.class).hasMessageContaining("stubborn");
            assertThatThrownBy(() -> open(builder())).as("it is still open").isInstanceOf(SpdkException.Busy.class);
        } finally {
            release.countDown();
        }
        assertThat(handle.join()).isEqualTo("released");
        env.close();
        assertThat(env.isClosed()).isTrue();
    }

    @Test
    void closeInsideAPollIsRefusedAndHarmless() {
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        thread.execute(() -> {
            try {
                env.close();
            } catch (Throwable e) {
                refusal.set(e);
            }
        });
        pollUntil("the refusal", () -> refusal.get() != null);
        assertThat(refusal.get()).isInstanceOf(IllegalStateException.class);
        assertThat(env.isClosed()).isFalse();
        mallocDevice(8, 512).write(0, pattern(seed, 512));
    }

    @Test
    void closeDrainsAThreadWhoseOsThreadHasEnded() throws Exception {
        SpdkThread orphan = elsewhere(() -> env.attachThread("orphan"));
        orphan.osThread().join();
        AtomicBoolean ran = new AtomicBoolean();
        orphan.execute(() -> ran.set(true));
        env.close();
        assertThat(orphan.state()).isEqualTo(SpdkThread.State.EXITED);
        assertThat(ran).isTrue();
    }

    @Test
    void closeRemovesTheDevicesAndClosesWhatIsOpen() {
        TestBackend backend = TestBackend.of(8, 512);
        Bdev bdev = custom(backend);
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
        assertThat(thread.ioChannel(desc).outstanding()).isZero();
        env.close();
        assertThat(bdev.isRemoved()).isTrue();
        assertThat(desc.isClosed()).isTrue();
        assertThat(backend.channelsClosed).hasValue(backend.channels.get());
        assertThat(backend.closes).hasValue(1);
    }

    @Test
    void everyCallAfterCloseThrowsClosed() {
        env.close();
        List<Runnable> calls =
                List.of(
                        () -> env.attachThread("late"),
                        () -> env.attachThread("late", Runnable::run),
                        () -> env.spawnThread("late", _ -> null),
                        () -> env.bdevs().create(MallocBdev.of("late", 4096)).join(),
                        () -> env.bdevs().destroy("late").join(),
                        () -> env.bdevs().find("late"),
                        () -> env.bdevs().get("late"),
                        () -> env.bdevs().list(),
                        () -> env.dma().allocate(4096),
                        () -> env.dma().pool(4096, 2));
        for (Runnable call : calls) {
            assertThatThrownBy(call::run).isInstanceOf(SpdkException.Closed.class).hasMessageContaining("tck");
        }
        assertThat(env.name()).isEqualTo("tck");
        assertThat(env.engineReason()).isNotBlank();
        assertThat(env.engine().name()).isEqualTo(fixture().engineName());
        assertThat(env.threads()).isEmpty();
        assertThat(env.toString()).isNotBlank();
    }

    @Test
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    void everyHandleOutlivesTheEnvironmentHarmlessly() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(4096);
        DmaBuf slice = buffer.slice(0, 512);
        MemorySegment segment = buffer.segment();
        DmaPool pool = env.dma().pool(512, 4);
        DmaBuf pooled = pool.take();
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        Poller poller = thread.registerPoller("p", Duration.ZERO, () -> 0);
        IoFuture<String> call = thread.call(() -> "called");
        env.close();

        assertThat(call.join()).as("messages already sent run").isEqualTo("called");
        assertThat(thread.poll()).isZero();
        assertThat(device.bdev.name()).isNotBlank();
        assertThat(device.bdev.isRemoved()).isTrue();
        for (Runnable refused :
                List.<Runnable>of(
                        () -> thread.execute(() -> {}),
                        () -> thread.call(() -> 1),
                        () -> thread.registerPoller("late", Duration.ZERO, () -> 0),
                        () -> thread.ioChannel(device.desc),
                        () -> device.bdev.open(OpenMode.READ_ONLY),
                        () -> device.desc.read(device.channel, buffer, 0, 512),
                        () -> device.desc.reset(device.channel),
                        () -> device.desc.openQueue(device.channel, 1, (_, _) -> {}),
                        () -> queue.read(buffer, 0, 512, 1),
                        () -> queue.reset(1))) {
            assertThatThrownBy(refused::run).isInstanceOf(SpdkException.Closed.class);
        }
        assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> slice.get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> pooled.get(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatCode(
                        () -> {
                            poller.close();
                            queue.close();
                            device.channel.close();
                            device.desc.close();
                            slice.close();
                            buffer.close();
                            pooled.close();
                            pool.close();
                            thread.exit();
                            thread.close();
                        })
                .doesNotThrowAnyException();
    }

    @Test
    void manyThreadsMayCloseAtOnce() throws Exception {
        thread.close();
        List<java.util.concurrent.CompletableFuture<Object>> closers = new java.util.ArrayList<>();
        for (int i = 0; i < 4; i++) {
            closers.add(
                    onNewThread(() -> {
                        env.close();
                        return null;
                    }));
        }
        for (var closer : closers) {
            elsewhereUnpolled(closer::get);
        }
        assertThat(env.isClosed()).isTrue();
    }
}
