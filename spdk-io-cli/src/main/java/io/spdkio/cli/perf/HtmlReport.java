package io.spdkio.cli.perf;

final class HtmlReport {
    private HtmlReport() {}

    static String of(PerfResult result) {
        return "<!doctype html><title>" + result.settings().devices() + "</title>";
    }
}
