package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.ConfinementTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeConfinementTest extends ConfinementTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
