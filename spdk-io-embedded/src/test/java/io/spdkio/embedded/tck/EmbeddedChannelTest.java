package io.spdkio.embedded.tck;

import io.spdkio.tck.ChannelTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedChannelTest extends ChannelTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
