/** SPDK's C interface for Java: linking it into one library, loading that, and calling it. */
module io.spdkio.sys {
    requires static java.compiler;

    exports io.spdkio.sys;
    exports io.spdkio.sys.raw;
}
