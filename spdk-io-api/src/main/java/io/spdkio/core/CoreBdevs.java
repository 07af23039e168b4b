package io.spdkio.core;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.Bdevs;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.LvolStore;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineBdev;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The directory of devices. */
final class CoreBdevs implements Bdevs {
    private static final int NAMES_IN_MESSAGE = 20;

    private final CoreEnv env;
    private final Engine engine;

    CoreBdevs(CoreEnv env, Engine engine) {
        this.env = env;
        this.engine = engine;
    }

    private <S, T> IoFuture<T> control(
            Supplier<CompletionStage<? extends S>> operation, Function<? super S, ? extends T> result) {
        return Control.run(env, operation, result);
    }

    @Override
    public IoFuture<Bdev> create(BdevSpec spec) {
        Objects.requireNonNull(spec, "spec");
        if (spec instanceof RaidBdev raid) {
            raid.bases().forEach(base -> engine.findBdev(base).ifPresent(device -> checkStrips(raid, device)));
        }
        return control(() -> engine.createBdev(spec), device -> new CoreBdev(env, device));
    }

    @Override
    public IoFuture<Void> destroy(String name) {
        Objects.requireNonNull(name, "name");
        return control(() -> engine.destroyBdev(name), _ -> null);
    }

    @Override
    public IoFuture<Void> resize(String name, long sizeBytes) {
        Objects.requireNonNull(name, "name");
        return control(() -> engine.resizeBdev(name, sizeBytes), _ -> null);
    }

    @Override
    public IoFuture<Void> rescan(String name) {
        Objects.requireNonNull(name, "name");
        return control(() -> engine.rescanBdev(name), _ -> null);
    }

    @Override
    public IoFuture<Void> updateDelay(String name, DelayBdev.Latencies latencies) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(latencies, "latencies");
        return control(() -> engine.updateDelay(name, latencies), _ -> null);
    }

    @Override
    public IoFuture<Void> injectError(String name, ErrorBdev.Injection injection) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(injection, "injection");
        return control(() -> engine.injectError(name, injection), _ -> null);
    }

    private List<Bdev> handles(List<? extends EngineBdev> devices) {
        return devices.stream().<Bdev>map(device -> new CoreBdev(env, device)).toList();
    }

    @Override
    public IoFuture<List<Bdev>> split(String base, int count, long partMiB) {
        BdevSpec.requireName(base);
        if (count < 1 || partMiB < 0 || partMiB > Long.MAX_VALUE >> 20) {
            throw new IllegalArgumentException(
                    "a device is split into one part or more of some MiB, or 0 for equal shares; not into "
                            + count
                            + " of "
                            + partMiB);
        }
        engine.findBdev(base).ifPresent(device -> checkParts(device, count, partMiB));
        return control(() -> engine.splitBdev(base, count, partMiB), this::handles);
    }

    /** SPDK finds strips by shifts, which go wrong unless blocks and strips are powers of two. */
    private static void checkStrips(RaidBdev raid, EngineBdev base) {
        int blockSize = base.geometry().blockSize();
        boolean fits = Integer.bitCount(blockSize) == 1 && raid.stripSizeKiB() * 1024L >= blockSize;
        if (raid.level() != RaidBdev.Level.RAID1 && !fits) {
            throw new IllegalArgumentException(
                    "'%s' can't hold strips of %,d KiB: its blocks have %,d bytes, and a strip is whole blocks whose size is a power of two"
                            .formatted(base.name(), raid.stripSizeKiB(), blockSize));
        }
    }

    /** SPDK divides by the number of blocks in a part, and by the number of parts. */
    private static void checkParts(EngineBdev base, int count, long partMiB) {
        BdevGeometry geometry = base.geometry();
        boolean wholeBlocks = (partMiB << 20) % geometry.blockSize() == 0;
        if (!wholeBlocks || geometry.blockCount() < count || partMiB << 20 > geometry.sizeBytes()) {
            throw new IllegalArgumentException(
                    "'%s' has %,d blocks of %,d bytes and can't be split into %s"
                            .formatted(
                                    base.name(),
                                    geometry.blockCount(),
                                    geometry.blockSize(),
                                    partMiB == 0
                                            ? "%,d equal parts".formatted(count)
                                            : "%,d parts of %,d MiB".formatted(count, partMiB)));
        }
    }

    @Override
    public IoFuture<Void> removeSplit(String base) {
        Objects.requireNonNull(base, "base");
        return control(() -> engine.removeSplit(base), _ -> null);
    }

    @Override
    public IoFuture<UUID> createLvolStore(LvolStore store) {
        Objects.requireNonNull(store, "store");
        return control(
                () -> {
                    engine.findBdev(store.base())
                            .ifPresent(base -> BlobErrors.checkBlocks(base.name(), base.geometry().blockSize()));
                    return engine.createLvolStore(store);
                },
                Function.identity());
    }

    @Override
    public IoFuture<Void> destroyLvolStore(String name) {
        Objects.requireNonNull(name, "name");
        return control(() -> engine.destroyLvolStore(name), _ -> null);
    }

    @Override
    public IoFuture<List<Bdev>> attachNvme(NvmeTarget target) {
        Objects.requireNonNull(target, "target");
        return control(() -> engine.attachNvme(target), this::handles);
    }

    @Override
    public IoFuture<Void> detachNvme(String name) {
        Objects.requireNonNull(name, "name");
        return control(() -> engine.detachNvme(name), _ -> null);
    }

    @Override
    public Optional<Bdev> find(String name) {
        env.checkOpen();
        return engine.findBdev(Objects.requireNonNull(name, "name")).map(device -> new CoreBdev(env, device));
    }

    @Override
    public Bdev get(String name) {
        return find(name)
                .orElseThrow(() -> {
                    List<Bdev> all = list();
                    String names =
                            all.stream().limit(NAMES_IN_MESSAGE).map(Bdev::name).collect(Collectors.joining(", "));
                    return new SpdkException.NotFound(
                            "there is no bdev '"
                                    + name
                                    + "'; "
                                    + (all.isEmpty()
                                            ? "there are none at all, create one first"
                                            : "there are: " + names + (all.size() > NAMES_IN_MESSAGE ? ", …" : "")),
                            -Errno.ENODEV);
                });
    }

    @Override
    public List<Bdev> list() {
        env.checkOpen();
        return handles(engine.bdevs());
    }
}
