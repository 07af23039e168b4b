package io.spdkio.embedded.tck;

import io.spdkio.tck.BufferedFileBlockIoTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedBufferedFileBlockIoTest extends BufferedFileBlockIoTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
