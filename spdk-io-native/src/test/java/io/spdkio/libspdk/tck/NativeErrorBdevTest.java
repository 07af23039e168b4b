package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.ErrorBdevTck;

@RequiresSpdk
class NativeErrorBdevTest extends ErrorBdevTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
