package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.FileBdevTck;

final class EmbeddedFileBdevTest extends FileBdevTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
