package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.DmaTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeDmaTest extends DmaTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
