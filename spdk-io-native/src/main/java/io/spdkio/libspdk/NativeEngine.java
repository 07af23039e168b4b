package io.spdkio.libspdk;

import io.spdkio.CpuSet;
import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.LvolStore;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;
import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.BdevModuleH;

import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The native engine: what one environment sees of SPDK, and the directory of its devices. */
final class NativeEngine implements Engine {
    private static final int MESSAGE_CHUNK = 256;
    private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final AtomicInteger OPEN = new AtomicInteger();

    private final SpdkRuntime runtime;
    private final CpuSet cores;

    /** By address of the struct spdk_bdev; only on the app thread. */
    private final Map<Long, NativeBdev> byAddress = new HashMap<>();

    /** Those that are known and not removed, by the name that the API uses. */
    private final Map<String, NativeBdev> byName = new ConcurrentHashMap<>();

    /** By SPDK's name of a base, how many devices are being made on it. On the app thread. */
    private final Map<String, Integer> madeOn = new HashMap<>();

    /** By SPDK's name, devices that SPDK has been told to remove. On the app thread. */
    private final Set<String> leaving = new HashSet<>();

    private long created;

    /** Set when the environment closes; only on the app thread. */
    private boolean closing;

    NativeEngine(SpdkRuntime runtime, EngineConfig config) {
        this.runtime = runtime;
        this.cores = StartSettings.cores(config, SpdkRuntime.cores());
        OPEN.incrementAndGet();
    }

    static boolean isAnyOpen() {
        return OPEN.get() > 0;
    }

    @Override
    public CpuSet cores() {
        return cores;
    }

    @Override
    public void pin(CpuSet to) {
        Cpus.pinCurrentThread(to);
    }

    @Override
    public MemorySegment allocate(long sizeBytes, long alignmentBytes, Arena arena) {
        return runtime.memory().allocate(sizeBytes, alignmentBytes, arena);
    }

    @Override
    public Queue<Runnable> newMessageQueue() {
        return new MpscUnboundedVarHandleArrayQueue<>(MESSAGE_CHUNK);
    }

    @Override
    public EngineThread attachThread(IoContext io) {
        return new NativeThread(runtime, io);
    }

    // ---- the directory

    /** What is known of a device; on the app thread. */
    private NativeBdev known(MemorySegment bdev, String name) {
        NativeBdev found = byAddress.get(bdev.address());
        if (found == null) {
            MemorySegment kept = MemorySegment.ofAddress(bdev.address());
            found = new NativeBdev(runtime, name, kept, ++created, this::forget);
            byAddress.put(bdev.address(), found);
            byName.put(found.name(), found);
        }
        return found;
    }

    private void forget(NativeBdev bdev) {
        byAddress.remove(bdev.spdkBdev().address(), bdev);
        byName.remove(bdev.name(), bdev);
    }

