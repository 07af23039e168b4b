package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.libspdk.StoreReader;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.PowerCutTck;

import java.lang.foreign.MemorySegment;
import java.util.List;

@RequiresSpdk
class NativePowerCutTest extends PowerCutTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }

    @Override
    protected List<String> check(MemorySegment image) {
        return StoreReader.check(image);
    }
}
