package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.IoStatus;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.spi.IoContext;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A thread's channel to a custom device: the backend's channel, and what it has not completed. Confined to its thread.
 */
final class CustomChannel {
    private final CustomDevice device;
    private final NativeThread thread;
    private final BdevBackend.Channel backend;
    private final Map<Long, CustomIo> active = new HashMap<>();
    private final ArrayDeque<CustomIo> spares = new ArrayDeque<>();
    private final List<Runnable> whenQuiet = new ArrayList<>();
    private boolean closed;

    /** Opens the backend's channel, which may throw. */
    CustomChannel(CustomDevice device, NativeThread thread) {
        this.device = device;
        this.thread = thread;
        this.backend = device.backend().openChannel(thread.context().thread());
        device.channelOpened(this);
    }

    CustomDevice device() {
        return device;
    }

    NativeThread thread() {
        return thread;
    }

    IoContext context() {
        return thread.context();
    }

    /** An I/O to be described and submitted. */
    CustomIo take() {
        CustomIo io = spares.pollLast();
        return io == null ? new CustomIo(this) : io;
    }

    void submit(CustomIo io) {
        active.put(io.address(), io);
        try {
            backend.submit(io);
        } catch (Throwable e) {
            context().report(e);
            io.failUnlessCompleted(-Errno.EIO);
        }
    }

    /** The backend has completed an I/O. */
    void completed(CustomIo io, int status) {
        active.remove(io.address());
        thread.answer(io.address(), status);
        io.answerAborts(status == IoStatus.ABORTED || status == -Errno.ECANCELED ? 0 : -Errno.EIO);
        spares.addLast(io);
        if (active.isEmpty() && !whenQuiet.isEmpty()) {
            List<Runnable> due = List.copyOf(whenQuiet);
            whenQuiet.clear();
            due.forEach(Runnable::run);
        }
    }

    /** Asks the backend to abort an I/O; the abort is answered when that has completed. */
    void abort(long target, long abort) {
        CustomIo io = active.get(target);
        if (io == null) {
            thread.answer(abort, -Errno.EIO);
            return;
        }
        io.answerWhenCompleted(abort);
        abort(io);
    }

    private void abort(CustomIo io) {
        if (!io.isCompleted()) {
            try {
                backend.abort(io);
            } catch (Throwable e) {
                context().report(e);
            }
        }
    }

    /** Aborts everything, on its own thread, and says when nothing is left. Any thread. */
    void abortAll(Runnable quiet) {
        Runnable task =
                () -> {
                    if (closed || active.isEmpty()) {
                        quiet.run();
                        return;
                    }
                    whenQuiet.add(quiet);
                    List.copyOf(active.values()).forEach(this::abort);
                };
        if (context().isCurrent()) {
            task.run();
        } else if (!context().post(task)) {
            quiet.run();
        }
    }

    void close() {
        closed = true;
        device.channelClosed(this);
        whenQuiet.forEach(Runnable::run);
        whenQuiet.clear();
        try {
            backend.close();
        } catch (Throwable e) {
            context().report(e);
        }
    }
}
