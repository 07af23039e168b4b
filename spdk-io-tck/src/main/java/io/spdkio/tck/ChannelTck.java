package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

/** I/O channels: one for each thread and descriptor, counted. */
public abstract class ChannelTck extends EngineTck {
    /** For the subclasses. */
    protected ChannelTck() {}

    @Test
    void aThreadHasOneChannelToADeviceHoweverOftenItAsks() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        IoChannel again = thread.ioChannel(device.desc);
        assertThat(backend.channels).hasValue(1);
        assertThat(again.ioDeviceId()).isEqualTo(device.channel.ioDeviceId()).isEqualTo(device.desc.ioDeviceId());
        assertThat(again.thread()).isSameAs(thread);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(again, buffer, 0, 512);
        assertThat(device.channel.outstanding()).isEqualTo(1);
        assertThat(again.outstanding()).isEqualTo(1);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        backend.serveHeld();
        await(read);
        assertThat(again.outstanding()).isZero();
    }

    @Test
    void aChannelLivesUntilItsLastReferenceIsClosed() {
        TestBackend backend = TestBackend.of(8, 512);
        Device device = device(custom(backend));
        IoChannel second = thread.ioChannel(device.desc);
        device.channel.close();
        DmaBuf buffer = buffer(512);
        await(device.desc.read(second, buffer, 0, 512));
        assertThat(backend.channelsClosed).hasValue(0);
        second.close();
        pollUntil("release", () -> backend.channelsClosed.get() == 1);
        assertThatThrownBy(() -> device.desc.read(second, buffer, 0, 512)).isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void closingOneReferenceTwiceTakesNoneOfTheOthers() {
        Device device = mallocDevice(8, 512);
        IoChannel second = thread.ioChannel(device.desc);
        device.channel.close();
        device.channel.close();
        device.channel.close();
        DmaBuf buffer = buffer(512);
        await(device.desc.read(second, buffer, 0, 512));
        assertThatThrownBy(() -> device.desc.read(device.channel, buffer, 0, 512))
                .as("the closed reference")
                .isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void aFreshChannelIsMadeAfterTheLastCloseOfTheOld() {
        TestBackend backend = TestBackend.of(8, 512);
        Device device = device(custom(backend));
        device.channel.close();
        IoChannel fresh = thread.ioChannel(device.desc);
        DmaBuf buffer = buffer(512);
        await(device.desc.read(fresh, buffer, 0, 512));
        fresh.close();
        pollUntil("release", () -> backend.channelsClosed.get() == backend.channels.get());
    }

    @Test
    void aClosedChannelIsReleasedWhenItsIoHasCompleted() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        device.channel.close();
        assertThatThrownBy(() -> device.desc.read(device.channel, buffer, 0, 512))
                .isInstanceOf(SpdkException.Closed.class);
        poll(10);
        assertThat(read).isNotDone();
        assertThat(backend.channelsClosed).hasValue(0);
        IoChannel fresh = thread.ioChannel(device.desc);
        backend.serveHeld();
        await(read);
        DmaBuf other = buffer(512);
        IoFuture<Void> next = device.desc.read(fresh, other, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        backend.serveHeld();
        await(next);
        fresh.close();
        pollUntil("release", () -> backend.channelsClosed.get() == backend.channels.get());
    }

    @Test
    void everyThreadHasAChannelOfItsOwn() {
        TestBackend backend = TestBackend.of(8, 512);
        Device device = device(custom(backend));
        SpdkThread second = env.attachThread("second");
        IoChannel other = second.ioChannel(device.desc);
        assertThat(other.thread()).isSameAs(second);
        assertThat(backend.channels).hasValue(2);
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(other, buffer, 0, 512);
        thread.poll();
        assertThat(device.channel.outstanding()).isZero();
        assertThat(other.outstanding()).isEqualTo(1);
        assertThat(read).as("completes in the poll of its own thread").isNotDone();
        pollUntil(
                "completion",
                () -> {
                    second.poll();
                    return read.isDone();
                });
        other.close();
        second.close();
        pollUntil("release", () -> backend.channelsClosed.get() == 1);
    }

    @Test
    void descriptorsOfOneDeviceHaveChannelsOfTheirOwn() {
        Bdev bdev = malloc(8, 512);
        Device first = device(bdev);
        Device second = device(bdev);
        assertThat(first.desc.ioDeviceId()).isNotEqualTo(second.desc.ioDeviceId());
        DmaBuf buffer = buffer(512);
        assertThatThrownBy(() -> first.desc.read(second.channel, buffer, 0, 512))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(bdev.name());
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aClosedDescriptorClosesItsChannels() {
        TestBackend backend = TestBackend.of(8, 512);
        Device device = device(custom(backend));
        device.desc.close();
        pollUntil("release", () -> backend.channelsClosed.get() == 1);
        DmaBuf buffer = buffer(512);
        assertThatThrownBy(() -> device.desc.read(device.channel, buffer, 0, 512))
                .isInstanceOf(SpdkException.Closed.class);
        assertThatThrownBy(() -> thread.ioChannel(device.desc)).isInstanceOf(SpdkException.Closed.class);
        device.channel.close();
        device.channel.close();
    }

    @Test
    void aClosedDescriptorGivesOutNoChannelWhileItsIoIsOutstanding() {
        TestBackend backend = TestBackend.of(8, 512).with(TestBackend::hold);
        Device device = device(custom(backend));
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> !backend.held.isEmpty());
        device.desc.close();
        assertThatThrownBy(() -> thread.ioChannel(device.desc)).isInstanceOf(SpdkException.Closed.class);
        backend.serveHeld();
        await(read);
        pollUntil("release", () -> backend.channelsClosed.get() == 1);
    }

    @Test
    void aChannelOfAnExitedThreadIsClosed() {
        Device device = mallocDevice(8, 512);
        SpdkThread second = env.attachThread("second");
        IoChannel other = second.ioChannel(device.desc);
        second.close();
        DmaBuf buffer = buffer(512);
        assertThatThrownBy(() -> device.desc.read(other, buffer, 0, 512)).isInstanceOf(SpdkException.Closed.class);
        other.close();
        device.close();
    }

    @Test
    void foreignDevicesAndChannelsAreRefused() {
        Device device = mallocDevice(8, 512);
        DmaBuf buffer = buffer(512);
        assertThatThrownBy(() -> thread.ioChannel(() -> new IoDeviceId(1)))
                .isInstanceOf(IllegalArgumentException.class);
        IoChannel foreign =
                new IoChannel() {
                    @Override
                    public SpdkThread thread() {
                        return thread;
                    }

                    @Override
                    public IoDeviceId ioDeviceId() {
                        return device.desc.ioDeviceId();
                    }

                    @Override
                    public int outstanding() {
                        return 0;
                    }

                    @Override
                    public void close() {}
                };
        assertThatThrownBy(() -> device.desc.read(foreign, buffer, 0, 512))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> device.desc.read(null, buffer, 0, 512))
                .isInstanceOfAny(IllegalArgumentException.class, NullPointerException.class);
    }

    @Test
    void aDescriptorOfAnEarlierEnvironmentIsRefused() {
        BdevDesc old = malloc(8, 512).open(OpenMode.READ_WRITE);
        env.close();
        env = open(builder());
        thread = env.attachThread("main");
        assertThatThrownBy(() -> thread.ioChannel(old))
                .isInstanceOfAny(IllegalArgumentException.class, SpdkException.Closed.class);
    }
}
