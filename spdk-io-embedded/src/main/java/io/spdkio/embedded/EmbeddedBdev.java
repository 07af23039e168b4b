package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevStatistics;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LatencyHistogram;
import io.spdkio.bdev.OpenMode;
import io.spdkio.spi.ChannelStatistics;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.EngineThread;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * A registered device: who has it open, who claims it, its channels, range locks and statistics. Its own lock guards
 * all but what the data path reads.
 */
public final class EmbeddedBdev implements EngineBdev {
    private static final BdevStatistics NOTHING = new BdevStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private final String name;
    private final UUID uuid;
    private final BdevBackend backend;
    private final long sequence;
    private final Consumer<EmbeddedBdev> forget;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();

    private volatile BdevGeometry geometry;
    private volatile boolean removed;
    private volatile boolean recordsLatency;

    private final Set<Desc> descs = new LinkedHashSet<>();
    private final Map<EmbeddedThread, EmbeddedChannel> channels = new HashMap<>();
    private final List<RangeLock> activeLocks = new ArrayList<>();
    private final List<PendingLock> pendingLocks = new ArrayList<>();
    private final List<LatencyHistogram> histograms = new ArrayList<>();
    private BdevStatistics ofClosedChannels = NOTHING;
    private BdevStatistics baseline = NOTHING;
    private boolean finished;

    private record PendingLock(RangeLock lock, EmbeddedChannel origin, Runnable granted) {}

    EmbeddedBdev(String name, UUID uuid, BdevBackend backend, long sequence, Consumer<EmbeddedBdev> forget) {
        this.name = name;
        this.uuid = uuid;
        this.backend = backend;
        this.sequence = sequence;
        this.forget = forget;
        this.geometry = backend.geometry();
    }

    long sequence() {
        return sequence;
    }

    BdevBackend backend() {
        return backend;
    }

    // ---- what it is

    @Override
    public String name() {
        return name;
    }

    @Override
    public String productName() {
        return backend.productName();
    }

