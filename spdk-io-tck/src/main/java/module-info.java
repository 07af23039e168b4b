/** The contract that every engine obeys. */
module io.spdkio.tck {
    requires transitive io.spdkio;
    requires transitive org.junit.jupiter.api;
    requires org.junit.jupiter.params;
    requires transitive org.assertj.core;
    requires transitive org.junit.platform.launcher;

    exports io.spdkio.tck;
    exports io.spdkio.tck.process;

    opens io.spdkio.tck;
    opens io.spdkio.tck.process;

    provides org.junit.platform.launcher.TestExecutionListener with
            io.spdkio.tck.SkipReport;
}
