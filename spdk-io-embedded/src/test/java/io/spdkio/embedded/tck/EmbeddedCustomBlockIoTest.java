package io.spdkio.embedded.tck;

import io.spdkio.tck.CustomBlockIoTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedCustomBlockIoTest extends CustomBlockIoTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
