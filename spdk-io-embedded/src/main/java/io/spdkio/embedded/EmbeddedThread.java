package io.spdkio.embedded;

import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The engine's part of a thread: its channels, its spare child I/Os, and what its devices share on it. */
public final class EmbeddedThread implements EngineThread {
    private final IoContext context;
    private final Runnable ended;
    private final ArrayDeque<ChildIo> spares = new ArrayDeque<>();
    private final Map<Class<?>, ThreadResource> resources = new HashMap<>();
    private ThreadResource[] polled = {};
    private final List<EmbeddedChannel> channels = new ArrayList<>();

    EmbeddedThread(IoContext context, Runnable ended) {
        this.context = context;
        this.ended = ended;
    }

    /** Something of which a thread has one for all devices of a kind, such as an io_uring. */
    public interface ThreadResource {
        /**
         * Called in every poll.
         *
         * @return how much it did
         */
        int poll();

        /** Called when the thread ends. */
        void close();
    }

    /**
     * The thread's I/O context.
     *
     * @return the context
     */
    public IoContext context() {
        return context;
    }

    /**
     * Finds the thread's resource of a kind, or makes it.
     *
     * @param key the kind
     * @param maker makes it
     * @param <R> its type
     * @return the one resource of this thread and kind
     */
    @SuppressWarnings("unchecked")
    public <R extends ThreadResource> R resource(Class<R> key, Function<EmbeddedThread, R> maker) {
        ThreadResource found = resources.get(key);
        if (found == null) {
            found = maker.apply(this);
            resources.put(key, found);
            polled = resources.values().toArray(ThreadResource[]::new);
        }
        return (R) found;
    }

    @Override
    public int poll() {
        int work = 0;
        for (ThreadResource resource : polled) {
            work += resource.poll();
        }
        return work;
    }

    @Override
    public boolean isIdle() {
        return true;
    }

    /**
     * Runs something on this thread: now if that is the caller's, else as a message.
     *
     * @param action what to run
     * @return false if the thread has exited
     */
    public boolean run(Runnable action) {
        if (context.isCurrent()) {
            action.run();
            return true;
        }
        return context.post(action);
    }

    /** The channel to a device; null when there is none. */
    EmbeddedChannel channelTo(EmbeddedBdev bdev) {
        for (EmbeddedChannel channel : channels) {
            if (channel.bdev() == bdev) {
                return channel;
            }
        }
        return null;
    }

    void opened(EmbeddedChannel channel) {
        channels.add(channel);
    }

    /** Whether it was open until now. */
    boolean closed(EmbeddedChannel channel) {
        return channels.remove(channel);
    }

    @Override
    public void giveUp() {
        List.copyOf(channels).forEach(EmbeddedChannel::giveUp);
    }

    @Override
    public void close() {
        for (ThreadResource resource : polled) {
            resource.close();
        }
        polled = new ThreadResource[0];
        resources.clear();
        ended.run();
    }

    /** Told how a child I/O ended. */
    @FunctionalInterface
    public interface ChildHandler {
        /**
         * A child has completed.
         *
         * @param parent the I/O it was made for
         * @param status how the child ended
         */
        void childDone(IoRequest parent, int status);
    }

    /**
     * An I/O made for another.
     *
     * @param parent the other
     * @param handler told when the child has completed
     * @return a child, to be described and submitted
     */
    public ChildIo child(IoRequest parent, ChildHandler handler) {
        ChildIo io = spares.pollLast();
        if (io == null) {
            io = new ChildIo(this);
        }
        io.begin(parent, handler);
        return io;
    }

    void giveBack(ChildIo io) {
        spares.addLast(io);
    }
}
