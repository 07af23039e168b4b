package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.SnapshotTck;

@RequiresSpdk
class NativeSnapshotTest extends SnapshotTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
