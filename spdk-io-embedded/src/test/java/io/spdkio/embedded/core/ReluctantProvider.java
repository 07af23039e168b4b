package io.spdkio.embedded.core;

import io.spdkio.EngineInfo;
import io.spdkio.SpdkException;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;

import java.util.Optional;
import java.util.function.Supplier;

/** An engine that never starts. While a test wants it, it seems to be there and better than any other. */
public final class ReluctantProvider implements EngineProvider {
    static final String NAME = "reluctant";

    /** What starting it ends with; null when it is not to be there at all. */
    static volatile Supplier<RuntimeException> problem;

    /** For {@link java.util.ServiceLoader}. */
    public ReluctantProvider() {}

    @Override
    public EngineInfo info() {
        return problem == null
                ? new EngineInfo(NAME, "starts never", Integer.MIN_VALUE, Optional.of("no test wants it"))
                : new EngineInfo(NAME, "starts never", Integer.MAX_VALUE, Optional.empty());
    }

    @Override
    public Engine open(EngineConfig config) {
        throw problem == null ? new SpdkException.EngineUnavailable("no test wants it") : problem.get();
    }
}
