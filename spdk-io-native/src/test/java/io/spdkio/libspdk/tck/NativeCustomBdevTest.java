package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.CustomBdevTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeCustomBdevTest extends CustomBdevTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
