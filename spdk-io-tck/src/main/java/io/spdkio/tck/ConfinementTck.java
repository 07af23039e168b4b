package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IdleStrategy;
import io.spdkio.IoFuture;
import io.spdkio.Poller;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Every confined call is refused on every other thread, in every build, and does no harm. */
public abstract class ConfinementTck extends EngineTck {
    /** For the subclasses. */
    protected ConfinementTck() {}

    /** Every confined call there is, by name. */
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    private Map<String, Runnable> confinedCalls(Device device, IoQueue queue, Poller poller, DmaBuf buffer) {
        Map<String, Runnable> calls = new LinkedHashMap<>();
        calls.put("thread.poll", thread::poll);
        calls.put("thread.poll(n)", () -> thread.poll(1));
        calls.put("thread.run", () -> thread.run(IdleStrategy.busySpin()));
        calls.put("thread.isIdle", thread::isIdle);
        calls.put("thread.close", thread::close);
        calls.put("thread.fork", () -> thread.fork(() -> {}));
        calls.put("thread.await", () -> thread.await(new CompletableFuture<>()));
        calls.put("thread.registerPoller", () -> thread.registerPoller("p", Duration.ZERO, () -> 0));
        calls.put("thread.ioChannel", () -> thread.ioChannel(device.desc));
        calls.put("poller.pause", poller::pause);
        calls.put("poller.resume", poller::resume);
        calls.put("poller.close", poller::close);
        calls.put("channel.close", device.channel::close);
        calls.put("desc.close", device.desc::close);
        calls.put("desc.claim", () -> device.desc.claim(ClaimType.READ_MANY_WRITE_ONE));
        calls.put("desc.read", () -> device.desc.read(device.channel, buffer, 0, 512));
        calls.put("desc.write", () -> device.desc.write(device.channel, buffer, 0, 512));
        calls.put("desc.readv", () -> device.desc.readv(device.channel, List.of(buffer), 0));
        calls.put("desc.writev", () -> device.desc.writev(device.channel, List.of(buffer), 0));
        calls.put("desc.writeZeroes", () -> device.desc.writeZeroes(device.channel, 0, 512));
        calls.put("desc.unmap", () -> device.desc.unmap(device.channel, 0, 512));
        calls.put("desc.flush", () -> device.desc.flush(device.channel));
        calls.put("desc.reset", () -> device.desc.reset(device.channel));
        calls.put("desc.compare", () -> device.desc.compare(device.channel, buffer, 0, 512));
        calls.put("desc.compareAndWrite", () -> device.desc.compareAndWrite(device.channel, buffer, buffer, 0, 512));
        calls.put("desc.copy", () -> device.desc.copy(device.channel, 0, 512, 512));
        calls.put("desc.abort", () -> device.desc.abort(device.channel, thread.call(() -> 1)));
        calls.put("desc.openQueue", () -> device.desc.openQueue(device.channel, 1, (_, _) -> {}));
        calls.put("queue.read", () -> queue.read(buffer, 0, 512, 1));
        calls.put("queue.write", () -> queue.write(buffer, 0, 512, 1));
        calls.put("queue.readv", () -> queue.readv(new DmaBuf[] {buffer}, 0, 1));
        calls.put("queue.writev", () -> queue.writev(new DmaBuf[] {buffer}, 0, 1));
        calls.put("queue.writeZeroes", () -> queue.writeZeroes(0, 512, 1));
        calls.put("queue.unmap", () -> queue.unmap(0, 512, 1));
        calls.put("queue.flush", () -> queue.flush(0, 512, 1));
        calls.put("queue.reset", () -> queue.reset(1));
        calls.put("queue.compare", () -> queue.compare(buffer, 0, 512, 1));
        calls.put("queue.compareAndWrite", () -> queue.compareAndWrite(buffer, buffer, 0, 512, 1));
        calls.put("queue.copy", () -> queue.copy(0, 512, 512, 1));
        calls.put("queue.abort", () -> queue.abort(1));
        calls.put("queue.close", queue::close);
        return calls;
    }

    private void assertRefused(String name, Runnable call) throws Exception {
        String caller =
                elsewhereUnpolled(() -> {
                    assertThatThrownBy(call::run)
                            .as(name)
                            .isInstanceOf(SpdkException.WrongThread.class)
                            .hasMessageContaining(thread.osThread().getName())
                            .hasMessageContaining("elsewhere");
                    return Thread.currentThread().getName();
                });
        assertThat(caller).isEqualTo("elsewhere");
    }

    @Test
    void everyConfinedCallIsRefusedOnAThreadThatIsNoneOfOurs() throws Exception {
        Device device = mallocDevice(64, 512);
        device.write(0, pattern(seed, 512));
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        Poller poller = thread.registerPoller("p", Duration.ZERO, () -> 0);
        DmaBuf buffer = buffer(512);
        for (Map.Entry<String, Runnable> call : confinedCalls(device, queue, poller, buffer).entrySet()) {
            assertRefused(call.getKey(), call.getValue());
        }
        assertHarmless(device, queue, poller, buffer);
    }

