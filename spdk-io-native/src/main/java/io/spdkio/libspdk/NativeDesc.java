package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.ClaimType;
import io.spdkio.spi.EngineChannel;
import io.spdkio.spi.EngineDesc;
import io.spdkio.spi.EngineThread;
import io.spdkio.sys.raw.BdevH;
import io.spdkio.sys.raw.BdevModuleH;
import io.spdkio.sys.raw.ThreadH;
import io.spdkio.sys.raw.spdk_bdev_claim_opts;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * A struct spdk_bdev_desc. SPDK wants a descriptor closed on the thread that opened it, and sends its events there: all
 * are opened on the app thread, so that none depends on a thread of the program's.
 */
final class NativeDesc implements EngineDesc {
    /** Claims to write together are of one program: this one. */
    private static final long SHARED_CLAIM_KEY = 1;

    private final SpdkRuntime runtime;
    private final NativeBdev bdev;
    private final MemorySegment desc;
    private final Consumer<BdevEvent> sink;

    /** Its channels, and itself until it is closed. */
    private final AtomicInteger users = new AtomicInteger(1);

    NativeDesc(SpdkRuntime runtime, NativeBdev bdev, MemorySegment desc, Consumer<BdevEvent> sink) {
        this.runtime = runtime;
        this.bdev = bdev;
        this.desc = desc;
        this.sink = sink;
    }

    void tell(BdevEvent event) {
        sink.accept(event);
    }

    @Override
    public EngineChannel openChannel(EngineThread thread) {
        NativeThread on = (NativeThread) thread;
        MemorySegment channel = on.as(() -> BdevH.spdk_bdev_get_io_channel(desc));
        if (channel.address() == 0) {
            throw bdev.isRemoved()
                    ? bdev.removedException()
                    : SpdkException.of(
                            "a channel to bdev '" + bdev.name() + "'" + runtime.log().reason(), -Errno.ENOMEM);
        }
        try {
            if (bdev.device() != null) {
                on.openCustomChannel(bdev.device());
            }
        } catch (Throwable e) {
            on.as(() -> {
                ThreadH.spdk_put_io_channel(channel);
                return null;
            });
            throw e;
        }
        users.incrementAndGet();
        NativeChannel opened = new NativeChannel(this, bdev, on, desc, channel);
        bdev.channelOpened(opened);
        return opened;
    }

    @Override
    public void claim(ClaimType type) {
        int rc =
                runtime.app()
                        .call(() -> {
                            try (Arena arena = Arena.ofConfined()) {
                                MemorySegment options = spdk_bdev_claim_opts.allocate(arena);
                                BdevModuleH.spdk_bdev_claim_opts_init(options, spdk_bdev_claim_opts.BYTES);
                                if (type == ClaimType.READ_MANY_WRITE_SHARED) {
                                    spdk_bdev_claim_opts.shared_claim_key(options, SHARED_CLAIM_KEY);
                                }
                                return BdevModuleH.spdk_bdev_module_claim_bdev_desc(
                                        desc, claimType(type), options, runtime.module());
                            }
                        });
        if (rc != 0) {
            String why = runtime.log().reason();
            throw SpdkException.withMessage(
                    "can't claim bdev '"
                            + bdev.name()
                            + "' with "
                            + type
                            + why
                            + ". Close the descriptors that write to it or claim it, or open them with"
                            + " OpenMode.READ_ONLY",
                    rc == -Errno.EBUSY ? rc : -Errno.EPERM);
        }
    }

    private static int claimType(ClaimType type) {
        return switch (type) {
            case READ_MANY_WRITE_ONE -> BdevModuleH.SPDK_BDEV_CLAIM_READ_MANY_WRITE_ONE;
            case READ_MANY_WRITE_NONE -> BdevModuleH.SPDK_BDEV_CLAIM_READ_MANY_WRITE_NONE;
            case READ_MANY_WRITE_SHARED -> BdevModuleH.SPDK_BDEV_CLAIM_READ_MANY_WRITE_SHARED;
        };
    }

    /** A channel is not used any more. On its thread. */
    void channelClosed() {
        if (users.decrementAndGet() == 0) {
            letGo();
        }
    }

    @Override
    public void close() {
        bdev.descClosed(this);
        channelClosed();
    }

    private void letGo() {
        var _ =
                runtime.app()
                        .submit(() -> {
                            BdevH.spdk_bdev_close(desc);
                            return null;
                        });
    }
}
