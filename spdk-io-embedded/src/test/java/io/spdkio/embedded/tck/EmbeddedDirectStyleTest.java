package io.spdkio.embedded.tck;

import io.spdkio.tck.DirectStyleTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedDirectStyleTest extends DirectStyleTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
