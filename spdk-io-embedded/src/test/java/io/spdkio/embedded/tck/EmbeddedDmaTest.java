package io.spdkio.embedded.tck;

import io.spdkio.tck.DmaTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedDmaTest extends DmaTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
