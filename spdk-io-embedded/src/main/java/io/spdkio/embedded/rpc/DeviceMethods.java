package io.spdkio.embedded.rpc;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.SpdkException.RpcFailed;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.embedded.EmbeddedBdev;
import io.spdkio.embedded.EmbeddedEngine;
import io.spdkio.embedded.device.DelayDevice;
import io.spdkio.embedded.device.ErrorDevice;
import io.spdkio.embedded.device.FileDevice;
import io.spdkio.embedded.device.MallocDevice;
import io.spdkio.embedded.device.NullDevice;
import io.spdkio.embedded.device.PassthruDevice;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Makes, changes and removes the devices of one module each ({@code module/bdev/*} of SPDK). */
final class DeviceMethods {
    private final RpcMethods methods;
    private final EmbeddedEngine engine;

    DeviceMethods(RpcMethods methods, EmbeddedEngine engine) {
        this.methods = methods;
        this.engine = engine;
    }

    void addTo(RpcMethods table) {
        int bad = RpcFailed.INTERNAL_ERROR;
        table.add("bdev_malloc_create", bad, this::createMalloc);
        table.add("bdev_malloc_delete", bad, params -> delete(params, MallocDevice.class::isInstance));
        table.add("bdev_null_create", bad, this::createNull);
        table.add("bdev_null_delete", bad, params -> delete(params, NullDevice.class::isInstance));
        table.add("bdev_null_resize", bad, this::resizeNull);
        table.add("bdev_aio_create", bad, this::createAio);
        table.add("bdev_aio_delete", bad, params -> delete(params, isFile(AioBdev.Module.AIO)));
        table.add("bdev_aio_rescan", bad, params -> rescan(params, AioBdev.Module.AIO));
        table.add("bdev_uring_create", bad, this::createUring);
        table.add("bdev_uring_delete", bad, params -> delete(params, isFile(AioBdev.Module.URING)));
        table.add("bdev_uring_rescan", bad, params -> rescan(params, AioBdev.Module.URING));
        table.add("bdev_error_create", bad, this::createError);
        table.add("bdev_error_delete", bad, params -> delete(params, ErrorDevice.class::isInstance));
        table.add("bdev_error_inject_error", bad, this::injectError);
        table.add("bdev_delay_create", bad, this::createDelay);
        table.add("bdev_delay_delete", bad, params -> delete(params, DelayDevice.class::isInstance));
        table.add("bdev_delay_update_latency", bad, this::updateDelay);
        table.add("bdev_passthru_create", bad, this::createPassthru);
        table.add("bdev_passthru_delete", bad, params -> delete(params, PassthruDevice.class::isInstance));
    }

    private CompletionStage<?> create(BdevSpec spec, Optional<UUID> uuid) {
        return engine.createBdev(spec, uuid).thenApply(EmbeddedBdev::name);
    }

    private EmbeddedBdev bdev(String name, Predicate<BdevBackend> kind, int errno) {
        EmbeddedBdev bdev = methods.bdev(name);
        if (!kind.test(bdev.backend())) {
            throw SpdkException.withMessage("bdev '" + name + "' is a " + bdev.productName(), -errno);
        }
        return bdev;
    }

    private CompletionStage<?> delete(RpcParams params, Predicate<BdevBackend> kind) {
        String name = params.string("name");
        params.end();
        return engine.destroyBdev(bdev(name, kind, Errno.ENODEV).name()).thenApply(_ -> true);
    }

    /** Refuses what SPDK's module can do with a device and this engine's can't. */
    private static void notUnless0(RpcParams params, String... names) {
        for (String name : names) {
            if (params.int32(name, 0) != 0) {
                throw params.failed(-Errno.EOPNOTSUPP, "engine 'embedded' does not support '" + name + "'");
            }
        }
    }

    private CompletionStage<?> createMalloc(RpcParams params) {
        var name = params.optionalString("name");
        var uuid = params.uuid("uuid");
        long blocks = params.uint64("num_blocks");
        int blockSize = Math.toIntExact(params.uint32("block_size"));
        int boundary = Math.toIntExact(params.uint32("optimal_io_boundary", 0));
        params.uint32("physical_block_size", 0); // tells nothing that the API asks for
        params.flag("md_interleave", false);
        params.flag("dif_is_head_of_md", false);
        params.int32("numa_id", -1); // memory is where the thread that makes it runs
        notUnless0(params, "md_size", "dif_type", "dif_pi_format");
        params.end();
        return create(
                new MallocBdev(
                        name.orElseGet(this::freeMallocName),
                        Math.multiplyExact(blocks, blockSize),
                        blockSize,
                        uuid,
                        boundary),
                uuid);
    }

    private String freeMallocName() {
        return IntStream.iterate(0, i -> i + 1)
                .mapToObj(i -> "Malloc" + i)
                .filter(name -> engine.findBdev(name).isEmpty())
                .findFirst()
                .orElseThrow();
    }

    private CompletionStage<?> createNull(RpcParams params) {
        String name = params.string("name");
        var uuid = params.uuid("uuid");
        long blocks = params.uint64("num_blocks");
        int blockSize = Math.toIntExact(params.uint32("block_size"));
        params.uint32("physical_block_size", 0);
        params.flag("dif_is_head_of_md", false);
        notUnless0(
                params,
                "md_size",
                "dif_type",
                "dif_pi_format",
                "preferred_write_alignment",
                "preferred_write_granularity",
                "optimal_write_size",
                "preferred_unmap_alignment",
                "preferred_unmap_granularity");
        params.end();
        return create(new NullBdev(name, Math.multiplyExact(blocks, blockSize), blockSize, uuid), uuid);
    }

    private CompletionStage<?> resizeNull(RpcParams params) {
        String name = params.string("name");
        long mebibytes = params.uint64("new_size");
        params.end();
        EmbeddedBdev bdev = bdev(name, NullDevice.class::isInstance, Errno.EINVAL);
        return engine.resizeBdev(bdev.name(), Math.multiplyExact(mebibytes, 1L << 20)).thenApply(_ -> true);
    }

    private CompletionStage<?> createAio(RpcParams params) {
        String name = params.string("name");
        String file = params.string("filename");
        int blockSize = Math.toIntExact(params.uint32("block_size", 0));
        boolean readOnly = params.flag("readonly", false);
        params.flag("fallocate", false); // used wherever the file can
        params.flag("nowait", false); // never blocks anyway
        var uuid = params.uuid("uuid");
        params.end();
        return create(
                new AioBdev(name, Path.of(file), blockSize, AioBdev.Module.AIO, readOnly, true, OptionalLong.empty()),
                uuid);
    }

    private CompletionStage<?> createUring(RpcParams params) {
        String name = params.string("name");
        String file = params.string("filename");
        int blockSize = Math.toIntExact(params.uint32("block_size", 0));
        var uuid = params.uuid("uuid");
        params.end();
        return params.withCode(
                RpcFailed.INTERNAL_ERROR,
                () ->
                        create(
                                new AioBdev(
                                        name,
                                        Path.of(file),
                                        blockSize,
                                        AioBdev.Module.URING,
                                        false,
                                        true,
                                        OptionalLong.empty()),
                                uuid));
    }

    private static Predicate<BdevBackend> isFile(AioBdev.Module module) {
        return backend ->
                backend instanceof FileDevice file
                        && (file.spec().module() == module || file.spec().module() == AioBdev.Module.ANY);
    }

    private CompletionStage<?> rescan(RpcParams params, AioBdev.Module module) {
        String name = params.string("name");
        params.end();
        return engine.rescanBdev(bdev(name, isFile(module), Errno.ENODEV).name()).thenApply(_ -> true);
    }

    private CompletionStage<?> createError(RpcParams params) {
        String base = params.string("base_name");
        var uuid = params.uuid("uuid");
        params.end();
        return create(ErrorBdev.over("EE_" + base, base), uuid).thenApply(_ -> true);
    }

    private CompletionStage<?> injectError(RpcParams params) {
        String name = params.string("name");
        String ioType = params.string("io_type");
        String errorType = params.string("error_type");
        long count = params.uint32("num", 1);
        long queueDepth = params.uint64("queue_depth", 0);
        long corruptOffset = params.uint64("corrupt_offset", 0);
        int corruptValue = params.uint8("corrupt_value", 0);
        Set<IoType> types =
                switch (ioType) {
                    case "read" -> Set.of(IoType.READ);
                    case "write" -> Set.of(IoType.WRITE);
                    case "flush" -> Set.of(IoType.FLUSH);
                    case "unmap" -> Set.of(IoType.UNMAP);
                    case "all" -> ErrorBdev.Injection.TYPES;
                    case "clear" -> Set.of();
                    default -> throw params.bad("parameter 'io_type' is no type that can be made to fail: " + ioType);
                };
        ErrorBdev.Mode mode =
                switch (errorType) {
                    case "failure" -> ErrorBdev.Mode.FAILURE;
                    case "pending" -> ErrorBdev.Mode.PENDING;
                    case "corrupt_data" -> ErrorBdev.Mode.CORRUPT_DATA;
                    case "nomem" -> ErrorBdev.Mode.NOMEM;
                    default -> throw params.bad("parameter 'error_type' is no error: " + errorType);
                };
        params.end();
        if (mode == ErrorBdev.Mode.CORRUPT_DATA && corruptValue == 0) {
            throw new IllegalArgumentException("corrupt_value 0 would change nothing");
        }
        EmbeddedBdev bdev = bdev(name, ErrorDevice.class::isInstance, Errno.ENODEV);
        if (count == 0) {
            ((ErrorDevice) bdev.backend()).end(types);
            return RpcMethods.done(true);
        }
        int atBase = (int) Math.min(Integer.MAX_VALUE, queueDepth);
        return engine.injectError(
                        bdev.name(),
                        new ErrorBdev.Injection(
                                types, mode, count, 1, 0, atBase, corruptOffset, Math.max(1, corruptValue)))
                .thenApply(_ -> true);
    }

    private static Duration micros(RpcParams params, String name) {
        return Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(params.uint64(name)));
    }

    private CompletionStage<?> createDelay(RpcParams params) {
        String base = params.string("base_bdev_name");
        String name = params.string("name");
        var uuid = params.uuid("uuid");
        DelayBdev.Latencies latencies =
                new DelayBdev.Latencies(
                        micros(params, "avg_read_latency"),
                        micros(params, "p99_read_latency"),
                        micros(params, "avg_write_latency"),
                        micros(params, "p99_write_latency"));
        params.end();
        return create(new DelayBdev(name, base, latencies), uuid);
    }

    private CompletionStage<?> updateDelay(RpcParams params) {
        String name = params.string("delay_bdev_name");
        String which = params.string("latency_type");
        Duration latency = micros(params, "latency_us");
        params.end();
        UnaryOperator<DelayBdev.Latencies> change =
                switch (which) {
                    case "avg_read" ->
                            old -> new DelayBdev.Latencies(latency, old.p99Read(), old.averageWrite(), old.p99Write());
                    case "p99_read" ->
                            old ->
                                    new DelayBdev.Latencies(
                                            old.averageRead(), latency, old.averageWrite(), old.p99Write());
                    case "avg_write" ->
                            old -> new DelayBdev.Latencies(old.averageRead(), old.p99Read(), latency, old.p99Write());
                    case "p99_write" ->
                            old ->
                                    new DelayBdev.Latencies(
                                            old.averageRead(), old.p99Read(), old.averageWrite(), latency);
                    default ->
                            throw params.failed(
                                    RpcFailed.INVALID_PARAMS,
                                    "latency_type is avg_read, p99_read, avg_write or p99_write, not " + which);
                };
        EmbeddedBdev bdev =
                engine.findBdev(name)
                        .orElseThrow(() -> params.failed(RpcFailed.INVALID_PARAMS, "there is no bdev '" + name + "'"));
        if (!(bdev.backend() instanceof DelayDevice delay)) {
            throw params.failed(RpcFailed.INVALID_REQUEST, "bdev '" + name + "' is no delay bdev");
        }
        delay.update(change.apply(delay.latencies()));
        return RpcMethods.done(true);
    }

    private CompletionStage<?> createPassthru(RpcParams params) {
        String base = params.string("base_bdev_name");
        String name = params.string("name");
        var uuid = params.uuid("uuid");
        params.end();
        return create(PassthruBdev.over(name, base), uuid);
    }
}
