package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.ErrorBdevTck;

final class EmbeddedErrorBdevTest extends ErrorBdevTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
