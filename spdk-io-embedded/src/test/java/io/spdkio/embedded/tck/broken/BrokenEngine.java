package io.spdkio.embedded.tck.broken;

import io.spdkio.CpuSet;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevSpec;
import io.spdkio.bdev.ClaimType;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.OpenMode;
import io.spdkio.bdev.QosLimits;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.spi.DeviceStatistics;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.EngineThread;
import io.spdkio.spi.IoContext;
import io.spdkio.spi.IoRequest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * A healthy engine behind a wrapper. Every I/O goes down as a shadow of its own, so that the wrapper has its completion
 * in hand and can do the wrong thing with it.
 */
final class BrokenEngine implements Engine {
    private final Engine healthy;
    private final Defect defect;
    private final Map<EngineThread, IoContext> contexts = new ConcurrentHashMap<>();
    private final AtomicLong ios = new AtomicLong();
    private final Map<String, QosLimits> pretended = new ConcurrentHashMap<>();

    BrokenEngine(Engine healthy, Defect defect) {
        this.healthy = healthy;
        this.defect = defect;
    }

    @Override
    public EngineThread attachThread(IoContext io) {
        EngineThread thread = healthy.attachThread(io);
        contexts.put(thread, io);
        return thread;
    }

    @Override
    public CompletionStage<? extends EngineBdev> createBdev(BdevSpec spec) {
        BdevSpec made =
                spec instanceof CustomBdev custom && defect == Defect.STORE_NEVER_FLUSHES
                        ? CustomBdev.of(custom.name(), new UnflushedBackend(custom.backend()))
                        : spec;
        return healthy.createBdev(made).thenApply(Device::new);
    }

    @Override
    public Optional<? extends EngineBdev> findBdev(String name) {
        return healthy.findBdev(name).map(Device::new);
    }

    @Override
    public List<? extends EngineBdev> bdevs() {
        return healthy.bdevs().stream().map(Device::new).toList();
    }

    @Override
    public CompletionStage<? extends List<? extends EngineBdev>> splitBdev(String base, int count, long partMiB) {
        return healthy.splitBdev(base, count, partMiB)
                .thenApply(parts -> {
                    List<Device> wrapped = new ArrayList<>();
                    parts.forEach(part -> wrapped.add(new Device(part)));
                    return defect == Defect.PARTS_IN_DISORDER ? wrapped.reversed() : wrapped;
                });
    }

    @Override
    public CompletionStage<Object> rpc(String method, Map<String, ?> params) {
        Map<String, Object> passed = new HashMap<>(params);
        if (defect == Defect.UNKNOWN_PARAMETERS_IGNORED) {
            passed.keySet().removeIf(name -> name.startsWith("no_such"));
        }
        CompletionStage<Object> answer = healthy.rpc(method, passed);
        return defect == Defect.ONE_ERROR_CODE
                ? answer.exceptionallyCompose(problem ->
                        CompletableFuture.failedFuture(
                                new SpdkException.RpcFailed(
                                        method, SpdkException.RpcFailed.INTERNAL_ERROR, "it failed")))
                : answer;
    }

