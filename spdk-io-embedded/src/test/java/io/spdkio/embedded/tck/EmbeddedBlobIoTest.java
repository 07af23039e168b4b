package io.spdkio.embedded.tck;

import io.spdkio.tck.BlobIoTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedBlobIoTest extends BlobIoTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
