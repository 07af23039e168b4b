package io.spdkio.libspdk.tck;

import io.spdkio.SpdkEnv;
import io.spdkio.tck.EngineFixture;

/** The native engine without hugepages and PCI, so that the suite needs no rights. */
final class NativeFixture implements EngineFixture {
    static final NativeFixture INSTANCE = new NativeFixture();

    private NativeFixture() {}

    @Override
    public String engineName() {
        return "native";
    }

    @Override
    public SpdkEnv.Builder builder() {
        return SpdkEnv.builder().engine(engineName()).noHuge(true).noPci(true);
    }
}
