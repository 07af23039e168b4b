package io.spdkio.embedded;

import io.spdkio.EngineInfo;
import io.spdkio.embedded.file.FileEngine;
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
        try (FileEngine files = FileEngine.open()) {
            String instead =
                    files.fallbackCause().map(cause -> " (io_uring is not available: " + cause + ")").orElse("");
            return files.method().label() + instead;
        } catch (IllegalArgumentException | UnsupportedOperationException e) { // what the property names
            return "nothing: " + e.getMessage();
        }
    }

    @Override
    public Engine open(EngineConfig config) {
        return new EmbeddedEngine(config);
    }
}
