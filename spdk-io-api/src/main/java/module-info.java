/**
 * The API of spdk-io: one way to fast storage, whichever engine runs below.
 *
 * <p>Depends on nothing and makes no restricted call. Engines are found with {@link java.util.ServiceLoader}.
 */
@SuppressWarnings("module") // the engines and the contract suite are compiled later
module io.spdkio {
    exports io.spdkio;
    exports io.spdkio.bdev;
    exports io.spdkio.blob;
    exports io.spdkio.dma;
    exports io.spdkio.spi to
            io.spdkio.embedded,
            io.spdkio.libspdk,
            io.spdkio.tck;

    uses io.spdkio.spi.EngineProvider;
}
