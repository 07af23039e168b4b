/** The contract that every engine obeys. */
module io.spdkio.tck {
    requires transitive io.spdkio;
    requires transitive org.junit.jupiter.api;
    requires org.junit.jupiter.params;
    requires transitive org.assertj.core;

    exports io.spdkio.tck;

    opens io.spdkio.tck;
}
