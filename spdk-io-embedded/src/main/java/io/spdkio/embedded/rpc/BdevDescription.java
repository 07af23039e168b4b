package io.spdkio.embedded.rpc;

import static io.spdkio.embedded.rpc.RpcMethods.object;

import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.QosLimits;
import io.spdkio.embedded.EmbeddedBdev;
import io.spdkio.embedded.device.DelayDevice;
import io.spdkio.embedded.device.ErrorDevice;
import io.spdkio.embedded.device.FileDevice;
import io.spdkio.embedded.device.PassthruDevice;
import io.spdkio.embedded.device.Raid;
import io.spdkio.embedded.device.SplitPart;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A device as {@code bdev_get_bdevs} tells of it. */
final class BdevDescription {
    private BdevDescription() {}

    static Map<String, Object> of(EmbeddedBdev bdev) {
        QosLimits limits = bdev.qosLimits();
        Map<String, Object> told =
                object(
                        "name",
                        bdev.name(),
                        "aliases",
                        List.of(bdev.uuid().toString()),
                        "product_name",
                        bdev.productName(),
                        "block_size",
                        (long) bdev.geometry().blockSize(),
                        "num_blocks",
                        bdev.geometry().blockCount(),
                        "uuid",
                        bdev.uuid().toString(),
                        "assigned_rate_limits",
                        object(
                                "rw_ios_per_sec",
                                limits.readWriteIosPerSecond(),
                                "rw_mbytes_per_sec",
                                limits.readWriteMiBPerSecond(),
                                "r_mbytes_per_sec",
                                limits.readMiBPerSecond(),
                                "w_mbytes_per_sec",
                                limits.writeMiBPerSecond()),
                        "claimed",
                        bdev.claimType().isPresent());
        bdev.claimType().ifPresent(type -> told.put("claim_type", type.name().toLowerCase(Locale.ROOT)));
        told.put("zoned", false);
        told.put("supported_io_types", supportedIoTypes(bdev));
        told.put("driver_specific", driverSpecific(bdev));
        return told;
    }

    /** What the device does itself, and what the layer above does for it where SPDK's does as well. */
    private static Map<String, Object> supportedIoTypes(EmbeddedBdev bdev) {
        BdevBackend device = bdev.backend();
        Map<String, Object> types =
                object(
                        "read",
                        bdev.supports(IoType.READ),
                        "write",
                        bdev.supports(IoType.WRITE),
                        "unmap",
                        bdev.supports(IoType.UNMAP),
                        "flush",
                        bdev.supports(IoType.FLUSH),
                        "reset",
                        bdev.supports(IoType.RESET),
                        "write_zeroes",
                        bdev.supports(IoType.WRITE_ZEROES),
                        "compare",
                        device.supports(IoType.COMPARE),
                        "compare_and_write",
                        device.supports(IoType.COMPARE_AND_WRITE),
                        "abort",
                        bdev.supports(IoType.ABORT),
                        "copy",
                        bdev.supports(IoType.COPY));
        for (String absent :
                List.of(
                        "nvme_admin",
                        "nvme_io",
                        "nvme_io_md",
                        "zcopy",
                        "get_zone_info",
                        "zone_management",
                        "zone_append",
                        "seek_hole",
                        "seek_data",
                        "nvme_iov_md",
                        "nvme_nssr",
                        "write_uncorrectable")) {
            types.put(absent, false);
        }
        return types;
    }

    private static Map<String, Object> driverSpecific(EmbeddedBdev bdev) {
        return switch (bdev.backend()) {
            case FileDevice file -> file(file.spec());
            case DelayDevice delay -> object("delay", delay(bdev, delay));
            case PassthruDevice passthru ->
                    object("passthru", object("name", bdev.name(), "base_bdev_name", passthru.baseName()));
            case ErrorDevice error -> object("error_disk", object("base_bdev", error.baseName()));
            case SplitPart part ->
                    object("split", object("base_bdev", part.baseName(), "offset_blocks", part.firstBlock()));
            case Raid.Device raid -> object("raid", RaidMethods.describe(bdev, raid));
            default -> object();
        };
    }

    private static Map<String, Object> file(AioBdev spec) {
        Map<String, Object> told = object("filename", spec.path().toString());
        if (spec.module() == AioBdev.Module.URING) {
            return object("uring", told);
        }
        told.put("block_size_override", spec.blockSize() != 0);
        told.put("readonly", spec.readOnly());
        return object("aio", told);
    }

    private static Map<String, Object> delay(EmbeddedBdev bdev, DelayDevice delay) {
        DelayBdev.Latencies latencies = delay.latencies();
        return object(
                "name",
                bdev.name(),
                "base_bdev_name",
                delay.baseName(),
                "uuid",
                bdev.uuid().toString(),
                "avg_read_latency",
                micros(latencies.averageRead()),
                "p99_read_latency",
                micros(latencies.p99Read()),
                "avg_write_latency",
                micros(latencies.averageWrite()),
                "p99_write_latency",
                micros(latencies.p99Write()));
    }

    private static long micros(Duration latency) {
        return latency.toNanos() / 1000;
    }
}
