package io.spdkio.tck;

import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A device in Java on heap-independent memory whose every step a test can look at and take into its own hands. */
class TestBackend implements BdevBackend {
    /** An I/O as it came, kept for the test. */
    record Seen(IoType type, long offsetBlocks, long blockCount, int segments) {}

    /** Decides what happens to an I/O. */
    @FunctionalInterface
    interface Script {
        /** Handles the I/O; {@code backend.serve(io)} does what a healthy device does. */
        void submit(TestBackend backend, BdevIo io);
    }

    private static final Set<IoType> USUAL =
            EnumSet.of(IoType.READ, IoType.WRITE, IoType.FLUSH, IoType.UNMAP, IoType.WRITE_ZEROES);

    final List<Seen> seen = new CopyOnWriteArrayList<>();
    final List<BdevIo> held = new ArrayList<>();
    final List<BdevIo> aborts = new ArrayList<>();
    final AtomicInteger channels = new AtomicInteger();
    final AtomicInteger channelsClosed = new AtomicInteger();
    final AtomicInteger closes = new AtomicInteger();
    volatile Registration registration;
    volatile Script script = TestBackend::serve;
    volatile boolean abortable;
    private final BdevGeometry geometry;
    private final Set<IoType> types;
    private final MemorySegment memory;

    TestBackend(BdevGeometry geometry) {
        this(geometry, USUAL);
    }

    TestBackend(BdevGeometry geometry, Set<IoType> types) {
        this(geometry, types, geometry.blockCount());
    }

    private TestBackend(BdevGeometry geometry, Set<IoType> types, long mostBlocks) {
        this.geometry = geometry;
        this.types = Set.copyOf(types);
        this.memory = Arena.ofAuto().allocate(mostBlocks * geometry.blockSize());
    }

    static TestBackend of(long blocks, int blockSize) {
        return new TestBackend(BdevGeometry.of(blockSize, blocks));
    }

    /** One with memory to grow. */
    static TestBackend of(long blocks, int blockSize, long mostBlocks) {
        return new TestBackend(BdevGeometry.of(blockSize, blocks), USUAL, mostBlocks);
    }

    /** Keeps every I/O until the test completes it. */
    static void hold(TestBackend backend, BdevIo io) {
        backend.held.add(io);
    }

    TestBackend with(Script newScript) {
        script = newScript;
        return this;
    }

    void serve(BdevIo io) {
        switch (io.type()) {
            case READ -> io.copyFrom(memory, io.offsetBytes());
            case WRITE -> io.copyTo(memory, io.offsetBytes());
            case UNMAP, WRITE_ZEROES -> memory.asSlice(io.offsetBytes(), io.lengthBytes()).fill((byte) 0);
            default -> {}
        }
        io.complete();
    }

    void serveHeld() {
        List<BdevIo> all = List.copyOf(held);
        held.clear();
        all.forEach(this::serve);
    }

    @Override
    public String productName() {
        return "Test disk";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return types.contains(type);
    }

    @Override
    public void registered(Registration of) {
        registration = of;
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        channels.incrementAndGet();
        return new Channel() {
            @Override
            public void submit(BdevIo io) {
                seen.add(new Seen(io.type(), io.offsetBlocks(), io.blockCount(), io.segmentCount()));
                script.submit(TestBackend.this, io);
            }

            @Override
            public void abort(BdevIo io) {
                aborts.add(io);
                if (abortable && held.remove(io)) {
                    io.complete(IoStatus.ABORTED);
                }
            }

            @Override
            public void close() {
                channelsClosed.incrementAndGet();
            }
        };
    }

    @Override
    public void close() {
        closes.incrementAndGet();
    }
}
