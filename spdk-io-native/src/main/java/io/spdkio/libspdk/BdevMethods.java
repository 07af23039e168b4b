package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.LvolBdev;
import io.spdkio.bdev.LvolStore;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.bdev.PassthruBdev;
import io.spdkio.bdev.RaidBdev;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;

/** SPDK's methods for devices: which one, and with which parameters (its JSON-RPC documentation). */
final class BdevMethods {
    private BdevMethods() {}

    /**
     * How a device is made.
     *
     * @param method the method
     * @param spdkName the name that SPDK will give it
     * @param bases what it stands on, by SPDK's name
     * @param on the same or a file, for a message
     * @param params its parameters
     */
    record Create(String method, String spdkName, List<String> bases, String on, Map<String, Object> params) {
        private static Create of(String method, BdevSpec spec, Map<String, Object> params) {
            return new Create(method, spec.name(), List.of(), "", params);
        }

        private static Create over(String base, String method, String spdkName, Map<String, Object> params) {
            return new Create(method, spdkName, List.of(base), " on '" + base + "'", params);
        }
    }

    static Create create(BdevSpec spec, UnaryOperator<String> spdkName) {
        Map<String, Object> params = new LinkedHashMap<>();
        params.put("name", spec.name());
        return switch (spec) {
            case MallocBdev malloc -> {
                params.put("num_blocks", malloc.sizeBytes() / malloc.blockSize());
                params.put("block_size", malloc.blockSize());
                malloc.uuid().ifPresent(uuid -> params.put("uuid", uuid.toString()));
                if (malloc.optimalIoBoundaryBlocks() != 0) {
                    params.put("optimal_io_boundary", malloc.optimalIoBoundaryBlocks());
                }
                yield Create.of("bdev_malloc_create", spec, params);
            }
            case NullBdev nothing -> {
                params.put("num_blocks", nothing.sizeBytes() / nothing.blockSize());
                params.put("block_size", nothing.blockSize());
                nothing.uuid().ifPresent(uuid -> params.put("uuid", uuid.toString()));
                yield Create.of("bdev_null_create", spec, params);
            }
            case AioBdev file -> {
                boolean uring = file.module() == AioBdev.Module.URING;
                params.put("filename", file.path().toAbsolutePath().toString());
                params.put("block_size", file.blockSize() == 0 ? BdevGeometry.MIN_BLOCK_SIZE : file.blockSize());
                if (!uring) {
                    params.put("readonly", file.readOnly());
                }
                yield new Create(
                        uring ? "bdev_uring_create" : "bdev_aio_create",
                        spec.name(),
                        List.of(),
                        " on " + file.path(),
                        params);
            }
            case DelayBdev delay -> {
                String base = spdkName.apply(delay.base());
                params.put("base_bdev_name", base);
                DelayBdev.Latencies latencies = delay.latencies();
                params.put("avg_read_latency", micros(latencies.averageRead()));
                params.put("p99_read_latency", micros(latencies.p99Read()));
                params.put("avg_write_latency", micros(latencies.averageWrite()));
                params.put("p99_write_latency", micros(latencies.p99Write()));
                yield Create.over(base, "bdev_delay_create", spec.name(), params);
            }
            case PassthruBdev passthru -> {
                String base = spdkName.apply(passthru.base());
                params.put("base_bdev_name", base);
                yield Create.over(base, "bdev_passthru_create", spec.name(), params);
            }
            case ErrorBdev error -> {
                String base = spdkName.apply(error.base());
                yield Create.over(base, "bdev_error_create", "EE_" + base, Map.of("base_name", base));
            }
            case RaidBdev raid -> {
                params.put("raid_level", raid.level().label());
                if (raid.stripSizeKiB() != 0) {
                    params.put("strip_size_kb", raid.stripSizeKiB());
                }
                List<String> bases = raid.bases().stream().map(spdkName).toList();
                params.put("base_bdevs", bases);
                raid.uuid().ifPresent(uuid -> params.put("uuid", uuid.toString()));
                yield new Create("bdev_raid_create", spec.name(), bases, " on " + bases, params);
            }
            case LvolBdev lvol -> {
                params.clear();
                params.put("lvs_name", lvol.store());
                params.put("lvol_name", lvol.volume());
                params.put("size_in_mib", lvol.sizeBytes() >> 20);
                params.put("thin_provision", lvol.thin());
                yield Create.of("bdev_lvol_create", spec, params);
            }
            case CustomBdev custom -> throw new IllegalStateException(custom + " is registered, not called for");
        };
    }

