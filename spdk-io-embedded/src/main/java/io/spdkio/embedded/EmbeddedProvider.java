package io.spdkio.embedded;

import io.spdkio.EngineInfo;
import io.spdkio.embedded.linux.IoUringSupport;
import io.spdkio.embedded.linux.Linux;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;

import java.util.Optional;

/** The embedded engine, which can run everywhere. */
public final class EmbeddedProvider implements EngineProvider {
    /** For {@link java.util.ServiceLoader}. */
    public EmbeddedProvider() {}

    @Override
    public EngineInfo info() {
        return new EngineInfo("embedded", "storage engine in Java; files through " + fileAccess(), 0, Optional.empty());
    }

    private static String fileAccess() {
        if (!Linux.isAvailable()) {
            return "FileChannel (" + Linux.unavailabilityCause().orElseThrow() + ")";
        }
        IoUringSupport uring = IoUringSupport.probe();
        return uring.isAvailable()
                ? "io_uring"
                : "FileChannel (io_uring is not available: " + uring.cause().orElseThrow() + ")";
    }

    @Override
    public Engine open(EngineConfig config) {
        return new EmbeddedEngine(config);
    }
}
