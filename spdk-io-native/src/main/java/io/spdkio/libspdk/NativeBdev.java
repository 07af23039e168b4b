package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.spi.DeviceStatistics;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.SpinLock;
import io.spdkio.sys.BdevLimits;
import io.spdkio.sys.ErrorGate;
import io.spdkio.sys.raw.BdevH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * A struct spdk_bdev, watched by a descriptor of the engine's own that tells of its resizing and removal. What SPDK
 * says of it is read once, so that a handle is harmless when the device is gone. The lists are guarded by this object.
 */
final class NativeBdev implements EngineBdev {
    private static final ValueLayout.OfLong BIG_ENDIAN_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final SpdkRuntime runtime;
    private final long sequence;
    private final String name;
    private final String spdkName;
    private final String moduleName;
    private final String productName;
    private final UUID uuid;
    private volatile int supported;
    private final boolean emulatesCompare;
    private final MemorySegment bdev;
    private final long eventId;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private final Consumer<NativeBdev> forget;
    private MemorySegment watcher;
    private ErrorGate gate;
    private CompletableFuture<?> deletion = CompletableFuture.completedFuture(null);
    private final boolean abortsReach;
    private final boolean copies;
    private volatile CustomDevice device;
    private volatile List<String> bases = List.of();

    private final DeviceStatistics statistics = new DeviceStatistics();
    private final SpinLock lock = new SpinLock();
    private volatile BdevGeometry geometry;
    private volatile boolean removed;

    private final Set<NativeDesc> descs = new LinkedHashSet<>();
    private final Set<NativeChannel> channels = new LinkedHashSet<>();
    private NativeBlobstore store;