    @Override
    public UUID uuid() {
        return uuid;
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ, RESET, ABORT, COMPARE -> true;
            case WRITE, UNMAP, FLUSH -> backend.supports(type);
            case WRITE_ZEROES, COMPARE_AND_WRITE, COPY -> backend.supports(type) || backend.supports(IoType.WRITE);
        };
    }

    @Override
    public synchronized Optional<String> claimedBy() {
        return descs.stream()
                .filter(desc -> desc.claim != null)
                .findFirst()
                .map(desc -> desc.holder + " (" + desc.claim + ")");
    }

    @Override
    public boolean isRemoved() {
        return removed;
    }

    // ---- descriptors and claims

    @Override
    public EngineDesc open(EngineThread thread, OpenMode mode, Consumer<BdevEvent> sink) {
        return open(mode, "a descriptor", sink);
    }

    private synchronized Desc open(OpenMode mode, String holder, Consumer<BdevEvent> sink) {
        if (removed) {
            throw new SpdkException.NotFound("bdev '" + name + "' was removed", -Errno.ENODEV);
        }
        if (mode == OpenMode.READ_WRITE) {
            claimedBy()
                    .ifPresent(claim -> {
                        throw claimed("open it for writing", claim);
                    });
            if (!backend.supports(IoType.WRITE)) {
                throw new SpdkException.Busy(
                        "bdev '" + name + "' can only be read; open it with OpenMode.READ_ONLY", -Errno.EPERM);
            }
        }
        Desc desc = new Desc(mode == OpenMode.READ_WRITE, holder, sink);
        descs.add(desc);
        return desc;
    }

    /** Opens it for a device that stands on it, alone. */
    Desc openAsBase(String holder, Consumer<BdevEvent> sink) {
        synchronized (this) {
            Desc desc = open(OpenMode.READ_ONLY, holder, sink);
            try {
                desc.claim(ClaimType.READ_MANY_WRITE_ONE);
            } catch (SpdkException e) {
                descs.remove(desc);
                throw e;
            }
            return desc;
        }
    }

    /** Opens it for something that reads it. */
    Desc openForReading(String holder, Consumer<BdevEvent> sink) {
        return open(OpenMode.READ_ONLY, holder, sink);
    }

    private SpdkException claimed(String what, String by) {
        return new SpdkException.Busy(
                "can't "
                        + what
                        + ": bdev '"
                        + name
                        + "' is claimed by "
                        + by
                        + ". Close that first, or open this one with OpenMode.READ_ONLY",
                -Errno.EPERM);
    }

    /** An open descriptor. */
    final class Desc implements EngineDesc {
        private final String holder;
        private final Consumer<BdevEvent> sink;
        private boolean writable;
        private ClaimType claim;

        private Desc(boolean writable, String holder, Consumer<BdevEvent> sink) {
            this.writable = writable;
            this.holder = holder;
            this.sink = sink;
        }

        @Override
        public EngineChannel openChannel(EngineThread thread) {
            return channel((EmbeddedThread) thread);
        }

        @Override
        public void claim(ClaimType type) {
            synchronized (EmbeddedBdev.this) {
                boolean shared = type == ClaimType.READ_MANY_WRITE_SHARED;
                for (Desc other : descs) {
                    if (other.claim != null && (other == this || !shared || other.claim != type)) {
                        throw claimed("claim it", other.holder + " (" + other.claim + ")");
                    }
                    boolean mine = other == this;
                    if (other.writable && other.claim == null && (!mine || type == ClaimType.READ_MANY_WRITE_NONE)) {
                        throw new SpdkException.Busy(
                                "can't claim bdev '"
                                        + name
                                        + "' with "
                                        + type
                                        + ": "
                                        + (mine ? "this descriptor" : other.holder)
                                        + " has it open for writing; close that, or open it with OpenMode.READ_ONLY",
                                -Errno.EPERM);
                    }
                }
                claim = type;
                writable = type != ClaimType.READ_MANY_WRITE_NONE;
            }
        }

        @Override
        public void close() {
            synchronized (EmbeddedBdev.this) {
                descs.remove(this);
            }
            finishIfDone();
        }
    }

    // ---- channels

    synchronized EmbeddedChannel channel(EmbeddedThread thread) {
        EmbeddedChannel channel = channels.get(thread);
        if (channel == null) {
            channel = new EmbeddedChannel(this, thread);
            for (RangeLock lock : activeLocks) {
                channel.lock(lock, () -> {});
            }
            channels.put(thread, channel);
        }
        channel.retain();
        return channel;
    }

    synchronized void channelClosed(EmbeddedChannel channel, LatencyHistogram histogram) {
        channels.remove(channel.thread());
        ofClosedChannels = ChannelStatistics.sum(ofClosedChannels, channel.statistics.snapshot(), 1);
        if (histogram != null && histograms.size() > 1) {
            histograms.remove(histogram);
            histograms.getFirst().add(histogram);
        }
    }

    private synchronized List<EmbeddedChannel> channels() {
        return List.copyOf(channels.values());
    }

    /**
     * Runs an action on a channel's thread: now if that is the caller's, else as a message. False if the thread has
     * exited.
     */
    private static boolean on(EmbeddedChannel channel, Runnable action) {
        if (channel.context().isCurrent()) {
            action.run();
            return true;
        }
        return channel.context().post(action);
    }

    // ---- range locks

    /**
     * Locks a range on every channel. {@code granted} runs on the origin's thread when nothing that the lock keeps out
     * is in the device any more.
     */
    void lock(RangeLock lock, EmbeddedChannel origin, Runnable granted) {
        List<EmbeddedChannel> all;
        boolean wait;
        synchronized (this) {
            wait = activeLocks.stream().anyMatch(active -> active.overlaps(lock));
            if (wait) {
                pendingLocks.add(new PendingLock(lock, origin, granted));
            } else {
                activeLocks.add(lock);
            }
            all = List.copyOf(channels.values());
        }
        if (wait) {
            if (lock.abortOutstanding()) {
                // The lock in the way may be that of an I/O which the device keeps: a reset is there to end that.
                all.forEach(channel -> on(channel, channel::abortAll));
            }
            return;
        }
        AtomicInteger missing = new AtomicInteger(all.size());
        Runnable reached =
                () -> {
                    if (missing.decrementAndGet() == 0 && !on(origin, granted)) {
                        // Its thread gave up and exited; the others must not be kept out for ever.
                        unlock(lock);
                    }
                };
        for (EmbeddedChannel channel : all) {
            if (!on(channel, () -> channel.lock(lock, reached))) {
                reached.run();
            }
        }
    }

    /** Ends a lock, or the wait for it. */
    void unlock(RangeLock lock) {
        List<PendingLock> next;
        synchronized (this) {
            if (pendingLocks.removeIf(pending -> pending.lock() == lock)) {
                return;
            }
            activeLocks.removeIf(active -> active == lock);
            next = List.copyOf(pendingLocks);
            pendingLocks.clear();
        }
        // Locks that waited come first: what they keep out must not slip in between.
        next.forEach(pending -> lock(pending.lock(), pending.origin(), pending.granted()));
        for (EmbeddedChannel channel : channels()) {
            on(channel, () -> channel.unlock(lock));
        }
    }

    // ---- events and removal

    private synchronized List<Desc> descs() {
        return List.copyOf(descs);
    }

    void resize(long blockCount) {
        BdevGeometry resized = geometry.withBlockCount(blockCount);
        if (resized.blockCount() != geometry.blockCount()) {
            geometry = resized;
            descs().forEach(desc -> desc.sink.accept(BdevEvent.RESIZED));
        }
    }

    CompletionStage<Void> remove() {
        List<Desc> told;
        synchronized (this) {
            if (removed) {
                return gone;
            }
            removed = true;
            told = List.copyOf(descs);
        }
        told.forEach(desc -> desc.sink.accept(BdevEvent.REMOVED));
        channels().forEach(channel -> on(channel, channel::abortAll));
        finishIfDone();
        return gone;
    }

    private void finishIfDone() {
        synchronized (this) {
            if (!removed || finished || !descs.isEmpty()) {
                return;
            }
            finished = true;
        }
        try {
            backend.close();
        } catch (Throwable e) {
            System.getLogger("io.spdkio")
                    .log(System.Logger.Level.ERROR, "the backend of bdev '" + name + "' threw in close", e);
        } finally {
            forget.accept(this);
            gone.complete(null);
        }
    }

    /** The environment is closed, with or without its descriptors. */
    void abandon() {
        synchronized (this) {
            removed = true;
            descs.clear();
        }
        finishIfDone();
    }

    BdevBackend.Registration registration() {
        return new BdevBackend.Registration() {
            @Override
            public void resize(long blockCount) {
                EmbeddedBdev.this.resize(blockCount);
            }

            @Override
            public void remove() {
                EmbeddedBdev.this.remove();
            }
        };
    }

    // ---- statistics

    boolean recordsLatency() {
        return recordsLatency;
    }

    private BdevStatistics total() {
        BdevStatistics sum = ofClosedChannels;
        for (EmbeddedChannel channel : channels.values()) {
            sum = ChannelStatistics.sum(sum, channel.statistics.snapshot(), 1);
        }
        return sum;
    }

    @Override
    public synchronized BdevStatistics statistics() {
        return ChannelStatistics.sum(total(), baseline, -1);
    }

    @Override
    public synchronized void resetStatistics() {
        baseline = total();
        histograms.forEach(LatencyHistogram::reset);
    }

    @Override
    public void recordLatency(boolean enabled) {
        recordsLatency = enabled;
    }

    synchronized void addHistogram(LatencyHistogram histogram) {
        histograms.add(histogram);
    }

    @Override
    public synchronized LatencyHistogram latency() {
        LatencyHistogram sum = new LatencyHistogram();
        histograms.forEach(sum::add);
        return sum;
    }

    @Override
    public String toString() {
        return "EmbeddedBdev[" + name + "]";
    }
}
