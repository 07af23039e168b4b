/** The spdk-io command. */
module io.spdkio.cli {
    requires info.picocli;
    requires io.spdkio;
    requires io.spdkio.embedded;
    requires me.tongfei.progressbar;
    requires HdrHistogram;
    requires tools.jackson.core;
}
