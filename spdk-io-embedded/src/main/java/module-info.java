/** The engine in Java: SPDK's storage model on every machine, without SPDK. */
module io.spdkio.embedded {
    requires io.spdkio;
    requires org.jctools.core.jdk11;

    provides io.spdkio.spi.EngineProvider with
            io.spdkio.embedded.EmbeddedProvider;
}
