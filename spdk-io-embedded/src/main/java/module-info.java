/** The engine in Java: SPDK's storage model on every machine, without SPDK. */
@SuppressWarnings("module") // the command is compiled later
module io.spdkio.embedded {
    requires io.spdkio;
    requires org.jctools.core.jdk11;

    exports io.spdkio.embedded.blob.format to
            io.spdkio.cli;

    provides io.spdkio.spi.EngineProvider with
            io.spdkio.embedded.EmbeddedProvider;
}
