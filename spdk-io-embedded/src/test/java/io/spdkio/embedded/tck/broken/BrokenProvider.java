package io.spdkio.embedded.tck.broken;

import io.spdkio.EngineInfo;
import io.spdkio.embedded.EmbeddedProvider;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;

import java.util.Optional;

/** The embedded engine behind a wrapper that breaks it. Never taken unless it is named. */
public final class BrokenProvider implements EngineProvider {
    static final String NAME = "broken";

    /** For {@link java.util.ServiceLoader}. */
    public BrokenProvider() {}

    @Override
    public EngineInfo info() {
        return new EngineInfo(NAME, "broken on purpose", Integer.MIN_VALUE, Optional.empty());
    }

    @Override
    public Engine open(EngineConfig config) {
        return new BrokenEngine(new EmbeddedProvider().open(config), Defect.current);
    }
}
