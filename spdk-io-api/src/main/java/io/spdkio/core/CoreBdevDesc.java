package io.spdkio.core;

import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.SpinLock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/** An open descriptor. The device lets go of it when it is closed and its last channel is released. */
final class CoreBdevDesc implements BdevDesc {
    private final CoreEnv env;
    private final CoreThread thread;
    private final CoreBdev bdev;
    private final OpenMode mode;
    private final IoDeviceId id;
    private final Consumer<? super BdevEvent> listener;
    private final int supported;
    private final EngineDesc engineDesc;
    private final SpinLock guard = new SpinLock();
    private final List<CoreChannel> channels = new ArrayList<>();
    private boolean freed;
    private volatile boolean removed;
    private volatile boolean closed;
    private volatile boolean writable;

    CoreBdevDesc(CoreThread thread, CoreBdev bdev, OpenMode mode, IoDeviceId id, Consumer<? super BdevEvent> listener) {
        this.env = thread.env();
        this.thread = thread;
        this.bdev = bdev;
        this.mode = Objects.requireNonNull(mode, "mode");
        this.writable = mode == OpenMode.READ_WRITE;
        this.id = id;
        this.listener = Objects.requireNonNull(listener, "listener");
        int bits = 0;
        for (IoType type : IoType.values()) {
            if (bdev.supports(type)) {
                bits |= bit(type);
            }
        }
        this.supported = bits;
        this.engineDesc = bdev.device().open(thread.engineThread(), mode, this::onEvent);
    }

    private void onEvent(BdevEvent event) {
        if (event == BdevEvent.REMOVED) {
            removed = true;
        }
        thread.post(() -> {
            if (!closed) {
                listener.accept(event);
            }
        });
    }

    CoreEnv env() {
        return env;
    }

    EngineBdev device() {
        return bdev.device();
    }

    EngineDesc engineDesc() {
        return engineDesc;
    }

    boolean isRemoved() {
        return removed;
    }

    boolean supports(IoType type) {
        return (supported & bit(type)) != 0;
    }

    /** A bit of an int: an EnumSet took 3 % of a null read. */
    @SuppressWarnings("EnumOrdinal") // the number is forgotten with the process
    private static int bit(IoType type) {
        return 1 << type.ordinal();
    }

    void checkOpen() {
        if (closed) {
            throw new SpdkException.Closed("the descriptor of '" + bdev.name() + "' is closed; open the device again");
        }
    }

    void checkMode(IoType type) {
        if (!writable && (type.modifies() || type == IoType.FLUSH)) {
            throw IoPort.readOnly(
                    type, "'" + bdev.name() + "'", "which was opened read-only; open it with OpenMode.READ_WRITE");
        }
    }

    // ---- channels, which may come and go on any thread

    void channelOpened(CoreChannel channel) {
        try (SpinLock _ = guard.acquire()) {
            checkOpen();
            channels.add(channel);
        }
    }

    void channelReleased(CoreChannel channel) {
        try (SpinLock _ = guard.acquire()) {
            channels.remove(channel);
        }
        freeIfDone();
    }

    private void freeIfDone() {
        try (SpinLock _ = guard.acquire()) {
            if (!closed || !channels.isEmpty() || freed) {
                return;
            }
            freed = true;
        }
        engineDesc.close();
        env.descClosed(this);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (thread.state() != SpdkThread.State.EXITED) {
            thread.checkCurrent("the descriptor of '" + bdev.name() + "'");
        }
        closeAnyway();
    }

    /** Closes it from whichever thread. */
    void closeAnyway() {
        List<CoreChannel> open;
        try (SpinLock _ = guard.acquire()) {
            closed = true;
            open = List.copyOf(channels);
        }
        for (CoreChannel channel : open) {
            channel.thread().onOwnThread(channel::close);
        }
        freeIfDone();
    }

    // ---- what it is

    @Override
    public IoDeviceId ioDeviceId() {
        return id;
    }

    @Override
    public Bdev bdev() {
        return bdev;
    }

