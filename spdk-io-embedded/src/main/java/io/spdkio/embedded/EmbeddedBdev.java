package io.spdkio.embedded;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.spi.DeviceStatistics;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * A registered device: who has it open, who claims it, its channels and statistics. {@link #guard} guards all but what
 * the data path reads; code of the backend runs without it.
 */
public final class EmbeddedBdev implements EngineBdev {

    private final String name;
    private final UUID uuid;
    private final BdevBackend backend;
    private final long sequence;
    private final LongSupplier clock;
    private final Consumer<EmbeddedBdev> forget;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private final RangeLocks rangeLocks = new RangeLocks();

    private volatile BdevGeometry geometry;
    private volatile boolean removed;

    private final DeviceStatistics statistics = new DeviceStatistics();
    private final SpinLock guard = new SpinLock();
    private final Set<Desc> descs = new LinkedHashSet<>();
    private final List<EmbeddedChannel> channels = new ArrayList<>();
    private boolean finished;

    /** Null while there are no limits. */
    private Qos qos;

    private volatile QosLimits qosLimits = QosLimits.NONE;
    private boolean changesLimits;

    EmbeddedBdev(
            String name,
            UUID uuid,
            BdevBackend backend,
            long sequence,
            LongSupplier clock,
            Consumer<EmbeddedBdev> forget) {
        this.name = name;
        this.uuid = uuid;
        this.backend = backend;
        this.sequence = sequence;
        this.clock = clock;
        this.forget = forget;
        this.geometry = backend.geometry();
    }

    long sequence() {
        return sequence;
    }

    /**
     * What serves it.
     *
     * @return the backend
     */
    public BdevBackend backend() {
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
    public Optional<String> claimedBy() {
        try (SpinLock _ = guard.acquire()) {
            return claim();
        }
    }

    private Optional<String> claim() {
        return descs.stream()
                .filter(desc -> desc.claim != null)
                .findFirst()
                .map(desc -> desc.holder + " (" + desc.claim + ")");
    }

    /**
     * How it is claimed.
     *
     * @return the claim, or empty
     */
    public Optional<ClaimType> claimType() {
        return descs().stream().map(desc -> desc.claim).filter(claim -> claim != null).findFirst();
    }

    @Override
    public boolean isRemoved() {
        return removed;
    }

    // ---- descriptors and claims

    @Override
    public EngineDesc open(EngineThread thread, OpenMode mode, Consumer<BdevEvent> sink) {
        boolean writes = mode == OpenMode.READ_WRITE;
        boolean mayWrite = writes && backend.supports(IoType.WRITE);
        try (SpinLock _ = guard.acquire()) {
            return open(writes, mayWrite, "a descriptor", sink);
        }
    }

    private Desc open(boolean writes, boolean mayWrite, String holder, Consumer<BdevEvent> sink) {
        if (removed) {
            throw new SpdkException.NotFound("bdev '" + name + "' was removed", -Errno.ENODEV);
        }
        if (writes) {
            claim().ifPresent(claim -> {
                throw claimed("open it for writing", claim);
            });
            if (!mayWrite) {
                throw new SpdkException.Busy(
                        "bdev '" + name + "' can only be read; open it with OpenMode.READ_ONLY", -Errno.EPERM);
            }
        }
        Desc desc = new Desc(writes, holder, sink);
        descs.add(desc);
        return desc;
    }

    /** Opens it for a device that stands on it, alone. */
    Desc openAsBase(String holder, Consumer<BdevEvent> sink) {
        try (SpinLock _ = guard.acquire()) {
            Desc desc = open(false, false, holder, sink);
            try {
                desc.take(ClaimType.READ_MANY_WRITE_ONE);
            } catch (SpdkException e) {
                descs.remove(desc);
                throw e;
            }
            return desc;
        }
    }

    /** Opens it for something that reads it. */
    Desc openForReading(String holder, Consumer<BdevEvent> sink) {
        try (SpinLock _ = guard.acquire()) {
            return open(false, false, holder, sink);
        }
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
            try (SpinLock _ = guard.acquire()) {
                take(type);
            }
        }

        private void take(ClaimType type) {
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

        @Override
        public void close() {
            try (SpinLock _ = guard.acquire()) {
                descs.remove(this);
            }
            finishIfDone();
        }
    }

    // ---- channels

    /** The calling thread's channel. */
    EmbeddedChannel channel(EmbeddedThread thread) {
        EmbeddedChannel channel = thread.channelTo(this);
        if (channel == null) {
            channel = new EmbeddedChannel(this, thread);
            Qos limits;
            try (SpinLock _ = guard.acquire()) {
                channels.add(channel);
                limits = qos;
            }
            channel.join();
            if (limits != null) {
                channel.limit(limits);
            }
        }
        channel.retain();
        return channel;
    }

    void channelClosed(EmbeddedChannel channel) {
        try (SpinLock _ = guard.acquire()) {
            channels.remove(channel);
        }
    }

    private List<EmbeddedChannel> channels() {
        try (SpinLock _ = guard.acquire()) {
            return List.copyOf(channels);
        }
    }

    RangeLocks rangeLocks() {
        return rangeLocks;
    }

    // ---- events and removal

    private List<Desc> descs() {
        try (SpinLock _ = guard.acquire()) {
            return List.copyOf(descs);
        }
    }

    void resize(long blockCount) {
        if (blockCount < geometry.blockCount() && !descs().isEmpty()) {
            throw new SpdkException.Busy(
                    "bdev '"
                            + name
                            + "' can't shrink from "
                            + geometry.blockCount()
                            + " to "
                            + blockCount
                            + " blocks while it is open; close its descriptors first",
                    -Errno.EBUSY);
        }
        BdevGeometry resized = geometry.withBlockCount(blockCount);
        if (resized.blockCount() != geometry.blockCount()) {
            geometry = resized;
            descs().forEach(desc -> desc.sink.accept(BdevEvent.RESIZED));
        }
    }

    CompletionStage<Void> remove() {
        List<Desc> told;
        try (SpinLock _ = guard.acquire()) {
            if (removed) {
                return gone;
            }
            removed = true;
            told = List.copyOf(descs);
        }
        told.forEach(desc -> desc.sink.accept(BdevEvent.REMOVED));
        channels()
                .forEach(channel -> {
                    boolean _ = channel.run(channel::abortAll);
                });
        finishIfDone();
        return gone;
    }

    private void finishIfDone() {
        try (SpinLock _ = guard.acquire()) {
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
        try (SpinLock _ = guard.acquire()) {
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

    // ---- limits

    @Override
    public CompletionStage<Void> setQosLimits(QosLimits limits) {
        Qos fresh = limits.isNone() ? null : new Qos(limits, clock.getAsLong());
        List<EmbeddedChannel> told;
        try (SpinLock _ = guard.acquire()) {
            if (removed) {
                return CompletableFuture.failedFuture(
                        new SpdkException.NotFound("bdev '" + name + "' was removed", -Errno.ENODEV));
            }
            if (changesLimits) {
                return CompletableFuture.failedFuture(
                        SpdkException.withMessage(
                                "the limits of bdev '" + name + "' are being changed; try again when they have been",
                                -Errno.EAGAIN));
            }
            qosLimits = limits;
            if (qos != null && fresh != null) {
                qos.change(limits);
                return CompletableFuture.completedFuture(null);
            }
            qos = fresh;
            changesLimits = true;
            told = List.copyOf(channels);
        }
        List<CompletableFuture<Void>> done = new ArrayList<>();
        for (EmbeddedChannel channel : told) {
            CompletableFuture<Void> one = new CompletableFuture<>();
            done.add(one);
            boolean taken =
                    channel.run(() -> {
                        channel.limit(fresh);
                        one.complete(null);
                    });
            if (!taken) {
                one.complete(null); // its thread has exited
            }
        }
        return CompletableFuture.allOf(done.toArray(CompletableFuture[]::new))
                .thenRun(() -> {
                    try (SpinLock _ = guard.acquire()) {
                        changesLimits = false;
                    }
                });
    }

    @Override
    public QosLimits qosLimits() {
        return qosLimits;
    }

    @Override
    public DeviceStatistics statistics() {
        return statistics;
    }

    @Override
    public String toString() {
        return "EmbeddedBdev[" + name + "]";
    }
}
