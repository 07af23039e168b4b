package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

/** The passthru device: everything goes through to the base, and everything comes back. */
public abstract class PassthruBdevTck extends EngineTck {
    private TestBackend backend;

    /** For the subclasses. */
    protected PassthruBdevTck() {}

    private Device over(TestBackend below) {
        backend = below;
        return device(create(PassthruBdev.over("p", custom(below).name())));
    }

    @Test
    void everyOperationReachesTheBaseAsItIs() {
        Device device = over(TestBackend.of(64, 512));
        DmaBuf buffer = buffer(1024);
        await(device.desc.read(device.channel, buffer, 512, 1024));
        await(device.desc.write(device.channel, buffer, 1024, 512));
        await(device.desc.writev(device.channel, List.of(buffer.slice(0, 100), buffer.slice(100, 924)), 0));
        await(device.desc.unmap(device.channel, 2048, 512));
        await(device.desc.writeZeroes(device.channel, 4096, 1024));
        await(device.desc.flush(device.channel, 0, 512));
        assertThat(backend.seen)
                .containsExactly(
                        new TestBackend.Seen(IoType.READ, 1, 2, 1),
                        new TestBackend.Seen(IoType.WRITE, 2, 1, 1),
                        new TestBackend.Seen(IoType.WRITE, 0, 2, 2),
                        new TestBackend.Seen(IoType.UNMAP, 4, 1, 0),
                        new TestBackend.Seen(IoType.WRITE_ZEROES, 8, 2, 0),
                        new TestBackend.Seen(IoType.FLUSH, 0, 1, 0));
    }

    @Test
    void aFlushReachesTheBaseAndCompletesNoSoonerThanItsFlush() {
        Device device = over(TestBackend.of(64, 512));
        device.write(0, pattern(seed, 512));
        backend.script = TestBackend::hold;
        backend.seen.clear();
        IoFuture<Void> flush = device.desc.flush(device.channel);
        poll(50);
        assertThat(backend.seen).extracting(TestBackend.Seen::type).containsExactly(IoType.FLUSH);
        assertThat(flush).as("before the device has flushed").isNotDone();
        backend.serveHeld();
        await(flush);
    }

    @Test
    void aFailedFlushFails() {
        Device device = over(TestBackend.of(64, 512).with((_, io) -> io.complete(-Errno.EIO)));
        assertThat(completesWith(SpdkException.IoFailed.class, device.desc.flush(device.channel)).errno())
                .isEqualTo(Errno.EIO);
    }

    @Test
    void theBasesStatusComesBackUnchanged() {
        int[] status = new int[1];
        Device device = over(TestBackend.of(64, 512).with((_, io) -> io.complete(status[0])));
        DmaBuf buffer = buffer(512);
        for (int each : new int[] {-Errno.ENOSPC, IoStatus.nvme(2, 0x81), IoStatus.INTERNAL_ERROR}) {
            status[0] = each;
            assertThat(completesWith(SpdkException.class, device.desc.read(device.channel, buffer, 0, 512)).status())
                    .isEqualTo(each);
        }
    }

    @Test
    void whatIsWrittenThroughItIsOnTheBase() {
        Bdev base = malloc(64, 512);
        Device top = device(create(PassthruBdev.over("p", base.name())));
        top.write(1024, pattern(seed, 512));
        var reader = base.open(OpenMode.READ_ONLY);
        DmaBuf buffer = buffer(512);
        await(reader.read(thread.ioChannel(reader), buffer, 1024, 512));
        assertThat(buffer.get(0, 512)).isEqualTo(pattern(seed, 512));
    }

    @Test
    void aStackOfManyWorks() {
        String name = malloc(64, 512).name();
        for (int i = 0; i < 20; i++) {
            name = create(PassthruBdev.over("p" + i, name)).name();
        }
        Device device = device(env.bdevs().get(name));
        byte[] data = pattern(seed, 64 * 512);
        device.write(0, data);
        assertThat(device.read(0, data.length)).isEqualTo(data);
        await(device.desc.reset(device.channel));
        assertThat(device.read(0, data.length)).isEqualTo(data);
    }

    @Test
    void anAbortReachesTheBase() {
        Device device = over(TestBackend.of(64, 512).with(TestBackend::hold));
        backend.abortable = true;
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> backend.held.size() == 1);
        assertThat(await(device.desc.abort(device.channel, read))).isTrue();
        assertThat(backend.aborts).hasSize(1);
        assertThat(buffer.isLeased()).isFalse();
    }

    @Test
    void aResetAbortsWhatIsInTheBase() {
        Device device = over(TestBackend.of(64, 512).with(TestBackend::hold));
        backend.abortable = true;
        DmaBuf buffer = buffer(512);
        List<IoFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            reads.add(device.desc.read(device.channel, buffer, 0, 512));
        }
        pollUntil("arrival", () -> backend.held.size() == 5);
        await(device.desc.reset(device.channel));
        assertThat(reads)
                .allSatisfy(read -> {
                    assertThat(read).isDone();
                    assertThat(read.exceptionNow()).isInstanceOf(SpdkException.Cancelled.class);
                });
    }

    @Test
    void itKeepsTheSizeThatTheBaseHadWhenItWasMade() {
        create(NullBdev.of("n", 1 << 20));
        List<BdevEvent> events = new ArrayList<>();
        Bdev top = create(PassthruBdev.over("p", "n"));
        var desc = top.open(OpenMode.READ_ONLY, events::add);
        assertThat(top.sizeBytes()).isEqualTo(1 << 20);
        await(env.bdevs().resize("n", 4 << 20));
        poll(20);
        assertThat(top.sizeBytes()).isEqualTo(1 << 20);
        assertThat(events).isEmpty();
        desc.close();
        await(env.bdevs().destroy("p"));
        assertThat(create(PassthruBdev.over("p", "n")).sizeBytes()).isEqualTo(4 << 20);
    }

    @Test
    void aBaseThatIsRemovedUnderLoadTakesTheTopAlong() {
        Device device = over(TestBackend.of(64, 512).with(TestBackend::hold));
        backend.abortable = true;
        DmaBuf buffer = buffer(512);
        IoFuture<Void> read = device.desc.read(device.channel, buffer, 0, 512);
        pollUntil("arrival", () -> backend.held.size() == 1);
        backend.registration.remove();
        failsWith(SpdkException.class, () -> read);
        pollUntil("removal of the top", device.bdev::isRemoved);
        pollUntil(
                "the events",
                () ->
                        failureOf(() -> device.desc.read(device.channel, buffer, 0, 512))
                                instanceof SpdkException.NotFound);
        device.close();
        pollUntil("removal of both", () -> env.bdevs().list().isEmpty() && backend.closes.get() == 1);
        buffer.close();
    }
}
