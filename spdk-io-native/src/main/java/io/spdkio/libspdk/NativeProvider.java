package io.spdkio.libspdk;

import io.spdkio.EngineInfo;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;
import io.spdkio.sys.SpdkLibrary;

import java.util.Optional;

/** The native engine, which can run where SPDK is linked for Java. */
public final class NativeProvider implements EngineProvider {
    /** Taken before the embedded engine where both can run. */
    private static final int PREFERENCE = 10;

    /** For {@link java.util.ServiceLoader}. */
    public NativeProvider() {}

    /** Only looks for the library's file: loading it takes a while, and is for good. */
    @Override
    public EngineInfo info() {
        Optional<String> cause = SpdkLibrary.linkedCause();
        String description =
                cause.isPresent()
                        ? "SPDK through java.lang.foreign"
                        : SpdkLibrary.ifLoaded()
                                .map(library -> library.spdkVersion() + " in " + library.path())
                                .orElseGet(() -> "SPDK in " + SpdkLibrary.locate().path());
        return new EngineInfo("native", description, PREFERENCE, cause);
    }

    @Override
    public Engine open(EngineConfig config) {
        return new NativeEngine(SpdkRuntime.start(config), config);
    }
}
