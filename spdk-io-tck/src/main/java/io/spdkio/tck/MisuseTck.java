package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.spdkio.IoFuture;
import io.spdkio.Poller;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.IoQueue;
import io.spdkio.dma.DmaBuf;
import io.spdkio.dma.DmaPool;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Closing everything in every order, with and without I/O outstanding. */
public abstract class MisuseTck extends EngineTck {
    /** For the subclasses. */
    protected MisuseTck() {}

    static List<String> ordersOfClosing() {
        List<String> orders = new ArrayList<>();
        permute("", "QCDTBE", orders);
        return orders;
    }

    private static void permute(String prefix, String rest, List<String> into) {
        if (rest.isEmpty()) {
            into.add(prefix);
        }
        for (int i = 0; i < rest.length(); i++) {
            permute(prefix + rest.charAt(i), rest.substring(0, i) + rest.substring(i + 1), into);
        }
    }

    /**
     * Queue, channel, descriptor, thread, buffer, environment: closed in every order, while I/O is outstanding. A close
     * may be refused with a clear exception; everything ends all the same, and nothing is lost.
     */
    @Test
    void everyOrderOfClosingEndsWell() {
        for (String order : ordersOfClosing()) {
            closeInOrder(order, true);
        }
    }

    @Test
    void everyOrderOfClosingTwiceEndsWell() {
        for (String order : ordersOfClosing()) {
            closeInOrder(order, false);
        }
    }

    private void closeInOrder(String order, boolean outstanding) {
        String name = "bdev" + order;
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        backend.abortable = true;
        var bdev = await(env.bdevs().create(io.spdkio.bdev.CustomBdev.of(name, backend)));
        Device device = device(bdev);
        List<Long> completions = new ArrayList<>();
        IoQueue queue = device.desc.openQueue(device.channel, 4, (cookie, _) -> completions.add(cookie));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = null;
        if (outstanding) {
            read = device.desc.read(device.channel, buffer, 0, 512);
            assertThat(queue.read(buffer, 0, 512, 1)).isTrue();
            pollUntil("arrival", () -> backend.held.size() == 2);
        }
        boolean bufferRefused = false;
        for (int i = 0; i < order.length(); i++) {
            switch (order.charAt(i)) {
                case 'Q' -> closeTwice(order, queue::close);
                case 'C' -> closeTwice(order, device.channel::close);
                case 'D' -> closeTwice(order, device.desc::close);
                case 'T' -> {
                    // Thread close waits for the I/O; the device ends it.
                    backend.serveHeld();
                    closeTwice(order, thread::close);
                }
                case 'B' -> {
                    try {
                        buffer.close();
                    } catch (SpdkException.Busy e) {
                        bufferRefused = true;
                        assertThat(outstanding).isTrue();
                        assertThat(buffer.isClosed()).isFalse();
                    }
                }
                default -> closeTwice(order, env::close);
            }
        }
        assertThat(env.isClosed()).isTrue();
        if (outstanding) {
            assertThat(read).as(order).isDone();
            assertThat(completions).as(order).containsExactly(1L);
        }
        assertThat(buffer.isLeased()).as(order).isFalse();
        if (bufferRefused) {
            buffer.close();
        }
        assertThat(backend.channelsClosed).as(order).hasValue(backend.channels.get());
        assertThat(backend.closes).as(order).hasValue(1);
        assertThat(backend.held).as(order).isEmpty();
        env = open(builder());
        thread = env.attachThread("main");
    }

    private static void closeTwice(String order, Runnable close) {
        assertThatCode(
                        () -> {
                            close.run();
                            close.run();
                        })
                .as(order)
                .doesNotThrowAnyException();
    }

    // ---- every operation on every closed handle

    @ParameterizedTest
    @ValueSource(strings = {"queue", "channel", "desc", "buffer", "thread", "env", "bdev"})
    void aClosedHandleIsRefusedByEveryOperationThatNeedsIt(String closed) {
        Device device = mallocDevice(64, 512);
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        DmaBuf buffer = buffer(512);
        DmaBuf other = buffer(512);
        switch (closed) {
            case "queue" -> queue.close();
            case "channel" -> device.channel.close();
            case "desc" -> device.desc.close();
            case "buffer" -> buffer.close();
            case "thread" -> thread.close();
            case "env" -> env.close();
            default -> assertThat(env.bdevs().destroy(device.bdev.name())).isNotNull();
        }
        Map<String, Runnable> calls = new LinkedHashMap<>();
        if (!closed.equals("queue")) {
            calls.put("read", () -> device.desc.read(device.channel, buffer, 0, 512).join());
            calls.put("write", () -> device.desc.write(device.channel, buffer, 0, 512).join());
            calls.put("readv", () -> device.desc.readv(device.channel, List.of(other, buffer), 0).join());
            calls.put("compare", () -> device.desc.compare(device.channel, buffer, 0, 512).join());
            calls.put(
                    "compareAndWrite", () -> device.desc.compareAndWrite(device.channel, other, buffer, 0, 512).join());
        }
        calls.put(
                "queue.read",
                () -> {
                    // A queue refuses only what is wrong with arguments and handles; a removed device is told to the
                    // handler.
                    if (closed.equals("bdev")) {
                        throw new SpdkException.Closed("see newIoAfterRemoval");
                    }
                    queue.read(buffer, 0, 512, 1);
                });
        calls.forEach((name, call) ->
                assertThatCode(call::run)
                        .as("%s with a closed %s", name, closed)
                        .isInstanceOfAny(SpdkException.Closed.class, SpdkException.NotFound.class));
        assertThat(other.isLeased()).isFalse();
        if (closed.equals("bdev")) {
            device.close();
        }
    }

    @ParameterizedTest
    @MethodSource("doubleCloses")
    void closingAnythingTwiceIsOnce(String what) {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        DmaPool pool = env.dma().pool(512, 2);
        IoQueue queue = device.desc.openQueue(device.channel, 4, (_, _) -> {});
        Poller poller = thread.registerPoller("p", Duration.ofHours(1), () -> 0);
        SpdkThread second = env.attachThread("second");
        AutoCloseable handle =
                switch (what) {
                    case "queue" -> queue;
                    case "channel" -> device.channel;
                    case "desc" -> device.desc;
                    case "buffer" -> buffer;
                    case "pool" -> pool;
                    case "poller" -> poller;
                    case "thread" -> second;
                    default -> env;
                };
        for (int i = 0; i < 3; i++) {
            assertThatCode(handle::close).doesNotThrowAnyException();
        }
        env.close();
        for (int i = 0; i < 3; i++) {
            assertThatCode(handle::close).as("after the environment").doesNotThrowAnyException();
        }
    }

    static List<String> doubleCloses() {
        return List.of("queue", "channel", "desc", "buffer", "pool", "poller", "thread", "env");
    }
}
