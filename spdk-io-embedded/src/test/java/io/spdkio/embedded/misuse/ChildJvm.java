package io.spdkio.embedded.misuse;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A JVM of its own, with this one's class path and flags. */
final class ChildJvm implements AutoCloseable {
    private static final int TIMEOUT_SECONDS = 60;

    private final Process process;
    private final BufferedReader output;

    ChildJvm(List<String> prefix, List<String> flags, Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        command.addAll(
                List.of(
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-XX:-CreateCoredumpOnCrash",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        main.getName()));
        command.addAll(List.of(arguments));
        process = new ProcessBuilder(command).redirectErrorStream(true).start();
        output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    static ChildJvm start(Class<?> main, String... arguments) throws IOException {
        return new ChildJvm(List.of(), List.of("--add-opens=java.base/java.lang=ALL-UNNAMED"), main, arguments);
    }

    /** Waits for a line that begins so; null when the output ends before. */
    String awaitLine(String beginning) throws IOException {
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.startsWith(beginning)) {
                return line;
            }
        }
        return null;
    }

    /** Everything it writes until it ends. */
    List<String> allOutput() throws Exception {
        CompletableFuture<List<String>> lines =
                CompletableFuture.supplyAsync(() -> {
                    try {
                        List<String> read = new ArrayList<>();
                        for (String line = output.readLine(); line != null; line = output.readLine()) {
                            read.add(line);
                        }
                        return read;
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
        return lines.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    int exitCode() throws InterruptedException {
        if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the child JVM hangs");
        }
        return process.exitValue();
    }

    /** SIGKILL: it has no time for anything. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
