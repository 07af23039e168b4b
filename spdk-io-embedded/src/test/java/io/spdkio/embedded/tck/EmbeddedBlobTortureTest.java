package io.spdkio.embedded.tck;

import io.spdkio.tck.BlobTortureTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedBlobTortureTest extends BlobTortureTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
