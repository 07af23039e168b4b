package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.BlobTortureTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeBlobTortureTest extends BlobTortureTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
