package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.DirectStyleTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeDirectStyleTest extends DirectStyleTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
