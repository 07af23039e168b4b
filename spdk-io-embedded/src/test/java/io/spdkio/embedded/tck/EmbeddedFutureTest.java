package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.FutureTck;

final class EmbeddedFutureTest extends FutureTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
