package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;

/** The embedded engine as it is. */
final class EmbeddedFixture implements EngineFixture {
    static final EngineFixture INSTANCE = new EmbeddedFixture();

    private EmbeddedFixture() {}

    @Override
    public String engineName() {
        return "embedded";
    }
}