    @Override
    public OpenMode mode() {
        return mode;
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    @Override
    public void claim(ClaimType type) {
        Objects.requireNonNull(type, "type");
        checkOpen();
        thread.checkCurrent("the descriptor of '" + bdev.name() + "'");
        engineDesc.claim(type);
        // As in SPDK, a claim to write makes a writer of a descriptor that was opened read-only.
        writable = type != ClaimType.READ_MANY_WRITE_NONE;
    }

    // ---- I/O

    private CoreChannel own(IoChannel channel) {
        return CoreChannel.of(channel, this);
    }

    @Override
    public IoFuture<Void> read(IoChannel channel, DmaBuf buffer, long offset, long length) {
        return own(channel).read(buffer, offset, length);
    }

    @Override
    public IoFuture<Void> write(IoChannel channel, DmaBuf buffer, long offset, long length) {
        return own(channel).write(buffer, offset, length);
    }

    @Override
    public IoFuture<Void> readv(IoChannel channel, List<? extends DmaBuf> buffers, long offset) {
        return own(channel).vectored(IoType.READ, buffers, offset);
    }

    @Override
    public IoFuture<Void> writev(IoChannel channel, List<? extends DmaBuf> buffers, long offset) {
        return own(channel).vectored(IoType.WRITE, buffers, offset);
    }

    @Override
    public IoFuture<Void> writeZeroes(IoChannel channel, long offset, long length) {
        return own(channel).submit(IoType.WRITE_ZEROES, null, offset, length);
    }

    @Override
    public IoFuture<Void> unmap(IoChannel channel, long offset, long length) {
        return own(channel).submit(IoType.UNMAP, null, offset, length);
    }

    @Override
    public IoFuture<Void> flush(IoChannel channel, long offset, long length) {
        return own(channel).submit(IoType.FLUSH, null, offset, length);
    }

    @Override
    public IoFuture<Void> reset(IoChannel channel) {
        return own(channel).submit(IoType.RESET, null, 0, 0);
    }

    @Override
    public IoFuture<Void> compare(IoChannel channel, DmaBuf buffer, long offset, long length) {
        return own(channel).submit(IoType.COMPARE, Objects.requireNonNull(buffer, "buffer"), offset, length);
    }

    @Override
    public IoFuture<Void> compareAndWrite(
            IoChannel channel, DmaBuf compareBuffer, DmaBuf writeBuffer, long offset, long length) {
        Objects.requireNonNull(compareBuffer, "compareBuffer");
        Objects.requireNonNull(writeBuffer, "writeBuffer");
        CoreChannel to = own(channel);
        return to.submit(request -> {
            request.describe(to, IoType.COMPARE_AND_WRITE, compareBuffer, offset, length);
            request.describeSecond(writeBuffer, length);
        });
    }

    @Override
    public IoFuture<Void> copy(IoChannel channel, long sourceOffset, long targetOffset, long length) {
        CoreChannel to = own(channel);
        return to.submit(request -> {
            request.describe(to, IoType.COPY, null, targetOffset, length);
            request.describeSource(to, sourceOffset);
        });
    }

    @Override
    public IoFuture<Boolean> abort(IoChannel channel, IoFuture<?> target) {
        CoreChannel on = own(channel);
        on.checkUsable(IoType.ABORT);
        if (!(target instanceof CoreFuture<?> future)) {
            throw new IllegalArgumentException("abort takes the future that the submission returned");
        }
        FutureIo request = future.thread() == on.thread() ? future.outstandingIo() : null;
        if (request == null || request.port() != on) {
            CoreFuture<Boolean> tooLate = new CoreFuture<>(on.thread());
            tooLate.complete(false);
            return tooLate;
        }
        CoreFuture<Boolean> answer = request.whetherAborted();
        request.abort();
        return answer;
    }

    @Override
    public IoQueue openQueue(IoChannel channel, int depth, Duration deadline, IoQueue.Handler handler) {
        Objects.requireNonNull(handler, "handler");
        CoreChannel on = own(channel);
        on.checkUsable(IoType.READ);
        return new CoreQueue(on, depth, deadline, handler);
    }

    @Override
    public String toString() {
        return "BdevDesc[" + bdev.name() + ", " + mode + (closed ? ", closed" : "") + "]";
    }
}
