package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.BdevDirectoryTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeBdevDirectoryTest extends BdevDirectoryTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
