package io.spdkio.embedded.tck;

import io.spdkio.tck.BlobstoreTck;
import io.spdkio.tck.EngineFixture;

final class EmbeddedBlobstoreTest extends BlobstoreTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }
}
