package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.BufferedFileBlockIoTck;
import io.spdkio.tck.EngineFixture;

@RequiresSpdk
class NativeBufferedFileBlockIoTest extends BufferedFileBlockIoTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
