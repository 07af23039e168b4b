package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.Errno;
import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Descriptors: modes, claims, events, closing. */
public abstract class OpenTck extends EngineTck {
    /** For the subclasses. */
    protected OpenTck() {}

    // ---- modes

    @Test
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    void aReadOnlyDescriptorRefusesWhatChangesTheDevice() {
        Bdev bdev = malloc(64, 512);
        device(bdev).write(0, pattern(seed, 512));
        BdevDesc desc = bdev.open(OpenMode.READ_ONLY);
        assertThat(desc.mode()).isEqualTo(OpenMode.READ_ONLY);
        assertThat(desc.bdev().name()).isEqualTo(bdev.name());
        IoChannel channel = thread.ioChannel(desc);
        DmaBuf buffer = buffer(512);
        DmaBuf other = buffer(512);
        IoQueue queue = desc.openQueue(channel, 4, (_, _) -> {});
        for (Runnable call :
                List.<Runnable>of(
                        () -> desc.write(channel, buffer, 0, 512),
                        () -> desc.writev(channel, List.of(buffer, other), 0),
                        () -> desc.writeZeroes(channel, 0, 512),
                        () -> desc.unmap(channel, 0, 512),
                        () -> desc.compareAndWrite(channel, buffer, other, 0, 512),
                        () -> desc.copy(channel, 0, 512, 512),
                        () -> desc.flush(channel),
                        () -> queue.flush(0, 512, 1),
                        () -> queue.write(buffer, 0, 512, 1),
                        () -> queue.writeZeroes(0, 512, 1),
                        () -> queue.unmap(0, 512, 1),
                        () -> queue.copy(0, 512, 512, 1))) {
            assertThatThrownBy(call::run)
                    .isInstanceOf(SpdkException.Busy.class)
                    .hasMessageContaining(bdev.name())
                    .satisfies(e -> assertThat(((SpdkException) e).errno()).isEqualTo(Errno.EPERM));
        }
        assertThat(buffer.isLeased()).isFalse();
        assertThat(queue.outstanding()).isZero();
        await(desc.read(channel, buffer, 0, 512));
        assertThat(buffer.get(0, 512)).isEqualTo(pattern(seed, 512));
        await(desc.compare(channel, buffer, 0, 512));
    }