    @Test
    void everyConfinedCallIsRefusedOnAnotherSpdkThread() throws Exception {
        Device device = mallocDevice(64, 512);
        device.write(0, pattern(seed, 512));
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        Poller poller = thread.registerPoller("p", Duration.ZERO, () -> 0);
        DmaBuf buffer = buffer(512);
        Map<String, Runnable> calls = confinedCalls(device, queue, poller, buffer);
        List<String> accepted =
                env.<List<String>>spawnThread(
                                "other",
                                _ -> {
                                    List<String> wrong = new java.util.ArrayList<>();
                                    calls.forEach((name, call) -> {
                                        try {
                                            call.run();
                                            wrong.add(name);
                                        } catch (SpdkException.WrongThread e) {
                                            // That is right.
                                        }
                                    });
                                    return wrong;
                                })
                        .join();
        assertThat(accepted).as("calls accepted on the wrong thread").isEmpty();
        assertHarmless(device, queue, poller, buffer);
    }

    @Test
    void everyConfinedCallIsRefusedOnAVirtualThreadThatIsNotForkedHere() throws Exception {
        Device device = mallocDevice(64, 512);
        device.write(0, pattern(seed, 512));
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        Poller poller = thread.registerPoller("p", Duration.ZERO, () -> 0);
        DmaBuf buffer = buffer(512);
        List<String> accepted = java.util.Collections.synchronizedList(new java.util.ArrayList<>());
        Thread virtual =
                Thread.startVirtualThread(() ->
                        confinedCalls(device, queue, poller, buffer)
                                .forEach((name, call) -> {
                                    try {
                                        call.run();
                                        accepted.add(name);
                                    } catch (SpdkException.WrongThread e) {
                                        // That is right.
                                    }
                                }));
        assertThat(virtual.join(fixture().patience())).isTrue();
        assertThat(accepted).isEmpty();
        assertHarmless(device, queue, poller, buffer);
    }

    private void assertHarmless(Device device, IoQueue queue, Poller poller, DmaBuf buffer) {
        assertThat(device.channel.outstanding()).isZero();
        assertThat(queue.outstanding()).isZero();
        assertThat(buffer.isLeased()).isFalse();
        assertThat(device.desc.isClosed()).isFalse();
        assertThat(poller.isPaused()).isFalse();
        assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
        assertThat(device.bdev.claimedBy()).isEmpty();
        assertThat(device.read(0, 512)).isEqualTo(pattern(seed, 512));
        assertThat(queue.read(buffer, 0, 512, 1)).isTrue();
        pollUntil("the completion", () -> queue.outstanding() == 0);
        assertThat(poller.runs()).isPositive();
    }

    @Test
    void whatIsNotConfinedMayBeCalledAnywhere() throws Exception {
        Device device = mallocDevice(64, 512);
        IoFuture<Integer> call =
                elsewhereUnpolled(() -> {
                    assertThat(thread.name()).isEqualTo("main");
                    assertThat(thread.id()).isPositive();
                    assertThat(thread.state()).isEqualTo(SpdkThread.State.RUNNING);
                    assertThat(thread.isCurrent()).isFalse();
                    assertThat(thread.osThread()).isNotSameAs(Thread.currentThread());
                    assertThat(device.bdev.sizeBytes()).isEqualTo(64 * 512);
                    assertThat(device.bdev.statistics().readOps()).isZero();
                    assertThat(device.desc.bdev().name()).isEqualTo(device.bdev.name());
                    assertThat(device.desc.isClosed()).isFalse();
                    assertThat(device.channel.thread()).isSameAs(thread);
                    assertThat(env.threads()).contains(thread);
                    thread.execute(() -> {});
                    return thread.call(() -> 42);
                });
        assertThat(await(call)).isEqualTo(42);
    }

    @Test
    void twoThreadsDriveTheirOwnChannelsOfOneDescriptor() {
        Device device = mallocDevice(1024, 512);
        var handle =
                env.<Integer>spawnThread(
                        "other",
                        it -> {
                            var channel = it.ioChannel(device.desc);
                            DmaBuf buffer = buffer(filled(2, 512));
                            for (int i = 0; i < 512; i++) {
                                bounded(device.desc.write(channel, buffer, (512 + i) * 512L, 512)).join();
                            }
                            return 512;
                        });
        DmaBuf buffer = buffer(filled(1, 512));
        for (int i = 0; i < 512; i++) {
            await(device.desc.write(device.channel, buffer, i * 512L, 512));
        }
        assertThat(handle.join()).isEqualTo(512);
        assertThat(device.read(0, 512 * 512)).containsOnly(1);
        assertThat(device.read(512 * 512, 512 * 512)).containsOnly(2);
    }
}
