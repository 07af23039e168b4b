package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.CustomBlockIoTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeCustomBlockIoTest extends CustomBlockIoTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