    @Test
    void aDeviceMayBeOpenManyTimes() {
        Bdev bdev = malloc(64, 512);
        List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            devices.add(device(bdev));
        }
        for (int i = 0; i < 10; i++) {
            devices.get(i).write(i * 512L, pattern(i, 512));
        }
        for (int i = 0; i < 10; i++) {
            assertThat(devices.get(9 - i).read(i * 512L, 512)).isEqualTo(pattern(i, 512));
        }
        devices.forEach(Device::close);
    }

    @Test
    void aDeviceIsOpenedOnAnSpdkThread() throws Exception {
        Bdev bdev = malloc(8, 512);
        assertThatThrownBy(() -> elsewhere(() -> bdev.open(OpenMode.READ_ONLY)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("attachThread");
        assertThatThrownBy(() -> bdev.open(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_ONLY, null)).isInstanceOf(NullPointerException.class);
    }

    // ---- closing

    @Test
    @SuppressWarnings("FutureReturnValueIgnored") // every call throws
    void aClosedDescriptorRefusesEverything() {
        Device device = mallocDevice(64, 512);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> earlier = device.desc.read(device.channel, buffer, 0, 512);
        await(earlier);
        device.desc.close();
        device.desc.close();
        assertThat(device.desc.isClosed()).isTrue();
        for (Runnable call :
                List.<Runnable>of(
                        () -> device.desc.read(device.channel, buffer, 0, 512),
                        () -> device.desc.write(device.channel, buffer, 0, 512),
                        () -> device.desc.readv(device.channel, List.of(buffer), 0),
                        () -> device.desc.writev(device.channel, List.of(buffer), 0),
                        () -> device.desc.writeZeroes(device.channel, 0, 512),
                        () -> device.desc.unmap(device.channel, 0, 512),
                        () -> device.desc.flush(device.channel),
                        () -> device.desc.reset(device.channel),
                        () -> device.desc.compare(device.channel, buffer, 0, 512),
                        () -> device.desc.compareAndWrite(device.channel, buffer, buffer, 0, 512),
                        () -> device.desc.copy(device.channel, 0, 512, 512),
                        () -> device.desc.abort(device.channel, earlier),
                        () -> device.desc.openQueue(device.channel, 1, (_, _) -> {}),
                        () -> device.desc.claim(ClaimType.READ_MANY_WRITE_ONE),
                        () -> thread.ioChannel(device.desc))) {
            assertThatThrownBy(call::run).isInstanceOf(SpdkException.Closed.class);
        }
        assertThat(device.desc.bdev().name()).isEqualTo(device.bdev.name());
        assertThat(device.desc.toString()).isNotBlank();
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void closingADescriptorLetsItsIoComplete() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        device.desc.close();
        IoFuture<Void> destroyed = env.bdevs().destroy(device.bdev.name());
        poll(20);
        assertThat(read).isNotDone();
        assertThat(destroyed).as("the device is held by the I/O").isNotDone();
        backend.serveHeld();
        await(read);
        await(destroyed);
        assertThat(backend.channelsClosed).hasValue(1);
        assertThat(backend.closes).hasValue(1);
    }

    // ---- claims

    @Test
    void aClaimToWriteAloneKeepsOtherWritersOut() {
        Bdev bdev = malloc(64, 512);
        Device device = device(bdev);
        device.desc.claim(ClaimType.READ_MANY_WRITE_ONE);
        assertThat(bdev.claimedBy()).isPresent();
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_WRITE))
                .isInstanceOf(SpdkException.Busy.class)
                .hasMessageContaining(bdev.name());
        BdevDesc reader = bdev.open(OpenMode.READ_ONLY);
        assertThatThrownBy(() -> reader.claim(ClaimType.READ_MANY_WRITE_ONE)).isInstanceOf(SpdkException.Busy.class);
        device.write(0, pattern(seed, 512));
        IoChannel channel = thread.ioChannel(reader);
        DmaBuf buffer = buffer(512);
        await(reader.read(channel, buffer, 0, 512));
        assertThat(buffer.get(0, 512)).isEqualTo(pattern(seed, 512));
        device.close();
        assertThat(bdev.claimedBy()).as("given up with the descriptor").isEmpty();
        device(bdev).write(0, pattern(seed, 512));
    }

    @Test
    void aClaimToWriteAloneIsRefusedWhileAnotherWriterIsThere() {
        Bdev bdev = malloc(64, 512);
        Device writer = device(bdev);
        Device device = device(bdev);
        assertThatThrownBy(() -> device.desc.claim(ClaimType.READ_MANY_WRITE_ONE))
                .isInstanceOf(SpdkException.Busy.class);
        assertThat(bdev.claimedBy()).isEmpty();
        writer.close();
        device.desc.claim(ClaimType.READ_MANY_WRITE_ONE);
        assertThatThrownBy(() -> device.desc.claim(ClaimType.READ_MANY_WRITE_ONE))
                .as("twice")
                .isInstanceOf(SpdkException.Busy.class);
    }

    @Test
    void aClaimThatNobodyWritesKeepsAllWritersOut() {
        Bdev bdev = malloc(64, 512);
        BdevDesc one = bdev.open(OpenMode.READ_ONLY);
        one.claim(ClaimType.READ_MANY_WRITE_NONE);
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.Busy.class);
        IoChannel channel = thread.ioChannel(one);
        assertThatThrownBy(() -> one.writeZeroes(channel, 0, 512)).isInstanceOf(SpdkException.Busy.class);
        one.close();
        BdevDesc writer = bdev.open(OpenMode.READ_WRITE);
        assertThatThrownBy(() -> writer.claim(ClaimType.READ_MANY_WRITE_NONE)).isInstanceOf(SpdkException.class);
        assertThat(bdev.claimedBy()).isEmpty();
    }

    @Test
    void aSharedClaimLetsThoseWriteThatShareIt() {
        Bdev bdev = malloc(64, 512);
        BdevDesc one = bdev.open(OpenMode.READ_ONLY);
        BdevDesc two = bdev.open(OpenMode.READ_ONLY);
        one.claim(ClaimType.READ_MANY_WRITE_SHARED);
        two.claim(ClaimType.READ_MANY_WRITE_SHARED);
        assertThatThrownBy(() -> bdev.open(OpenMode.READ_WRITE)).isInstanceOf(SpdkException.Busy.class);
        BdevDesc three = bdev.open(OpenMode.READ_ONLY);
        assertThatThrownBy(() -> three.claim(ClaimType.READ_MANY_WRITE_ONE)).isInstanceOf(SpdkException.Busy.class);
        IoChannel channelOne = thread.ioChannel(one);
        IoChannel channelTwo = thread.ioChannel(two);
        IoChannel channelThree = thread.ioChannel(three);
        await(one.write(channelOne, buffer(pattern(1, 512)), 0, 512));
        await(two.write(channelTwo, buffer(pattern(2, 512)), 512, 512));
        assertThatThrownBy(() -> three.writeZeroes(channelThree, 0, 512)).isInstanceOf(SpdkException.Busy.class);
        one.close();
        assertThat(bdev.claimedBy()).isPresent();
        two.close();
        assertThat(bdev.claimedBy()).isEmpty();
    }

    // ---- events

    @Test
    void removalIsToldOnTheThreadThatOpenedInALaterPoll() {
        List<BdevEvent> events = new CopyOnWriteArrayList<>();
        List<Thread> where = new CopyOnWriteArrayList<>();
        Bdev bdev = malloc(64, 512);
        BdevDesc desc =
                bdev.open(
                        OpenMode.READ_WRITE,
                        event -> {
                            events.add(event);
                            where.add(Thread.currentThread());
                        });
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        assertThat(events).as("not inside destroy").isEmpty();
        pollUntil("the event", () -> !events.isEmpty());
        assertThat(events).containsExactly(BdevEvent.REMOVED);
        assertThat(where).containsExactly(Thread.currentThread());
        desc.close();
        await(destroyed);
        assertThat(events).containsExactly(BdevEvent.REMOVED);
    }

    @Test
    void aListenerMayCloseItsDescriptor() {
        BdevDesc[] desc = new BdevDesc[1];
        Bdev bdev = malloc(64, 512);
        desc[0] = bdev.open(OpenMode.READ_WRITE, _ -> desc[0].close());
        await(env.bdevs().destroy(bdev.name()));
        assertThat(desc[0].isClosed()).isTrue();
    }

    @Test
    void newIoAfterRemovalFailsWithNoSuchDevice() {
        Device device = mallocDevice(64, 512);
        IoFuture<Void> destroyed = env.bdevs().destroy(device.bdev.name());
        DmaBuf buffer = buffer(512);
        poll(10);
        assertRemoved(failureOf(() -> device.desc.read(device.channel, buffer, 0, 512)));
        assertRemoved(failureOf(() -> device.desc.write(device.channel, buffer, 0, 512)));
        assertRemoved(failureOf(() -> device.desc.reset(device.channel)));
        assertRemoved(failureOf(() -> device.desc.flush(device.channel)));
        assertThatThrownBy(() -> device.bdev.open(OpenMode.READ_ONLY)).isInstanceOf(SpdkException.NotFound.class);
        assertThat(buffer.isLeased()).isFalse();
        device.close();
        await(destroyed);
    }

    @Test
    void aResizeIsTold() {
        List<BdevEvent> events = new CopyOnWriteArrayList<>();
        Bdev bdev = create(NullBdev.of("n", 1 << 20, 512));
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE, events::add);
        await(env.bdevs().resize("n", 2 << 20));
        pollUntil("the event", () -> !events.isEmpty());
        assertThat(events).containsExactly(BdevEvent.RESIZED);
        desc.close();
        await(env.bdevs().resize("n", 3 << 20));
        poll(20);
        assertThat(events).as("a closed descriptor hears nothing").hasSize(1);
    }

    @Test
    void aListenerThatThrowsIsReported() {
        expectReports();
        RuntimeException problem = new RuntimeException("on purpose");
        Bdev bdev = malloc(64, 512);
        BdevDesc desc =
                bdev.open(
                        OpenMode.READ_WRITE,
                        _ -> {
                            throw problem;
                        });
        IoFuture<Void> destroyed = env.bdevs().destroy(bdev.name());
        pollUntil("the report", () -> !reported.isEmpty());
        assertThat(reported).containsExactly(problem);
        desc.close();
        await(destroyed);
    }

    @Test
    void aBackendMayRemoveAndResizeItsDevice() {
        TestBackend backend = TestBackend.of(64, 512);
        List<BdevEvent> events = new CopyOnWriteArrayList<>();
        Bdev bdev = custom(backend);
        BdevDesc desc = bdev.open(OpenMode.READ_WRITE, events::add);
        assertThatThrownBy(() -> backend.registration.resize(32))
                .as("a device that is open does not shrink")
                .isInstanceOf(SpdkException.Busy.class)
                .hasMessageContaining(bdev.name());
        assertThat(bdev.blockCount()).isEqualTo(64);
        backend.registration.resize(96);
        pollUntil("the event", () -> !events.isEmpty());
        assertThat(bdev.blockCount()).isEqualTo(96);
        backend.registration.remove();
        pollUntil("the event", () -> events.size() == 2);
        assertThat(events).containsExactly(BdevEvent.RESIZED, BdevEvent.REMOVED);
        desc.close();
        pollUntil("removal", () -> backend.closes.get() == 1);
        assertThat(env.bdevs().find(bdev.name())).isEmpty();
    }
}
