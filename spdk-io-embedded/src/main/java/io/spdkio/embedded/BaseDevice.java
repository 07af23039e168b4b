package io.spdkio.embedded;

import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoRequest;

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
     * Its name.
     *
     * @return the name
     */
    public String name() {
        return bdev.name();
    }

    /**
     * Whether it has been removed.
     *
     * @return true from the beginning of its removal on
     */
    public boolean isRemoved() {
        return bdev.isRemoved();
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
         * Hands an I/O on with other memory.
         *
         * @param io the I/O
         * @param memory its data
         * @param handler told when the base has completed it
         */
        public void submit(IoRequest io, java.lang.foreign.MemorySegment memory, EmbeddedThread.ChildHandler handler) {
            channel.thread().child(io, handler).piece(0, io.blockCount()).memory(memory).submit(channel);
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
