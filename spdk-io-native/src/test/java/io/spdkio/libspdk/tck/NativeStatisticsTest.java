package io.spdkio.libspdk.tck;

import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.StatisticsTck;

@RequiresSpdk
class NativeStatisticsTest extends StatisticsTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }
}
