/** The spdk-io command. */
module io.spdkio.cli {
    requires info.picocli;
    requires io.spdkio;
    requires io.spdkio.embedded;
    requires io.spdkio.libspdk;
    requires io.spdkio.sys;
    requires java.logging;
    requires java.management;
    requires jdk.management;
    requires me.tongfei.progressbar;
    requires HdrHistogram;
    requires tools.jackson.core;

    opens io.spdkio.cli to
            info.picocli;
    opens io.spdkio.cli.blob to
            info.picocli;
    opens io.spdkio.cli.dd to
            info.picocli;
    opens io.spdkio.cli.perf to
            info.picocli;
}
