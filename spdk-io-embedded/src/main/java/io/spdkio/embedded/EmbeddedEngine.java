package io.spdkio.embedded;

import io.spdkio.CpuSet;
import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.LvolBdev;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.embedded.blob.StoreLoader;
import io.spdkio.embedded.device.DelayDevice;
import io.spdkio.embedded.device.ErrorDevice;
import io.spdkio.embedded.device.FileDevice;
import io.spdkio.embedded.device.MallocDevice;
import io.spdkio.embedded.device.NullDevice;
import io.spdkio.embedded.device.PassthruDevice;
import io.spdkio.embedded.device.Raid;
import io.spdkio.embedded.device.SplitBase;
import io.spdkio.embedded.file.FileEngine;
import io.spdkio.embedded.linux.CpuAffinity;
import io.spdkio.embedded.linux.ErrnoException;
import io.spdkio.embedded.linux.Linux;
import io.spdkio.embedded.rpc.RpcMethods;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;

import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/** The embedded engine: the directory of devices. */
public final class EmbeddedEngine implements Engine {
    private static final int MESSAGE_CHUNK = 256;

    /** The kernel has a limited number of places for registered memory: they are for what many I/Os are cut from. */
    private static final long SMALLEST_REGISTERED_BYTES = 64 << 10;

    private final CpuSet cores;
    private final LongSupplier clock;
    private final FileEngine files;
    private final Map<SpdkThread, EmbeddedThread> threads = new ConcurrentHashMap<>();
    private final Map<String, EmbeddedBdev> byName = new ConcurrentHashMap<>();
    private final Map<Long, EmbeddedBdev> inOrder = new ConcurrentSkipListMap<>();
    private final AtomicLong created = new AtomicLong();
    private final RpcMethods rpc;

    /** The parts of each device that is split. */
    private final Map<String, List<EmbeddedBdev>> splits = new ConcurrentHashMap<>();

