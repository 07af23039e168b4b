package io.spdkio.embedded.rpc;

import static io.spdkio.embedded.rpc.RpcMethods.done;
import static io.spdkio.embedded.rpc.RpcMethods.object;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.SpdkException.RpcFailed;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.embedded.EmbeddedBdev;
import io.spdkio.embedded.EmbeddedEngine;
import io.spdkio.embedded.device.Raid;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/** RAID devices, and devices cut into parts. */
final class RaidMethods {
    private static final List<String> CATEGORIES = List.of("all", "online", "configuring", "offline");
    private static final long LARGEST_STRIP_KIB = 1 << 30;

    private final RpcMethods methods;
    private final EmbeddedEngine engine;

    RaidMethods(RpcMethods methods, EmbeddedEngine engine) {
        this.methods = methods;
        this.engine = engine;
    }

    void addTo(RpcMethods table) {
        table.add("bdev_raid_create", RpcFailed.PARSE_ERROR, this::createRaid);
        table.add("bdev_raid_delete", RpcFailed.PARSE_ERROR, this::deleteRaid);
        table.add("bdev_raid_get_bdevs", RpcFailed.PARSE_ERROR, this::getRaids);
        table.add("bdev_split_create", RpcFailed.INVALID_PARAMS, this::createSplit);
        table.add("bdev_split_delete", RpcFailed.INVALID_PARAMS, this::deleteSplit);
    }

    private CompletionStage<?> createRaid(RpcParams params) {
        String name = params.string("name");
        long stripKiB = params.uint32("strip_size_kb", 0);
        String levelName = params.string("raid_level");
        List<String> bases = params.strings("base_bdevs");
        var uuid = params.uuid("uuid");
        boolean superblock = params.flag("superblock", false);
        RaidBdev.Level level =
                Arrays.stream(RaidBdev.Level.values())
                        .filter(each -> each.label().equals(levelName))
                        .findFirst()
                        .orElseThrow(() -> params.bad("there is no raid_level '" + levelName + "'"));
        params.end();
        if (superblock) {
            throw params.failed(-Errno.EOPNOTSUPP, "engine 'embedded' writes no superblocks");
        }
        int strip = (int) Math.min(LARGEST_STRIP_KIB, stripKiB);
        return engine.createBdev(new RaidBdev(name, level, strip, bases, uuid)).thenApply(_ -> true);
    }

    private CompletionStage<?> deleteRaid(RpcParams params) {
        String name = params.string("name");
        params.end();
        EmbeddedBdev bdev = methods.bdev(name);
        if (!(bdev.backend() instanceof Raid.Device)) {
            throw new SpdkException.NotFound("bdev '" + name + "' is no raid bdev", -Errno.ENODEV);
        }
        return params.withCode(RpcFailed.INTERNAL_ERROR, () -> engine.destroyBdev(bdev.name()).thenApply(_ -> true));
    }

    private CompletionStage<?> getRaids(RpcParams params) {
        String category = params.string("category");
        params.end();
        if (!CATEGORIES.contains(category)) {
            throw params.failed(-Errno.EINVAL, "category is one of " + String.join(", ", CATEGORIES));
        }
        List<Object> found = new ArrayList<>();
        // One that has not all its bases is not made at all here: every one there is is online.
        if (category.equals("all") || category.equals("online")) {
            for (EmbeddedBdev bdev : engine.bdevs()) {
                if (bdev.backend() instanceof Raid.Device raid) {
                    Map<String, Object> entry = object("name", bdev.name());
                    entry.putAll(describe(bdev, raid));
                    found.add(entry);
                }
            }
        }
        return done(found);
    }

    static Map<String, Object> describe(EmbeddedBdev bdev, Raid.Device raid) {
        List<BaseDevice> bases = raid.bases();
        long there = bases.stream().filter(base -> base != null).count();
        List<Object> list = new ArrayList<>();
        for (BaseDevice base : bases) {
            list.add(
                    object(
                            "name",
                            base == null ? null : base.name(),
                            "uuid",
                            base == null ? new java.util.UUID(0, 0).toString() : base.uuid().toString(),
                            "is_configured",
                            base != null,
                            "data_offset",
                            0L,
                            "data_size",
                            base == null ? 0L : raid.dataBlocks(base)));
        }
        return object(
                "uuid",
                bdev.uuid().toString(),
                "strip_size_kb",
                (long) raid.spec().stripSizeKiB(),
                "state",
                "online",
                "raid_level",
                raid.spec().level().label(),
                "superblock",
                false,
                "num_base_bdevs",
                (long) bases.size(),
                "num_base_bdevs_discovered",
                there,
                "num_base_bdevs_operational",
                there,
                "base_bdevs_list",
                list);
    }

    private CompletionStage<?> createSplit(RpcParams params) {
        String base = params.string("base_bdev");
        int count = (int) Math.min(Integer.MAX_VALUE, params.uint32("split_count"));
        long partMiB = params.uint64("split_size_mb", 0);
        params.end();
        return params.withCode(
                RpcFailed.INVALID_PARAMS,
                () ->
                        engine.splitBdev(base, count, partMiB)
                                .thenApply(parts -> parts.stream().map(EmbeddedBdev::name).toList()));
    }

    private CompletionStage<?> deleteSplit(RpcParams params) {
        String base = params.string("base_bdev");
        params.end();
        return params.withCode(RpcFailed.INVALID_PARAMS, () -> engine.removeSplit(base).thenApply(_ -> true));
    }
}
