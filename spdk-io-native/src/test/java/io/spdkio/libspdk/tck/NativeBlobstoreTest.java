package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.BlobstoreTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeBlobstoreTest extends BlobstoreTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
