package io.spdkio.embedded.core;

import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** A device without memory, whose every answer a test decides. */
class HeldBackend implements BdevBackend {
    final List<BdevIo> held = new ArrayList<>();
    int aborts;
    int submits;
    boolean aborting = true;
    BiConsumer<HeldBackend, BdevIo> script = (backend, io) -> backend.held.add(io);
    Runnable onAbort = () -> {};
    private final BdevGeometry geometry;

    HeldBackend() {
        this(BdevGeometry.of(512, 1024));
    }

    HeldBackend(BdevGeometry geometry) {
        this.geometry = geometry;
    }

    void completeAll(int status) {
        List<BdevIo> all = List.copyOf(held);
        held.clear();
        all.forEach(io -> io.complete(status));
    }

    @Override
    public String productName() {
        return "Held disk";
    }

    @Override
    public BdevGeometry geometry() {
        return geometry;
    }

    @Override
    public boolean supports(IoType type) {
        return type == IoType.READ || type == IoType.WRITE || type == IoType.FLUSH;
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        return new Channel() {
            @Override
            public void submit(BdevIo io) {
                submits++;
                script.accept(HeldBackend.this, io);
            }

            @Override
            public void abort(BdevIo io) {
                aborts++;
                onAbort.run();
                if (aborting) {
                    held.remove(io);
                    io.complete(IoStatus.ABORTED);
                }
            }
        };
    }
}
