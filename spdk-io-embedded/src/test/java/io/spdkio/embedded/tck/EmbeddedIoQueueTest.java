package io.spdkio.embedded.tck;

import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.IoQueueTck;

final class EmbeddedIoQueueTest extends IoQueueTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
