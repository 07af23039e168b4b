package io.spdkio.embedded.tck;

import io.spdkio.tck.ConfinementTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedConfinementTest extends ConfinementTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