    /** Looks at a device. On the app thread. */
    NativeBdev(SpdkRuntime runtime, String name, MemorySegment bdev, long sequence, Consumer<NativeBdev> forget) {
        this.runtime = runtime;
        this.bdev = bdev;
        this.sequence = sequence;
        this.forget = forget;
        this.spdkName = Memory.text(BdevH.spdk_bdev_get_name(bdev));
        this.name = name == null ? spdkName : name;
        this.moduleName = Memory.text(BdevH.spdk_bdev_get_module_name(bdev));
        this.productName = Memory.text(BdevH.spdk_bdev_get_product_name(bdev));
        MemorySegment id = Memory.at(BdevH.spdk_bdev_get_uuid(bdev).address(), 16);
        this.uuid = new UUID(id.get(BIG_ENDIAN_LONG, 0), id.get(BIG_ENDIAN_LONG, 8));
        BdevLimits limits = BdevLimits.of(bdev);
        this.abortsReach = limits.abortsReach();
        this.copies = limits.copies();
        int bits = 0;
        for (IoType type : IoType.values()) {
            if (asksSpdk(type)) {
                bits |= bit(type);
            }
        }
        this.supported = bits;
        this.emulatesCompare = !does(BdevH.SPDK_BDEV_IO_TYPE_COMPARE);
        this.geometry = readGeometry();
        this.eventId = runtime.addEventSink(this::onEvent);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment opened = arena.allocate(ValueLayout.ADDRESS);
            int rc =
                    BdevH.spdk_bdev_open_ext(
                            arena.allocateFrom(spdkName),
                            false,
                            runtime.onBdevEvent(),
                            MemorySegment.ofAddress(eventId),
                            opened);
            if (rc != 0) {
                runtime.removeEventSink(eventId);
                throw SpdkException.of("bdev '" + spdkName + "'", rc);
            }
            watcher = opened.get(ValueLayout.ADDRESS, 0);
        }
    }

    private boolean asksSpdk(IoType type) {
        return switch (type) {
            // SPDK emulates these where the device lacks them.
            case READ, RESET, ABORT, COMPARE -> true;
            case COMPARE_AND_WRITE, WRITE -> does(BdevH.SPDK_BDEV_IO_TYPE_WRITE);
            case COPY -> copies;
            case UNMAP -> does(BdevH.SPDK_BDEV_IO_TYPE_UNMAP);
            case FLUSH -> does(BdevH.SPDK_BDEV_IO_TYPE_FLUSH);
            case WRITE_ZEROES -> does(BdevH.SPDK_BDEV_IO_TYPE_WRITE_ZEROES);
        };
    }

    private boolean does(int type) {
        return BdevH.spdk_bdev_io_type_supported(bdev, type);
    }

    @SuppressWarnings("EnumOrdinal") // the number is forgotten with the process
    private static int bit(IoType type) {
        return 1 << type.ordinal();
    }

    private BdevGeometry readGeometry() {
        BdevLimits limits = BdevLimits.of(bdev);
        int blockSize = BdevH.spdk_bdev_get_block_size(bdev);
        int boundary = BdevH.spdk_bdev_get_optimal_io_boundary(bdev);
        return new BdevGeometry(
                blockSize,
                BdevH.spdk_bdev_get_num_blocks(bdev),
                boundary,
                limits.splitsOnBoundary(),
                limits.maxRwBlocks() * blockSize,
                limits.maxSegments(),
                (int) BdevH.spdk_bdev_get_buf_align(bdev),
                Math.max(1, BdevH.spdk_bdev_get_write_unit_size(bdev)),
                compareAndWriteUnitBlocks(blockSize));
    }

    /** Where SPDK compares and writes in two steps, it can do no more than its buffers hold. */
    private int compareAndWriteUnitBlocks(int blockSize) {
        int unit = Math.max(1, Short.toUnsignedInt(BdevH.spdk_bdev_get_acwu(bdev)));
        return does(BdevH.SPDK_BDEV_IO_TYPE_COMPARE_AND_WRITE)
                ? unit
                : Math.min(unit, Math.max(1, NativeChannel.SMALL_COMPARE_BYTES / blockSize));
    }

    long sequence() {
        return sequence;
    }

    String spdkName() {
        return spdkName;
    }

    String moduleName() {
        return moduleName;
    }

    MemorySegment spdkBdev() {
        return bdev;
    }

    /** The device behind it that Java serves; null for others. */
    CustomDevice device() {
        return device;
    }

    void servedBy(CustomDevice served) {
        device = served;
    }

    /** Takes what would change it from what it does. */
    void makeReadOnly() {
        int reading = supported;
        for (IoType type : IoType.values()) {
            if (type.modifies() || type == IoType.FLUSH) {
                reading &= ~bit(type);
            }
        }
        supported = reading;
    }

    /** Sets or ends the rates of an error device. On the app thread. */
    void setRates(ErrorBdev.Injection injection) {
        boolean rated = injection.rate() < 1;
        if (gate == null) {
            if (!rated) {
                return;
            }
            gate = ErrorGate.install(bdev.address());
        }
        if (injection.types().isEmpty()) {
            gate.clear();
        }
        for (IoType type : injection.types()) {
            gate.set(
                    CustomDevice.operation(type),
                    injection.mode() == ErrorBdev.Mode.NOMEM ? ErrorGate.Mode.NOMEM : ErrorGate.Mode.FAILURE,
                    rated ? injection.rate() : 0,
                    injection.seed(),
                    injection.count());
        }
    }

    /** Notes what it stands on, by SPDK's names. */
    void standsOn(List<String> below) {
        bases = below;
    }

    boolean standsOn(String below) {
        return bases.contains(below);
    }

    /** Whether destroying it also destroys what a store below it keeps. */
    boolean holdsData() {
        return moduleName.equals("lvol");
    }

    /** Whether SPDK may be asked to abort its I/O; see {@link BdevLimits}. */
    boolean abortsReach() {
        return abortsReach;
    }

    /** Whether SPDK reads and compares by itself when the device can't, in a buffer of limited size. */
    boolean emulatesCompare() {
        return emulatesCompare;
    }

    boolean isPartOf(String base) {
        return moduleName.equals("split") && spdkName.matches(java.util.regex.Pattern.quote(base) + "p[0-9]+");
    }

    // ---- what it is

    @Override
    public String name() {
        return name;
    }

    @Override
    public String productName() {
        return productName;
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
        return (supported & bit(type)) != 0;
    }

    @Override
    public Optional<String> claimedBy() {
        if (removed) {
            return Optional.empty();
        }
        Object answer = runtime.rpc("bdev_get_bdevs", Map.of("name", spdkName)).join();
        if (answer instanceof List<?> list
                && list.getFirst() instanceof Map<?, ?> description
                && Boolean.TRUE.equals(description.get("claimed"))) {
            return Optional.of("SPDK (" + description.get("claim_type") + ")");
        }
        return Optional.empty();
    }

    @Override
    public CompletionStage<Void> setQosLimits(QosLimits limits) {
        return runtime.app()
                .start(() -> {
                    if (removed) {
                        throw removedException();
                    }
                    return runtime.limit(bdev, limits);
                })
                .thenAccept(status -> {
                    if (status != 0) {
                        throw SpdkException.of("limiting bdev '" + name + "'", status);
                    }
                });
    }

    @Override
    public QosLimits qosLimits() {
        if (removed) {
            return QosLimits.NONE;
        }
        return runtime.app().call(() -> removed ? QosLimits.NONE : limitsOf(bdev));
    }

    /** On the app thread. */
    static QosLimits limitsOf(MemorySegment bdev) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_NUM_RATE_LIMIT_TYPES);
            BdevH.spdk_bdev_get_qos_rate_limits(bdev, limits);
            return new QosLimits(
                    limits.getAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_RW_IOPS_RATE_LIMIT),
                    limits.getAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_RW_BPS_RATE_LIMIT),
                    limits.getAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_R_BPS_RATE_LIMIT),
                    limits.getAtIndex(ValueLayout.JAVA_LONG, BdevH.SPDK_BDEV_QOS_W_BPS_RATE_LIMIT));
        }
    }

    @Override
    public boolean isRemoved() {
        return removed;
    }

    SpdkException removedException() {
        return new SpdkException.NotFound("bdev '" + name + "' was removed", -Errno.ENODEV);
    }

    // ---- descriptors

    @Override
    public EngineDesc open(EngineThread thread, OpenMode mode, Consumer<BdevEvent> sink) {
        if (removed) {
            throw removedException();
        }
        return runtime.app().call(() -> openOnAppThread(mode == OpenMode.READ_WRITE, sink));
    }

    private NativeDesc openOnAppThread(boolean write, Consumer<BdevEvent> sink) {
        if (removed) {
            throw removedException();
        }
        if (write && !supports(IoType.WRITE)) {
            throw new SpdkException.Busy(
                    "bdev '" + name + "' can only be read; open it with OpenMode.READ_ONLY", -Errno.EPERM);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment opened = arena.allocate(ValueLayout.ADDRESS);
            // Events come through the watcher.
            int rc =
                    BdevH.spdk_bdev_open_ext(
                            arena.allocateFrom(spdkName), write, runtime.onBdevEvent(), MemorySegment.NULL, opened);
            if (rc == -Errno.EPERM) {
                throw SpdkException.withMessage(
                        "can't open it for writing: bdev '"
                                + name
                                + "' is claimed"
                                + runtime.log().reason()
                                + ". Close what claims it first, or open this one with OpenMode.READ_ONLY",
                        rc);
            }
            if (rc != 0) {
                throw SpdkException.of("opening bdev '" + name + "'", rc);
            }
            NativeDesc desc = new NativeDesc(runtime, this, opened.get(ValueLayout.ADDRESS, 0), sink);
            try (SpinLock _ = lock.acquire()) {
                descs.add(desc);
            }
            return desc;
        }
    }

    void descClosed(NativeDesc desc) {
        try (SpinLock _ = lock.acquire()) {
            descs.remove(desc);
        }
    }

    // ---- events and removal

    /** On the app thread, inside a call from SPDK: nothing of the program's runs here. */
    private void onEvent(int type) {
        if (type == BdevH.SPDK_BDEV_EVENT_REMOVE) {
            markRemoved();
            var _ =
                    runtime.app()
                            .submit(() -> {
                                closeWatcher();
                                return null;
                            });
        } else if (type == BdevH.SPDK_BDEV_EVENT_RESIZE && !removed) {
            resized();
        }
    }

    /** Takes the size again. On the app thread. */
    void resized() {
        long blocks = BdevH.spdk_bdev_get_num_blocks(bdev);
        BdevGeometry before = geometry;
        if (blocks != before.blockCount() && blocks > 0) {
            geometry = before.withBlockCount(blocks);
            tell(BdevEvent.RESIZED);
        }
    }

    private void tell(BdevEvent event) {
        List<NativeDesc> told;
        try (SpinLock _ = lock.acquire()) {
            told = List.copyOf(descs);
        }
        told.forEach(desc -> desc.tell(event));
    }

    /**
     * Refuses new I/O and aborts what is outstanding. Any thread.
     *
     * @return false if that was done before
     */
    boolean markRemoved() {
        List<NativeChannel> open;
        NativeBlobstore loaded;
        try (SpinLock _ = lock.acquire()) {
            if (removed) {
                return false;
            }
            removed = true;
            open = List.copyOf(channels);
            loaded = store;
        }
        tell(BdevEvent.REMOVED);
        if (loaded != null) {
            loaded.deviceRemoved();
        }
        open.forEach(channel -> {
            if (channel.context().isCurrent()) {
                channel.endAll();
            } else {
                boolean _ = channel.context().post(channel::endAll);
            }
        });
        return true;
    }

    /**
     * Whether SPDK may be told to remove it, after {@link #markRemoved}. SPDK v26.01 removes a device twice, and frees
     * its memory twice, when the lock of a range ends while the removal begins.
     */
    boolean locksNothing() {
        try (SpinLock _ = lock.acquire()) {
            return channels.stream().allMatch(NativeChannel::locksNothing);
        }
    }

    /** Whether SPDK has been told to remove it, or does by itself. On the app thread. */
    boolean isLetGo() {
        return watcher == null;
    }

    /** Lets go of the device, which waits for that. On the app thread. */
    void closeWatcher() {
        if (watcher != null) {
            BdevH.spdk_bdev_close(watcher);
            watcher = null;
            runtime.removeEventSink(eventId);
            // While SPDK has still to be told to remove it, it would be found again, and removed again.
            var _ = deletion.whenComplete((_, _) -> forget.accept(this));
            var _ =
                    runtime.app()
                            .when(this::isGone)
                            .whenComplete((_, problem) -> {
                                if (problem == null) {
                                    gone.complete(null);
                                } else {
                                    gone.completeExceptionally(problem);
                                }
                            });
        }
    }

    /** A volume's clusters, for one, are given back after its name. On the app thread. */
    void goneAfter(CompletableFuture<?> deleted) {
        deletion = deleted;
    }

    /** Whether its name has been given back. On the app thread. */
    private boolean isGone() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment now = BdevH.spdk_bdev_get_by_name(arena.allocateFrom(spdkName));
            return now.address() != bdev.address() && (device == null || device.hasEnded()) && deletion.isDone();
        }
    }

    /** Completes when SPDK has freed it. */
    CompletableFuture<Void> gone() {
        return gone;
    }

    // ---- the store on it

    void storeOpened(NativeBlobstore opened) {
        boolean late;
        try (SpinLock _ = lock.acquire()) {
            store = opened;
            late = removed;
        }
        if (late) {
            opened.deviceRemoved();
        }
    }

    void storeClosed(NativeBlobstore closed) {
        try (SpinLock _ = lock.acquire()) {
            if (store == closed) {
                store = null;
            }
        }
    }

    // ---- channels

    void channelOpened(NativeChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.add(channel);
        }
    }

    void channelClosed(NativeChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.remove(channel);
        }
    }

    @Override
    public DeviceStatistics statistics() {
        return statistics;
    }

    @Override
    public String toString() {
        return "NativeBdev[" + name + ", " + moduleName + "]";
    }
}
