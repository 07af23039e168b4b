package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.DelayBdevTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeDelayBdevTest extends DelayBdevTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
