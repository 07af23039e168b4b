package io.spdkio.embedded.tck;

import io.spdkio.tck.BdevDirectoryTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedBdevDirectoryTest extends BdevDirectoryTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