    @Override
    public CompletionStage<? extends EngineBlobstore> initBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return healthy.initBlobstore(mdThread, ((Device) bdev).device, options)
                .thenApply(store -> new BrokenBlobstore(store, defect));
    }

    @Override
    public CompletionStage<? extends EngineBlobstore> loadBlobstore(
            EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options) {
        return healthy.loadBlobstore(mdThread, ((Device) bdev).device, options)
                .thenApply(store -> new BrokenBlobstore(store, defect));
    }

    private final class Device implements EngineBdev {
        private final EngineBdev device;

        Device(EngineBdev device) {
            this.device = device;
        }

        @Override
        public BdevGeometry geometry() {
            BdevGeometry geometry = device.geometry();
            return defect == Defect.ONE_BLOCK_TOO_MANY && geometry.blockCount() < Long.MAX_VALUE / 65_536
                    ? geometry.withBlockCount(geometry.blockCount() + 1)
                    : geometry;
        }

        @Override
        public EngineDesc open(EngineThread thread, OpenMode mode, Consumer<BdevEvent> sink) {
            Consumer<BdevEvent> told = defect == Defect.SILENT_REMOVAL ? _ -> {} : sink;
            EngineDesc desc = device.open(thread, mode, told);
            return new EngineDesc() {
                @Override
                public EngineChannel openChannel(EngineThread on) {
                    return new Channel(device, desc.openChannel(on), contexts.get(on));
                }

                @Override
                public void claim(ClaimType type) {
                    desc.claim(type);
                }

                @Override
                public void close() {
                    desc.close();
                }
            };
        }

        @Override
        public String name() {
            return device.name();
        }

        @Override
        public String productName() {
            return device.productName();
        }

        @Override
        public UUID uuid() {
            return device.uuid();
        }

        @Override
        public boolean supports(IoType type) {
            return device.supports(type);
        }

        @Override
        public Optional<String> claimedBy() {
            return device.claimedBy();
        }

        @Override
        public boolean isRemoved() {
            return device.isRemoved();
        }

        @Override
        public CompletionStage<Void> setQosLimits(QosLimits limits) {
            if (defect == Defect.IGNORED_LIMITS) {
                pretended.put(device.name(), limits);
                return CompletableFuture.completedFuture(null);
            }
            return device.setQosLimits(limits);
        }

        @Override
        public QosLimits qosLimits() {
            return defect == Defect.IGNORED_LIMITS
                    ? pretended.getOrDefault(device.name(), QosLimits.NONE)
                    : device.qosLimits();
        }

        @Override
        public DeviceStatistics statistics() {
            return device.statistics();
        }
    }

    /** An I/O of the wrapper's own, in the place of the caller's. */
    private static final class Shadow extends IoRequest {
        private final Consumer<Integer> then;

        Shadow(IoContext context, IoRequest of, Consumer<Integer> then) {
            super(context);
            this.then = then;
            type = of.type();
            offsetBytes = of.offsetBytes();
            lengthBytes = of.lengthBytes();
            offsetBlocks = of.offsetBlocks();
            blockCount = of.blockCount();
            sourceOffsetBlocks = of.sourceOffsetBlocks();
            MemorySegment[] pieces = new MemorySegment[of.segmentCount()];
            for (int i = 0; i < pieces.length; i++) {
                pieces[i] = of.segment(i);
            }
            pieces(pieces);
            if (type == IoType.COMPARE_AND_WRITE) {
                writeData = of.writeSegment();
            }
        }

        Shadow as(IoType other) {
            type = other;
            return this;
        }

        Shadow pieces(MemorySegment... pieces) {
            segmentCount = pieces.length;
            if (pieces.length == 1) {
                data = pieces[0];
                dataOffset = 0;
            } else {
                segments = pieces;
            }
            return this;
        }

        Shadow at(long block, long blocks) {
            long blockSize = lengthBytes / blockCount;
            offsetBlocks = block;
            offsetBytes = block * blockSize;
            blockCount = blocks;
            lengthBytes = blocks * blockSize;
            return this;
        }

        void submit(EngineChannel to) {
            channel = to;
            begin();
            to.submit(this);
        }

        @Override
        protected void onComplete(int status) {
            unregister();
            then.accept(status);
        }
    }

    private final class Channel implements EngineChannel {
        private final EngineBdev device;
        private final EngineChannel channel;
        private final IoContext context;
        private final Map<IoRequest, Shadow> shadows = new HashMap<>();

        Channel(EngineBdev device, EngineChannel channel, IoContext context) {
            this.device = device;
            this.channel = channel;
            this.context = context;
        }

        @Override
        public void submit(IoRequest io) {
            long blocks = device.geometry().blockCount();
            IoType type = io.type();
            switch (defect) {
                case IGNORED_RESET -> {
                    if (type == IoType.RESET) {
                        io.complete();
                        return;
                    }
                }
                case FLUSH_DOES_NOTHING -> {
                    if (type == IoType.FLUSH) {
                        io.complete();
                        return;
                    }
                }
                case STALE_DATA_AFTER_WRITE -> {
                    if (type == IoType.WRITE) {
                        writeLater(io);
                        return;
                    }
                }
                case TORN_COMPARE_AND_WRITE -> {
                    if (type == IoType.COMPARE_AND_WRITE) {
                        compareThenWrite(io);
                        return;
                    }
                }
                default -> {}
            }
            Shadow shadow = shadowOf(io);
            switch (defect) {
                case OFF_BY_ONE_AT_THE_END -> {
                    if (io.blockCount() == 1 && io.offsetBlocks() == blocks - 1 && blocks > 1) {
                        shadow.at(blocks - 2, 1);
                    }
                }
                case ZEROES_ONE_BLOCK_SHORT -> {
                    if (type == IoType.WRITE_ZEROES && io.blockCount() > 1) {
                        shadow.at(io.offsetBlocks(), io.blockCount() - 1);
                    }
                }
                case REVERSED_IOVECS, IOVECS_BY_ADDRESS -> {
                    if (io.segmentCount() > 1) {
                        shadow.pieces(reordered(io));
                    }
                }
                default -> {}
            }
            shadow.submit(channel);
            if (defect == Defect.COMPLETION_INSIDE_SUBMIT) {
                context.drain();
                context.drain();
            }
        }

        private Shadow shadowOf(IoRequest io) {
            Shadow shadow =
                    new Shadow(
                            context,
                            io,
                            status -> {
                                shadows.remove(io);
                                ended(io, status);
                            });
            shadows.put(io, shadow);
            return shadow;
        }

        private void ended(IoRequest io, int status) {
            switch (defect) {
                case LOST_COMPLETION -> {
                    if (ios.incrementAndGet() % 50 != 0) {
                        io.complete(status);
                    }
                }
                case DOUBLE_COMPLETION -> {
                    io.complete(status);
                    context.post(() -> io.complete(status));
                }
                case SWALLOWED_FAILURE -> io.complete(IoStatus.SUCCESS);
                default -> io.complete(status);
            }
        }

        private MemorySegment[] reordered(IoRequest io) {
            MemorySegment[] pieces = new MemorySegment[io.segmentCount()];
            for (int i = 0; i < pieces.length; i++) {
                pieces[i] = io.segment(defect == Defect.REVERSED_IOVECS ? pieces.length - 1 - i : i);
            }
            if (defect == Defect.IOVECS_BY_ADDRESS) {
                Arrays.sort(pieces, Comparator.comparingLong(MemorySegment::address));
            }
            return pieces;
        }

        private void writeLater(IoRequest io) {
            MemorySegment copy = Arena.ofAuto().allocate(io.lengthBytes(), 4096);
            io.copyTo(copy, 0);
            Shadow shadow = new Shadow(context, io, _ -> {}).pieces(copy);
            io.complete();
            context.post(() -> context.post(() -> context.post(() -> shadow.submit(channel))));
        }

        private void compareThenWrite(IoRequest io) {
            new Shadow(
                            context,
                            io,
                            status -> {
                                if (status != IoStatus.SUCCESS) {
                                    io.complete(status);
                                    return;
                                }
                                context.post(() ->
                                        new Shadow(context, io, io::complete)
                                                .as(IoType.WRITE)
                                                .pieces(io.writeSegment())
                                                .submit(channel));
                            })
                    .as(IoType.COMPARE)
                    .submit(channel);
        }

        @Override
        public void abort(IoRequest io) {
            Shadow shadow = shadows.get(io);
            if (shadow != null && defect != Defect.IGNORED_ABORT) {
                channel.abort(shadow);
            }
        }

        @Override
        public void close() {
            channel.close();
        }
    }

    // ---- the rest as it is

    @Override
    public CpuSet cores() {
        return healthy.cores();
    }

    @Override
    public void pin(CpuSet cores) {
        healthy.pin(cores);
    }

    @Override
    public MemorySegment allocate(long sizeBytes, long alignmentBytes, Arena arena) {
        return healthy.allocate(sizeBytes, alignmentBytes, arena);
    }

    @Override
    public Queue<Runnable> newMessageQueue() {
        return healthy.newMessageQueue();
    }

    @Override
    public CompletionStage<Void> destroyBdev(String name) {
        return healthy.destroyBdev(name);
    }

    @Override
    public CompletionStage<Void> removeSplit(String base) {
        return healthy.removeSplit(base);
    }

    @Override
    public CompletionStage<Void> resizeBdev(String name, long sizeBytes) {
        return healthy.resizeBdev(name, sizeBytes);
    }

    @Override
    public CompletionStage<Void> rescanBdev(String name) {
        return healthy.rescanBdev(name);
    }

    @Override
    public CompletionStage<Void> updateDelay(String name, DelayBdev.Latencies latencies) {
        return healthy.updateDelay(name, latencies);
    }

    @Override
    public CompletionStage<Void> injectError(String name, ErrorBdev.Injection injection) {
        return healthy.injectError(name, injection);
    }

    @Override
    public void removeAll() {
        healthy.removeAll();
    }

    @Override
    public void close() {
        healthy.close();
    }
}