    /** Rounded up: a delay is at least what was asked for. */
    private static long micros(Duration duration) {
        return Math.ceilDiv(duration.toNanos(), 1000L);
    }

    /** The method that removes a device of a module, or empty where SPDK's general way does. */
    static Optional<String> delete(String module) {
        return switch (module) {
            case "malloc", "null", "aio", "uring", "delay", "passthru", "error", "raid", "lvol" ->
                    Optional.of("bdev_" + module + "_delete");
            default -> Optional.empty();
        };
    }

    static Map<String, Object> lvolStore(LvolStore store, String base) {
        Map<String, Object> params = new LinkedHashMap<>();
        params.put("bdev_name", base);
        params.put("lvs_name", store.name());
        if (store.clusterSizeBytes() != 0) {
            params.put("cluster_sz", store.clusterSizeBytes());
        }
        return params;
    }

    static Map<String, Object> attach(NvmeTarget target) {
        Map<String, Object> params = new LinkedHashMap<>();
        params.put("name", target.name());
        params.put("trtype", target.transport().label());
        params.put("traddr", target.address());
        if (target.transport() == NvmeTarget.Transport.TCP || target.transport() == NvmeTarget.Transport.RDMA) {
            params.put("adrfam", target.address().indexOf(':') < 0 ? "IPv4" : "IPv6");
        }
        target.serviceId().ifPresent(id -> params.put("trsvcid", id));
        target.subsystemNqn().ifPresent(nqn -> params.put("subnqn", nqn));
        target.hostNqn().ifPresent(nqn -> params.put("hostnqn", nqn));
        return params;
    }

    static List<Map<String, Object>> latencyUpdates(String spdkName, DelayBdev.Latencies latencies) {
        List<Map<String, Object>> updates = new ArrayList<>();
        Map.of(
                        "avg_read", latencies.averageRead(),
                        "p99_read", latencies.p99Read(),
                        "avg_write", latencies.averageWrite(),
                        "p99_write", latencies.p99Write())
                .forEach((type, latency) ->
                        updates.add(
                                Map.of(
                                        "delay_bdev_name",
                                        spdkName,
                                        "latency_type",
                                        type,
                                        "latency_us",
                                        micros(latency))));
        return updates;
    }

    static List<Map<String, Object>> injections(String spdkName, ErrorBdev.Injection injection) {
        if (injection.types().isEmpty()) {
            return List.of(Map.of("name", spdkName, "io_type", "clear", "error_type", "failure"));
        }
        List<Map<String, Object>> all = new ArrayList<>();
        for (IoType type : injection.types()) {
            Map<String, Object> params = new LinkedHashMap<>();
            params.put("name", spdkName);
            params.put("io_type", type.label());
            params.put(
                    "error_type",
                    switch (injection.mode()) {
                        case FAILURE -> "failure";
                        case PENDING -> "pending";
                        case CORRUPT_DATA -> "corrupt_data";
                        case NOMEM -> "nomem";
                    });
            // A rate is the gate's, and takes the place of what SPDK's device was told before.
            params.put("num", injection.rate() < 1 ? 0 : injection.count());
            if (injection.queueDepth() > 0) {
                params.put("queue_depth", injection.queueDepth());
            }
            if (injection.mode() == ErrorBdev.Mode.CORRUPT_DATA) {
                params.put("corrupt_offset", injection.corruptOffsetBytes());
                params.put("corrupt_value", injection.corruptValue());
            }
            all.add(params);
        }
        return all;
    }

    private static String advice(int status) {
        return status == -Errno.ENOMEM ? ". Raise memSizeMb or the number of hugepages" : "";
    }

    /** What to throw for a failed method. */
    static RuntimeException exception(String what, Throwable problem, SpdkLog log) {
        Throwable cause =
                problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
        String reason = log.reason();
        return switch (cause) {
            case SpdkException.RpcFailed failed ->
                    SpdkException.withMessage(
                            what + ": " + failed.rpcMessage() + reason + advice(failed.status()), status(failed));
            case RuntimeException e -> e;
            default -> new IllegalStateException(what, cause);
        };
    }

    /** Some methods tell the error number only in words. */
    private static int status(SpdkException.RpcFailed failed) {
        if (failed.status() != 0) {
            return failed.status();
        }
        String words = failed.rpcMessage();
        if (words.endsWith("File exists")) {
            return -Errno.EEXIST;
        }
        return words.endsWith("No such file or directory") ? -Errno.ENOENT : -Errno.EINVAL;
    }
}