    EmbeddedEngine(EngineConfig config) {
        clock = config.clock();
        rpc = new RpcMethods(this, clock);
        files = openFiles();
        CpuSet all = usableCores();
        cores = config.coreMask().orElse(all);
        List<Integer> missing = cores.cores().stream().filter(core -> !all.contains(core)).toList();
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException(
                    "core mask " + cores + " names cores " + missing + ", which this process can't use; it has " + all);
        }
        if (config.mainCore().isPresent() && !all.contains(config.mainCore().getAsInt())) {
            throw new IllegalArgumentException(
                    "main core " + config.mainCore().getAsInt() + " is not among this process's cores, " + all);
        }
    }

    private static FileEngine openFiles() {
        try {
            return FileEngine.open();
        } catch (UnsupportedOperationException e) {
            throw new SpdkException.EngineUnavailable("engine 'embedded': " + e.getMessage());
        }
    }

    private static CpuSet usableCores() {
        if (Linux.isAvailable()) {
            return CpuSet.of(CpuAffinity.ofCurrentThread().stream().filter(core -> core < CpuSet.MAX_CORES).toArray());
        }
        return CpuSet.of(IntStream.range(0, Runtime.getRuntime().availableProcessors()).toArray());
    }

    @Override
    public CpuSet cores() {
        return cores;
    }

    @Override
    public void pin(CpuSet to) {
        if (!Linux.isAvailable()) {
            throw new SpdkException.Unsupported(
                    "this system can't pin threads to cores: " + Linux.unavailabilityCause().orElseThrow(),
                    -Errno.EOPNOTSUPP);
        }
        BitSet bits = new BitSet();
        to.cores().forEach(bits::set);
        try {
            CpuAffinity.pinCurrentThread(bits);
        } catch (ErrnoException e) {
            throw SpdkException.of("pinning a thread to cores " + to, -e.errno());
        }
    }

    @Override
    public MemorySegment allocate(long sizeBytes, long alignmentBytes, Arena arena) {
        MemorySegment memory = EmbeddedMemory.allocate("a buffer", sizeBytes, alignmentBytes, arena);
        return sizeBytes < SMALLEST_REGISTERED_BYTES ? memory : registered(memory, arena);
    }

    /** Lets the kernel keep the memory mapped for I/O on files, until the arena is closed. */
    @SuppressWarnings("restricted") // the segment keeps its size, and the arena it has already
    private MemorySegment registered(MemorySegment memory, Arena arena) {
        files.memory().add(memory);
        return memory.reinterpret(arena, files.memory()::remove);
    }

    @Override
    public Queue<Runnable> newMessageQueue() {
        return new MpscUnboundedVarHandleArrayQueue<>(MESSAGE_CHUNK);
    }

    @Override
    public EngineThread attachThread(IoContext io) {
        EmbeddedThread thread = new EmbeddedThread(io, () -> threads.remove(io.thread()));
        threads.put(io.thread(), thread);
        return thread;
    }

    // ---- devices

    private static <T> CompletionStage<T> now(java.util.concurrent.Callable<T> operation) {
        try {
            return CompletableFuture.completedFuture(operation.call());
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (Exception e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletionStage<EmbeddedBdev> createBdev(BdevSpec spec) {
        return createBdev(spec, Optional.empty());
    }

    /**
     * Makes a device.
     *
     * @param spec the device
     * @param chosen its UUID, or empty for the one in the spec
     * @return completes with it
     */
    public CompletionStage<EmbeddedBdev> createBdev(BdevSpec spec, Optional<UUID> chosen) {
        return now(() -> create(spec, chosen));
    }

    private EmbeddedBdev create(BdevSpec spec, Optional<UUID> chosen) {
        if (byName.containsKey(spec.name())) {
            throw nameTaken(spec.name());
        }
        BdevBackend backend =
                switch (spec) {
                    case MallocBdev malloc -> new MallocDevice(malloc);
                    case NullBdev nothing -> new NullDevice(nothing);
                    case AioBdev aio -> new FileDevice(aio, files, threads::get);
                    case DelayBdev delay -> new DelayDevice(delay, base(delay.name(), delay.base()), clock);
                    case ErrorBdev error -> new ErrorDevice(error, base(error.name(), error.base()));
                    case PassthruBdev passthru -> new PassthruDevice(base(passthru.name(), passthru.base()));
                    case RaidBdev raid -> raid(raid);
                    case LvolBdev _ -> throw lacks("logical volumes");
                    case CustomBdev custom -> custom.backend();
                };
        Optional<UUID> uuid =
                switch (spec) {
                    case MallocBdev malloc -> malloc.uuid();
                    case NullBdev nothing -> nothing.uuid();
                    case RaidBdev raid -> raid.uuid();
                    default -> Optional.empty();
                };
        return register(spec.name(), chosen.or(() -> uuid), backend);
    }

    private EmbeddedBdev register(String name, Optional<UUID> uuid, BdevBackend backend) {
        EmbeddedBdev bdev;
        try {
            bdev =
                    new EmbeddedBdev(
                            name,
                            uuid.orElseGet(EmbeddedEngine::madeUpUuid),
                            backend,
                            created.incrementAndGet(),
                            clock,
                            this::forget);
            if (byName.putIfAbsent(name, bdev) != null) {
                throw nameTaken(name);
            }
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
        inOrder.put(bdev.sequence(), bdev);
        try {
            backend.registered(bdev.registration());
        } catch (Throwable e) {
            bdev.remove();
            throw e;
        }
        return bdev;
    }

    private BdevBackend raid(RaidBdev spec) {
        List<BaseDevice> bases = new ArrayList<>();
        try {
            spec.bases().forEach(base -> bases.add(base(spec.name(), base)));
            return Raid.over(spec, List.copyOf(bases));
        } catch (RuntimeException e) {
            bases.forEach(BaseDevice::close);
            throw e;
        }
    }

    @Override
    public CompletionStage<List<EmbeddedBdev>> splitBdev(String base, int count, long partMiB) {
        return now(() -> split(base, count, partMiB));
    }

    private List<EmbeddedBdev> split(String name, int count, long partMiB) {
        BdevGeometry geometry = find(name).geometry();
        if (splits.containsKey(name)) {
            throw new SpdkException.AlreadyExists(
                    "bdev '" + name + "' is split already; remove that split first", -Errno.EEXIST);
        }
        long partBlocks = partMiB == 0 ? geometry.blockCount() / count : (partMiB << 20) / geometry.blockSize();
        long parts = Math.min(count, geometry.blockCount() / partBlocks);
        SplitBase base = new SplitBase(base(name + "p…", name), () -> splits.remove(name));
        List<EmbeddedBdev> made = new CopyOnWriteArrayList<>();
        splits.put(name, made);
        try {
            for (int i = 0; i < parts; i++) {
                made.add(register(name + "p" + i, Optional.empty(), base.part(i * partBlocks, partBlocks)));
            }
        } catch (RuntimeException e) {
            made.forEach(EmbeddedBdev::remove);
            throw e;
        } finally {
            base.release();
        }
        return List.copyOf(made);
    }

    @Override
    public CompletionStage<Void> removeSplit(String base) {
        List<EmbeddedBdev> parts = splits.get(base);
        if (parts == null) {
            return CompletableFuture.failedFuture(
                    new SpdkException.NotFound("bdev '" + base + "' is not split", -Errno.ENOENT));
        }
        return CompletableFuture.allOf(
                parts.stream().map(part -> part.remove().toCompletableFuture()).toArray(CompletableFuture[]::new));
    }

    private static SpdkException lacks(String what) {
        return new SpdkException.Unsupported(
                "engine 'embedded' has no " + what + "; engine 'native' has, see docs/native.md", -Errno.EOPNOTSUPP);
    }

    private static SpdkException nameTaken(String name) {
        return new SpdkException.AlreadyExists(
                "there is a bdev '" + name + "' already; take another name or destroy that one", -Errno.EEXIST);
    }

    private void forget(EmbeddedBdev bdev) {
        byName.remove(bdev.name(), bdev);
        inOrder.remove(bdev.sequence());
    }

    private BaseDevice base(String upper, String name) {
        return new BaseDevice(find(name), "bdev '" + upper + "' on top of it", threads::get);
    }

    private EmbeddedBdev find(String name) {
        EmbeddedBdev bdev = byName.get(name);
        if (bdev == null || bdev.isRemoved()) {
            throw new SpdkException.NotFound("there is no bdev '" + name + "'; create it first", -Errno.ENODEV);
        }
        return bdev;
    }

    @Override
    public CompletionStage<Void> destroyBdev(String name) {
        EmbeddedBdev bdev = byName.get(name);
        if (bdev == null) {
            return now(() -> {
                find(name);
                return null;
            });
        }
        return bdev.remove();
    }

    private CompletionStage<Void> onBackend(String name, Consumer<EmbeddedBdev> action) {
        return now(() -> {
            action.accept(find(name));
            return null;
        });
    }

    private static <T> T backend(EmbeddedBdev bdev, Class<T> kind, String operation) {
        if (kind.isInstance(bdev.backend())) {
            return kind.cast(bdev.backend());
        }
        throw new SpdkException.Unsupported(
                operation + " on '" + bdev.name() + "', which is a " + bdev.productName(), -Errno.EOPNOTSUPP);
    }

    @Override
    public CompletionStage<Void> resizeBdev(String name, long sizeBytes) {
        return onBackend(
                name,
                bdev -> {
                    backend(bdev, NullDevice.class, "resize");
                    long blockSize = bdev.geometry().blockSize();
                    if (sizeBytes % blockSize != 0 || sizeBytes < bdev.geometry().sizeBytes()) {
                        throw new IllegalArgumentException(
                                "'"
                                        + name
                                        + "' can't be resized to "
                                        + sizeBytes
                                        + " bytes: a size is a multiple of the block size, "
                                        + blockSize
                                        + ", and not less than now, "
                                        + bdev.geometry().sizeBytes());
                    }
                    bdev.resize(sizeBytes / blockSize);
                });
    }

    @Override
    public CompletionStage<Void> rescanBdev(String name) {
        return onBackend(name, bdev -> backend(bdev, Rescannable.class, "rescan").rescan());
    }

    /** A backend whose size can change behind its back. */
    public interface Rescannable {
        /** Looks at the size again. */
        void rescan();
    }

    @Override
    public CompletionStage<Void> updateDelay(String name, DelayBdev.Latencies latencies) {
        return onBackend(name, bdev -> backend(bdev, DelayDevice.class, "updateDelay").update(latencies));
    }

    @Override
    public CompletionStage<Void> injectError(String name, ErrorBdev.Injection injection) {
        return onBackend(name, bdev -> backend(bdev, ErrorDevice.class, "injectError").inject(injection));
    }

    @Override
    public CompletionStage<Object> rpc(String method, Map<String, ?> params) {
        return rpc.call(method, params);
    }

    @Override
    public Optional<EmbeddedBdev> findBdev(String name) {
        return Optional.ofNullable(byName.get(name)).filter(bdev -> !bdev.isRemoved());
    }

    @Override
    public List<EmbeddedBdev> bdevs() {
        return inOrder.values().stream().filter(bdev -> !bdev.isRemoved()).toList();
    }

    @Override
    public CompletionStage<? extends EngineBlobstore> initBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return StoreLoader.init((EmbeddedThread) mdThread, storeBase(bdev), options, this::backing);
    }

    @Override
    public CompletionStage<? extends EngineBlobstore> loadBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return StoreLoader.load((EmbeddedThread) mdThread, storeBase(bdev), options, this::backing);
    }

    private BaseDevice storeBase(EngineBdev bdev) {
        return new BaseDevice((EmbeddedBdev) bdev, "a blobstore on it", threads::get);
    }

    private BaseDevice backing(String name) {
        return BaseDevice.forReading(find(name), "a blob that is a clone of it", threads::get);
    }

    @Override
    public void removeAll() {
        inOrder.values().forEach(EmbeddedBdev::remove);
    }

    @Override
    public void close() {
        inOrder.values().forEach(EmbeddedBdev::abandon);
        files.close();
    }

    /** A random UUID (version 4). Nobody has to be unable to guess it, and a SecureRandom takes 20 ms to start. */
    private static UUID madeUpUuid() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long high = (random.nextLong() & ~0xf000L) | 0x4000L;
        long low = (random.nextLong() & ~(0xcL << 60)) | (0x8L << 60);
        return new UUID(high, low);
    }
}
