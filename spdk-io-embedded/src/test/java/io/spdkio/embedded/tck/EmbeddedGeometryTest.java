package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.GeometryTck;

final class EmbeddedGeometryTest extends GeometryTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
