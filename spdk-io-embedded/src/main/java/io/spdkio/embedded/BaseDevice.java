package io.spdkio.embedded;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoRequest;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;

/** The device below another one: open and claimed for it. */
public final class BaseDevice {
    private final EmbeddedBdev bdev;
    private final EmbeddedBdev.Desc desc;
    private final Function<SpdkThread, EmbeddedThread> threads;
    private volatile Consumer<BdevEvent> listener = _ -> {};

    BaseDevice(EmbeddedBdev bdev, String holder, Function<SpdkThread, EmbeddedThread> threads) {
        this(bdev, holder, threads, true);
    }

    private BaseDevice(
            EmbeddedBdev bdev, String holder, Function<SpdkThread, EmbeddedThread> threads, boolean claimed) {
        this.bdev = bdev;
        this.threads = threads;
        this.desc =
                claimed
                        ? bdev.openAsBase(holder, event -> listener.accept(event))
                        : bdev.openForReading(holder, event -> listener.accept(event));
    }

    /** Opens a device for reading without a claim. */
    static BaseDevice forReading(EmbeddedBdev bdev, String holder, Function<SpdkThread, EmbeddedThread> threads) {
        return new BaseDevice(bdev, holder, threads, false);
    }

    /**
     * Sets who is told of the base's events.
     *
     * @param told called on any thread
     */
    public void listen(Consumer<BdevEvent> told) {
        listener = told;
        if (bdev.isRemoved()) {
            // It may have been removed before anyone listened.
            told.accept(BdevEvent.REMOVED);
        }
    }

    /**
     * Its name.
     *
     * @return the name
     */
    public String name() {
        return bdev.name();
    }

    /**
     * Its UUID.
     *
     * @return the UUID
     */
    public UUID uuid() {
        return bdev.uuid();
    }

    /**
     * Its shape now.
     *
     * @return the geometry
     */
    public BdevGeometry geometry() {
        return bdev.geometry();
    }

    /**
     * Whether it does an operation.
     *
     * @param type the operation
     * @return true if it does
     */
    public boolean supports(IoType type) {
        return bdev.supports(type);
    }

    /**
     * Opens a channel.
     *
     * @param thread the calling thread
     * @return the channel
     */
    public Lower openChannel(SpdkThread thread) {
        EngineThread engineThread = threads.apply(thread);
        return new Lower((EmbeddedChannel) desc.openChannel(engineThread));
    }

    /**
     * Opens a channel for I/Os that are made here.
     *
     * @param thread the calling thread
     * @return the channel
     */
    public EmbeddedChannel openChannel(EmbeddedThread thread) {
        return (EmbeddedChannel) desc.openChannel(thread);
    }

    /**
     * Whether it has been removed.
     *
     * @return true from the beginning of its removal on
     */
    public boolean isRemoved() {
        return bdev.isRemoved();
    }

    /**
     * Opens a channel of each of several devices, or of none.
     *
     * @param bases the devices
     * @param thread the calling thread
     * @return the channels
     */
    public static List<Lower> openAll(List<BaseDevice> bases, SpdkThread thread) {
        List<Lower> opened = new ArrayList<>();
        try {
            bases.forEach(base -> opened.add(base.openChannel(thread)));
            return List.copyOf(opened);
        } catch (Throwable e) {
            opened.forEach(Lower::close);
            throw e;
        }
    }

    /**
     * Runs something on a thread: now if that is the caller's, else as a message. Not if the thread has exited.
     *
     * @param thread the thread
     * @param action what to run
     */
    public void run(SpdkThread thread, Runnable action) {
        EmbeddedThread on = threads.apply(thread);
        if (on != null) {
            boolean _ = on.run(action);
        }
    }

    /** Lets go of it. All channels are closed. */
    public void close() {
        desc.close();
    }

    /** A channel to it. */
    public static final class Lower {
        private final EmbeddedChannel channel;

        private Lower(EmbeddedChannel channel) {
            this.channel = channel;
        }

        /**
         * Hands an I/O on, whole.
         *
         * @param io the I/O
         * @param handler told when the base has completed it
         */
        public void submit(IoRequest io, EmbeddedThread.ChildHandler handler) {
            channel.thread().child(io, handler).piece(0, io.blockCount()).submit(channel);
        }

        /**
         * Hands an I/O on, whole, to another place.
         *
         * @param io the I/O
         * @param blocks how far that is from its own
         * @param handler told when the base has completed it
         */
        public void submit(IoRequest io, long blocks, EmbeddedThread.ChildHandler handler) {
            channel.thread().child(io, handler).piece(0, io.blockCount()).moved(blocks).submit(channel);
        }

        /**
         * Writes what an I/O has read.
         *
         * @param io the read
         * @param handler told when the base has completed it
         */
        public void write(IoRequest io, EmbeddedThread.ChildHandler handler) {
            channel.thread()
                    .child(io, handler)
                    .range(IoType.WRITE, io.offsetBlocks(), io.blockCount(), io.lengthBytes() / io.blockCount())
                    .slice(0, io.lengthBytes())
                    .submit(channel);
        }

        /**
         * Flushes all of it.
         *
         * @param io what for
         * @param handler told when the base has completed it
         */
        public void flush(IoRequest io, EmbeddedThread.ChildHandler handler) {
            BdevGeometry geometry = channel.bdev().geometry();
            channel.thread()
                    .child(io, handler)
                    .range(IoType.FLUSH, 0, geometry.blockCount(), geometry.blockSize())
                    .submit(channel);
        }

        /**
         * Tries to abort an I/O that was handed on.
         *
         * @param io the I/O
         */
        public void abort(IoRequest io) {
            channel.context()
                    .forEachOutstanding(below -> {
                        if (below.channel() == channel && below instanceof ChildIo child && child.parent() == io) {
                            channel.abort(below);
                        }
                    });
        }

        /** Closes it. */
        public void close() {
            channel.close();
        }
    }
}
