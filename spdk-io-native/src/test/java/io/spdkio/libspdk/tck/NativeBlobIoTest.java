package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.BlobIoTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeBlobIoTest extends BlobIoTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
