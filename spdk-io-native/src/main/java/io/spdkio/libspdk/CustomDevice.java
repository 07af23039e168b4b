package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.spi.SpinLock;
import io.spdkio.sys.BdevRing;
import io.spdkio.sys.NativeException;
import io.spdkio.sys.ServedBdev;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A device that SPDK sees as any other and a {@link BdevBackend} serves. */
final class CustomDevice {
    private final SpdkRuntime runtime;
    private final int id;
    private final String name;
    private final BdevBackend backend;
    private final int blockSize;
    private final ServedBdev.Options options;

    /** Guarded by itself. */
    private final SpinLock lock = new SpinLock();

    private final List<CustomChannel> channels = new ArrayList<>();

    /** Only on the app thread; null when it is not registered or gone. */
    private ServedBdev served;

    /** Whether SPDK has let go of it and the backend is closed. */
    private volatile boolean ended;

    CustomDevice(SpdkRuntime runtime, int id, CustomBdev spec) {
        this.runtime = runtime;
        this.id = id;
        this.name = spec.name();
        this.backend = spec.backend();
        BdevGeometry geometry = backend.geometry();
        this.blockSize = geometry.blockSize();
        this.options =
                new ServedBdev.Options(name, id, blockSize, geometry.blockCount())
                        .product(backend.productName())
                        .operations(operations())
                        .alignment(geometry.bufferAlignmentBytes())
                        .boundary(geometry.optimalIoBoundaryBlocks(), geometry.splitOnOptimalIoBoundary())
                        .limits(
                                (int) Math.min(geometry.maxIoBytes() / blockSize, Integer.MAX_VALUE),
                                geometry.maxSegments(),
                                0)
                        .units(geometry.writeUnitBlocks(), geometry.compareAndWriteUnitBlocks());
    }

    private int[] operations() {
        List<Integer> all = new ArrayList<>(List.of(BdevRing.RESET, BdevRing.ABORT));
        for (IoType type : IoType.values()) {
            if (type != IoType.RESET && type != IoType.ABORT && backend.supports(type)) {
                all.add(operation(type));
            }
        }
        return all.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The number of an operation in the ring. */
    static int operation(IoType type) {
        return switch (type) {
            case READ -> BdevRing.READ;
            case WRITE -> BdevRing.WRITE;
            case UNMAP -> BdevRing.UNMAP;
            case FLUSH -> BdevRing.FLUSH;
            case RESET -> BdevRing.RESET;
            case WRITE_ZEROES -> BdevRing.WRITE_ZEROES;
            case COMPARE -> BdevRing.COMPARE;
            case COMPARE_AND_WRITE -> BdevRing.COMPARE_AND_WRITE;
            case COPY -> BdevRing.COPY;
            case ABORT -> BdevRing.ABORT;
        };
    }

    static IoType type(int operation) {
        return switch (operation) {
            case BdevRing.READ -> IoType.READ;
            case BdevRing.WRITE -> IoType.WRITE;
            case BdevRing.UNMAP -> IoType.UNMAP;
            case BdevRing.FLUSH -> IoType.FLUSH;
            case BdevRing.RESET -> IoType.RESET;
            case BdevRing.WRITE_ZEROES -> IoType.WRITE_ZEROES;
            case BdevRing.COMPARE -> IoType.COMPARE;
            case BdevRing.COMPARE_AND_WRITE -> IoType.COMPARE_AND_WRITE;
            case BdevRing.COPY -> IoType.COPY;
            default -> throw new IllegalStateException("operation " + operation);
        };
    }

    int id() {
        return id;
    }

    int blockSize() {
        return blockSize;
    }

    BdevBackend backend() {
        return backend;
    }

    // ---- on the app thread

    void register() {
        try {
            served = ServedBdev.register(options);
        } catch (NativeException e) {
            throw SpdkException.withMessage("creating bdev '" + name + "': " + e.getMessage(), -Errno.EINVAL);
        }
    }

    void unregister() {
        if (served != null) {
            served.unregister();
        }
    }

    void destructed() {
        ServedBdev last = served;
        served = null;
        last.destructed();
    }

    /** SPDK knows nothing of it any more. */
    void gone() {
        try {
            backend.close();
        } catch (Throwable e) {
            System.getLogger("io.spdkio")
                    .log(System.Logger.Level.ERROR, "the backend of bdev '" + name + "' threw in close", e);
        } finally {
            ended = true;
        }
    }

    boolean hasEnded() {
        return ended;
    }

    /** What the backend tells of its changes. */
    BdevBackend.Registration registration(NativeEngine engine) {
        return new BdevBackend.Registration() {
            @Override
            public void resize(long blockCount) {
                runtime.app()
                        .call(() -> {
                            try {
                                if (served != null) {
                                    served.resize(blockCount);
                                }
                                return null;
                            } catch (NativeException e) {
                                throw SpdkException.withMessage("bdev '" + name + "': " + e.getMessage(), -Errno.EBUSY);
                            }
                        });
            }

            @Override
            public void remove() {
                engine.destroyBdev(name);
            }
        };
    }

    // ---- channels

    void channelOpened(CustomChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.add(channel);
        }
    }

    void channelClosed(CustomChannel channel) {
        try (SpinLock _ = lock.acquire()) {
            channels.remove(channel);
        }
    }

    /** Aborts what every thread has outstanding, and then runs something, on whichever thread was last. */
    void reset(Runnable quiet) {
        List<CustomChannel> all;
        try (SpinLock _ = lock.acquire()) {
            all = List.copyOf(channels);
        }
        AtomicInteger missing = new AtomicInteger(all.size());
        Runnable reached =
                () -> {
                    if (missing.decrementAndGet() == 0) {
                        quiet.run();
                    }
                };
        for (CustomChannel channel : all) {
            channel.abortAll(reached);
        }
    }
}