    private Optional<NativeBdev> lookUp(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bdev = BdevH.spdk_bdev_get_by_name(arena.allocateFrom(name));
            if (bdev.address() == 0) {
                return Optional.empty();
            }
            try {
                NativeBdev found = known(bdev, null);
                return found.isRemoved() ? Optional.empty() : Optional.of(found);
            } catch (SpdkException.NotFound e) {
                return Optional.empty(); // on its way out
            }
        }
    }

    @Override
    public Optional<NativeBdev> findBdev(String name) {
        NativeBdev found = byName.get(name);
        if (found != null) {
            return found.isRemoved() ? Optional.empty() : Optional.of(found);
        }
        return runtime.app().call(() -> lookUp(name));
    }

    private NativeBdev get(String name) {
        return findBdev(name)
                .orElseThrow(() ->
                        new SpdkException.NotFound("there is no bdev '" + name + "'; create it first", -Errno.ENODEV));
    }

    @Override
    public List<NativeBdev> bdevs() {
        return runtime.app().call(this::list);
    }

    /** The names of all of SPDK's devices, those on their way out among them. */
    private static List<String> names() {
        List<String> names = new ArrayList<>();
        for (MemorySegment bdev = BdevH.spdk_bdev_first(); bdev.address() != 0; bdev = BdevH.spdk_bdev_next(bdev)) {
            names.add(Memory.text(BdevH.spdk_bdev_get_name(bdev)));
        }
        return names;
    }

    private List<NativeBdev> list() {
        List<NativeBdev> all = new ArrayList<>();
        for (MemorySegment bdev = BdevH.spdk_bdev_first(); bdev.address() != 0; bdev = BdevH.spdk_bdev_next(bdev)) {
            try {
                NativeBdev found = known(bdev, null);
                if (!found.isRemoved()) {
                    all.add(found);
                }
            } catch (SpdkException.NotFound | IllegalArgumentException e) {
                // It is on its way out, or of a shape that the API has no words for.
            }
        }
        all.sort(Comparator.comparingLong(NativeBdev::sequence));
        return all;
    }

    // ---- making and removing devices

    private static <T> CompletableFuture<T> failed(Throwable problem) {
        return CompletableFuture.failedFuture(problem);
    }

    @Override
    public CompletionStage<NativeBdev> createBdev(BdevSpec spec) {
        if (spec instanceof CustomBdev custom) {
            return createCustom(custom);
        }
        String what = "creating bdev '" + spec.name() + "'" + BdevMethods.create(spec, this::spdkName).on();
        return runtime.app()
                .start(() -> {
                    refuseWhenClosing("creating bdev '" + spec.name() + "'");
                    // Names are known for certain only here, where devices come and go.
                    BdevMethods.Create create = BdevMethods.create(spec, this::nameInSpdk);
                    if (byName.containsKey(spec.name()) || exists(spec.name())) {
                        return failed(nameTaken(spec.name()));
                    }
                    for (String base : create.bases()) {
                        requireFree(what, base);
                    }
                    if (spec instanceof AioBdev file) {
                        FileMaker.prepare(file);
                    }
                    create.bases().forEach(base -> madeOn.merge(base, 1, Integer::sum));
                    CompletableFuture<NativeBdev> made =
                            runtime.rpcHere(create.method(), create.params())
                                    .handle((_, problem) -> {
                                        create.bases()
                                                .forEach(base ->
                                                        madeOn.computeIfPresent(
                                                                base, (_, count) -> count == 1 ? null : count - 1));
                                        if (problem != null) {
                                            throw BdevMethods.exception(what, problem, runtime.log());
                                        }
                                        return adoptOrDelete(spec, create);
                                    });
                    return spec instanceof ErrorBdev error ? made.thenCompose(bdev -> injectAll(bdev, error)) : made;
                });
    }

    /** On the app thread: what is made once the environment has removed everything would be left over. */
    private void refuseWhenClosing(String what) {
        if (closing) {
            throw new SpdkException.Closed(what + ": the environment is closed; open another");
        }
    }

    /**
     * SPDK would remember a device whose base is missing or claimed, and make it when the base is there or free; so
     * this is looked at before.
     */
    private void requireFree(String what, String base) {
        if (leaving.contains(base)
                || byName.values().stream().anyMatch(bdev -> bdev.spdkName().equals(base) && bdev.isRemoved())) {
            throw new SpdkException.NotFound(
                    what + ": bdev '" + base + "' is being removed; create it again first", -Errno.ENODEV);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment desc = arena.allocate(ValueLayout.ADDRESS);
            int rc =
                    BdevH.spdk_bdev_open_ext(
                            arena.allocateFrom(base), true, runtime.onBdevEvent(), MemorySegment.NULL, desc);
            if (rc == -Errno.ENODEV) {
                throw new SpdkException.NotFound(what + ": there is no bdev '" + base + "'; create it first", rc);
            }
            if (rc != 0) {
                throw SpdkException.withMessage(
                        what
                                + ": bdev '"
                                + base
                                + "' can't be claimed"
                                + runtime.log().reason()
                                + ". Close or remove what claims it",
                        rc);
            }
            BdevH.spdk_bdev_close(desc.get(ValueLayout.ADDRESS, 0));
        }
    }

    private CompletionStage<NativeBdev> createCustom(CustomBdev spec) {
        CustomDevice device;
        try {
            device = new CustomDevice(runtime, runtime.nextCustomId(), spec);
        } catch (RuntimeException e) {
            return failed(e);
        }
        return runtime.app()
                .submit(() -> {
                    refuseWhenClosing("creating bdev '" + spec.name() + "'");
                    if (byName.containsKey(spec.name()) || exists(spec.name())) {
                        throw nameTaken(spec.name());
                    }
                    runtime.addCustomDevice(device);
                    try {
                        device.register();
                    } catch (RuntimeException e) {
                        runtime.removeCustomDevice(device);
                        throw e;
                    }
                    NativeBdev bdev = lookUp(spec.name()).orElseThrow();
                    bdev.servedBy(device);
                    return bdev;
                })
                .thenApply(bdev -> {
                    try {
                        spec.backend().registered(device.registration(this));
                    } catch (Throwable e) {
                        var _ = destroy(bdev);
                        throw e;
                    }
                    return bdev;
                });
    }

    private CompletableFuture<NativeBdev> injectAll(NativeBdev bdev, ErrorBdev error) {
        CompletionStage<Void> done = CompletableFuture.completedFuture(null);
        for (ErrorBdev.Injection injection : error.injections()) {
            done = done.thenCompose(_ -> inject(bdev, injection));
        }
        return done.thenApply(_ -> bdev).toCompletableFuture();
    }

    private boolean exists(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return BdevH.spdk_bdev_get_by_name(arena.allocateFrom(name)).address() != 0;
        }
    }

    private static SpdkException nameTaken(String name) {
        return new SpdkException.AlreadyExists(
                "there is a bdev '" + name + "' already; take another name or destroy that one", -Errno.EEXIST);
    }

    private NativeBdev adoptOrDelete(BdevSpec spec, BdevMethods.Create create) {
        try {
            return adopt(spec, create);
        } catch (RuntimeException e) {
            // It has a shape that the API has no words for.
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bdev = BdevH.spdk_bdev_get_by_name(arena.allocateFrom(create.spdkName()));
                if (bdev.address() != 0) {
                    BdevModuleH.spdk_bdev_unregister(bdev, MemorySegment.NULL, MemorySegment.NULL);
                }
            }
            throw e;
        }
    }

    /** The device that SPDK has just made, under the name that was asked for. On the app thread. */
    private NativeBdev adopt(BdevSpec spec, BdevMethods.Create create) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bdev = BdevH.spdk_bdev_get_by_name(arena.allocateFrom(create.spdkName()));
            if (bdev.address() == 0) {
                throw SpdkException.of("bdev '" + spec.name() + "'", -Errno.ENODEV);
            }
            if (!create.spdkName().equals(spec.name())) {
                int rc = BdevModuleH.spdk_bdev_alias_add(bdev, arena.allocateFrom(spec.name()));
                if (rc != 0) {
                    throw SpdkException.of("naming bdev '" + create.spdkName() + "' '" + spec.name() + "'", rc);
                }
            }
            NativeBdev made = known(bdev, spec.name());
            if (spec instanceof AioBdev file && file.readOnly()) {
                made.makeReadOnly();
            }
            // A mirror goes on without a base. An array that SPDK ends keeps its other bases, so it is removed first.
            if (!(spec instanceof RaidBdev raid) || raid.level() != RaidBdev.Level.RAID1) {
                made.standsOn(create.bases());
            }
            return made;
        }
    }

    /** Also of a device whose making has not been answered yet. On the app thread. */
    private String nameInSpdk(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bdev = BdevH.spdk_bdev_get_by_name(arena.allocateFrom(name));
            return bdev.address() == 0 ? spdkName(name) : Memory.text(BdevH.spdk_bdev_get_name(bdev));
        }
    }

    private String spdkName(String name) {
        NativeBdev found = byName.get(name);
        return found == null ? name : found.spdkName();
    }

    @Override
    public CompletionStage<Void> destroyBdev(String name) {
        Optional<NativeBdev> found = Optional.ofNullable(byName.get(name)).or(() -> findBdev(name));
        if (found.isEmpty()) {
            return failed(
                    new SpdkException.NotFound("there is no bdev '" + name + "'; create it first", -Errno.ENODEV));
        }
        return destroy(found.get());
    }

    private CompletionStage<Void> destroy(NativeBdev bdev) {
        if (!bdev.markRemoved()) {
            return bdev.gone();
        }
        // What stands on it goes first: SPDK would remember it, and its name would stay taken.
        standingOn(bdev).forEach(this::destroy);
        var _ =
                runtime.app()
                        .start(() -> remove(bdev))
                        .whenComplete((_, problem) -> {
                            // What was removed with the device below it is gone, or will be: nothing to complain of.
                            Throwable cause = problem instanceof CompletionException ? problem.getCause() : problem;
                            if (cause != null
                                    && !(cause instanceof SpdkException error && error.errno() == Errno.ENODEV)) {
                                bdev.gone()
                                        .completeExceptionally(
                                                BdevMethods.exception(
                                                        "removing bdev '" + bdev.name() + "'", cause, runtime.log()));
                            }
                        });
        return bdev.gone();
    }

    /** Removes a device when SPDK can be told to, and after what stands on it by then. On the app thread. */
    private CompletableFuture<Object> remove(NativeBdev bdev) {
        List<NativeBdev> above = standingOn(bdev);
        return runtime.app()
                .when(() ->
                        above.stream().allMatch(NativeBdev::isLetGo)
                                && bdev.locksNothing()
                                && !madeOn.containsKey(bdev.spdkName()))
                .thenCompose(_ -> {
                    List<NativeBdev> late = standingOn(bdev).stream().filter(each -> !above.contains(each)).toList();
                    if (late.isEmpty()) {
                        return delete(bdev, above);
                    }
                    late.forEach(this::destroy);
                    return runtime.app().start(() -> remove(bdev));
                });
    }

    private CompletableFuture<Object> delete(NativeBdev bdev, List<NativeBdev> above) {
        forgetAlias(bdev);
        CompletableFuture<Object> deleted =
                BdevMethods.delete(bdev.moduleName())
                        .map(method -> runtime.rpcHere(method, Map.of("name", bdev.spdkName())))
                        .orElseGet(() -> unregister(bdev, above));
        leaving.add(bdev.spdkName());
        deleted = deleted.whenComplete((_, _) -> leaving.remove(bdev.spdkName()));
        bdev.goneAfter(deleted);
        bdev.closeWatcher();
        return deleted;
    }

    /** What stands on a device, directly or not. */
    private List<NativeBdev> standingOn(NativeBdev bdev) {
        return byName.values().stream()
                .filter(upper -> upper.standsOn(bdev.spdkName()))
                .flatMap(upper -> Stream.concat(Stream.of(upper), standingOn(upper).stream()))
                .distinct()
                .toList();
    }

    /** Up to v25.09 a name that was added outlives the device. */
    private static void forgetAlias(NativeBdev bdev) {
        if (!bdev.name().equals(bdev.spdkName())) {
            try (Arena arena = Arena.ofConfined()) {
                // What has none any more is as good.
                int _ = BdevModuleH.spdk_bdev_alias_del(bdev.spdkBdev(), arena.allocateFrom(bdev.name()));
            }
        }
    }

    private CompletableFuture<Object> unregister(NativeBdev bdev, List<NativeBdev> above) {
        // Methods are served in their order: after one more, SPDK has begun to remove what stands on the device.
        CompletableFuture<Object> before =
                above.isEmpty()
                        ? CompletableFuture.completedFuture(true)
                        : runtime.rpcHere("spdk_get_version", Map.of());
        return before.thenApply(_ -> {
            if (bdev.device() != null) {
                bdev.device().unregister();
            } else {
                BdevModuleH.spdk_bdev_unregister(bdev.spdkBdev(), MemorySegment.NULL, MemorySegment.NULL);
            }
            return true;
        });
    }

    private CompletionStage<Void> method(String what, String method, Map<String, ?> params) {
        return runtime.rpc(method, params)
                .handle((_, problem) -> {
                    if (problem != null) {
                        throw BdevMethods.exception(what, problem, runtime.log());
                    }
                    return null;
                });
    }

    private NativeBdev ofModule(String name, String module, String operation) {
        NativeBdev bdev = get(name);
        if (!List.of(module.split("\\|", -1)).contains(bdev.moduleName())) {
            throw new SpdkException.Unsupported(
                    operation + " on '" + name + "', which is a " + bdev.productName(), -Errno.EOPNOTSUPP);
        }
        return bdev;
    }

    @Override
    public CompletionStage<Void> resizeBdev(String name, long sizeBytes) {
        return now(() -> {
            NativeBdev bdev = ofModule(name, "null", "resize");
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
            return runtime.app()
                    .submit(() -> {
                        int rc = BdevModuleH.spdk_bdev_notify_blockcnt_change(bdev.spdkBdev(), sizeBytes / blockSize);
                        if (rc != 0) {
                            throw SpdkException.of("resizing bdev '" + name + "'", rc);
                        }
                        bdev.resized();
                        return null;
                    });
        });
    }

    private interface Operation {
        CompletionStage<Void> start();
    }

    /** Lets wrong arguments be thrown and everything else be the stage's. */
    private static CompletionStage<Void> now(Operation operation) {
        try {
            return operation.start();
        } catch (SpdkException e) {
            return failed(e);
        }
    }

    @Override
    public CompletionStage<Void> rescanBdev(String name) {
        return now(() -> {
            NativeBdev bdev = ofModule(name, "aio|uring", "rescan");
            return method(
                            "rescanning bdev '" + name + "'",
                            "bdev_" + bdev.moduleName() + "_rescan",
                            Map.of("name", bdev.spdkName()))
                    .thenCompose(_ ->
                            runtime.app()
                                    .submit(() -> {
                                        bdev.resized();
                                        return null;
                                    }));
        });
    }

    @Override
    public CompletionStage<Void> updateDelay(String name, DelayBdev.Latencies latencies) {
        return now(() -> {
            NativeBdev bdev = ofModule(name, "delay", "updateDelay");
            CompletionStage<Void> done = CompletableFuture.completedFuture(null);
            for (Map<String, Object> params : BdevMethods.latencyUpdates(bdev.spdkName(), latencies)) {
                done =
                        done.thenCompose(
                                _ -> method("updating bdev '" + name + "'", "bdev_delay_update_latency", params));
            }
            return done;
        });
    }

    @Override
    public CompletionStage<Void> injectError(String name, ErrorBdev.Injection injection) {
        return now(() -> {
            return inject(ofModule(name, "error", "injectError"), injection);
        });
    }

    /** SPDK's error device has no rates: a share of the I/O is made to fail by a gate before it. */
    private CompletionStage<Void> inject(NativeBdev bdev, ErrorBdev.Injection injection) {
        CompletionStage<Void> done =
                runtime.app()
                        .submit(() -> {
                            bdev.setRates(injection);
                            return null;
                        });
        for (Map<String, Object> params : BdevMethods.injections(bdev.spdkName(), injection)) {
            done =
                    done.thenCompose(_ ->
                            method("injecting into bdev '" + bdev.name() + "'", "bdev_error_inject_error", params));
        }
        return done;
    }

    // ---- the rest of SPDK

    @Override
    public CompletionStage<Object> rpc(String method, Map<String, ?> params) {
        return runtime.rpc(method, params);
    }

    private CompletionStage<List<NativeBdev>> devices(String what, String method, Map<String, ?> params) {
        return runtime.rpc(method, params)
                .handle((answer, problem) -> {
                    if (problem != null) {
                        throw BdevMethods.exception(what, problem, runtime.log());
                    }
                    return answer instanceof List<?> names
                            ? names.stream().map(name -> get((String) name)).toList()
                            : List.<NativeBdev>of();
                });
    }

    @Override
    public CompletionStage<List<NativeBdev>> splitBdev(String base, int count, long partMiB) {
        String what = "splitting bdev '" + base + "'";
        return runtime.app()
                .submit(() -> {
                    if (!exists(base)) {
                        throw new SpdkException.NotFound(
                                what + ": there is no such bdev; create it first", -Errno.ENODEV);
                    }
                    return null;
                })
                .thenCompose(_ ->
                        devices(
                                what,
                                "bdev_split_create",
                                Map.of("base_bdev", spdkName(base), "split_count", count, "split_size_mb", partMiB)));
    }

    @Override
    public CompletionStage<Void> removeSplit(String base) {
        return method(
                        "removing the parts of bdev '" + base + "'",
                        "bdev_split_delete",
                        Map.of("base_bdev", spdkName(base)))
                .thenCompose(_ ->
                        runtime.app()
                                .start(() ->
                                        runtime.app()
                                                .when(() ->
                                                        byAddress.values().stream()
                                                                .noneMatch(it ->
                                                                        it.isPartOf(base) && !it.gone().isDone()))));
    }

    @Override
    public CompletionStage<UUID> createLvolStore(LvolStore store) {
        String what = "making the store '" + store.name() + "' on bdev '" + store.base() + "'";
        return runtime.rpc("bdev_lvol_create_lvstore", BdevMethods.lvolStore(store, spdkName(store.base())))
                .handle((answer, problem) -> {
                    if (problem != null) {
                        throw BdevMethods.exception(what, problem, runtime.log());
                    }
                    return UUID.fromString((String) answer);
                });
    }

    @Override
    public CompletionStage<Void> destroyLvolStore(String name) {
        return method("removing the store '" + name + "'", "bdev_lvol_delete_lvstore", Map.of("lvs_name", name));
    }

    @Override
    public CompletionStage<List<NativeBdev>> attachNvme(NvmeTarget target) {
        return devices(
                "attaching controller '" + target.name() + "' at " + target.address(),
                "bdev_nvme_attach_controller",
                BdevMethods.attach(target));
    }

    @Override
    public CompletionStage<Void> detachNvme(String name) {
        return method("detaching controller '" + name + "'", "bdev_nvme_detach_controller", Map.of("name", name));
    }

    // ---- stores

    @Override
    public CompletionStage<NativeBlobstore> initBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return new StoreOpener(runtime, (NativeThread) mdThread, (NativeBdev) bdev, options, this::get).init();
    }

    @Override
    public CompletionStage<NativeBlobstore> loadBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return new StoreOpener(runtime, (NativeThread) mdThread, (NativeBdev) bdev, options, this::get).load();
    }

    // ---- the end

    @Override
    public void removeAll() {
        runtime.app()
                .call(() -> {
                    closing = true;
                    removeListed();
                    return null;
                });
        var _ =
                runtime.rpc("bdev_nvme_get_controllers", Map.of())
                        .thenAccept(answer -> {
                            if (answer instanceof List<?> controllers) {
                                controllers.forEach(this::letGoOf);
                            }
                        });
    }

    /** What stands on others first. On the app thread. */
    private void removeListed() {
        list().reversed().stream()
                // A volume goes with the device below its store, and stays in the store.
                .filter(bdev -> !bdev.holdsData())
                .forEach(this::destroy);
    }

    /** Whether nothing of this environment is left; removes what was being made when it began to close. */
    private boolean isEmpty() {
        removeListed();
        return names().isEmpty() && runtime.hasNoCustomDevices() && !runtime.hasRpcUnderWay();
    }

    private void letGoOf(Object controller) {
        if (controller instanceof Map<?, ?> description) {
            var _ = runtime.rpc("bdev_nvme_detach_controller", Map.of("name", description.get("name")));
        }
    }

    @Override
    public void close() {
        try {
            runtime.app().start(() -> runtime.app().when(this::isEmpty)).get(CLOSE_NANOS, TimeUnit.NANOSECONDS);
        } catch (Exception e) {
            String left = String.join("', '", runtime.app().call(NativeEngine::names));
            System.getLogger("io.spdkio").log(System.Logger.Level.WARNING, "SPDK has not let go of bdev ''{0}''", left);
        } finally {
            OPEN.decrementAndGet();
        }
    }
}
