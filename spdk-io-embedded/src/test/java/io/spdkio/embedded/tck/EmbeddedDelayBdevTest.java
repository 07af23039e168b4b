package io.spdkio.embedded.tck;

import io.spdkio.tck.DelayBdevTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedDelayBdevTest extends DelayBdevTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
