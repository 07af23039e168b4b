package io.spdkio.embedded.tck;

import io.spdkio.tck.ConcurrencyTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedConcurrencyTest extends ConcurrencyTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
