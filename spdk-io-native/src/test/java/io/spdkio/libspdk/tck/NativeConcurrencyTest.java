package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.ConcurrencyTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeConcurrencyTest extends ConcurrencyTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
