package io.spdkio.embedded.tck;

import io.spdkio.tck.CustomBdevTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedCustomBdevTest extends CustomBdevTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
