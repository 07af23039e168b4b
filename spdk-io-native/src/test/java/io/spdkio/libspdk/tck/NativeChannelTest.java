package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.ChannelTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeChannelTest extends ChannelTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
