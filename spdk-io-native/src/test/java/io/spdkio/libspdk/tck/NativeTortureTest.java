package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.TortureTck;

@RequiresSpdk
class NativeTortureTest extends TortureTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
