package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.MetadataRoomTck;

@RequiresSpdk
class NativeMetadataRoomTest extends MetadataRoomTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
