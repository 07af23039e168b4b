/** The native engine: SPDK itself, in this process. */
module io.spdkio.libspdk {
    requires io.spdkio;
    requires io.spdkio.sys;
    requires org.jctools.core.jdk11;
    requires tools.jackson.databind;

    provides io.spdkio.spi.EngineProvider with
            io.spdkio.libspdk.NativeProvider;
}
