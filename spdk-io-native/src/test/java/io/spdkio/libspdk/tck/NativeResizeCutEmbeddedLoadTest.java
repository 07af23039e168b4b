package io.spdkio.libspdk.tck;

import io.spdkio.SpdkEnv;
import io.spdkio.tck.EngineFixture;

/** What SPDK left of a blob whose size it was changing is the same blob to the other engine. */
final class NativeResizeCutEmbeddedLoadTest extends NativeResizeCutTest {
    @Override
    protected EngineFixture loader() {
        return Embedded.FIXTURE;
    }

    private enum Embedded implements EngineFixture {
        FIXTURE;

        @Override
        public String engineName() {
            return "embedded";
        }

        @Override
        public SpdkEnv.Builder builder() {
            return SpdkEnv.builder().engine(engineName());
        }
    }
}
