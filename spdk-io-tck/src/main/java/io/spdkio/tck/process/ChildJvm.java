package io.spdkio.tck.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A JVM of its own, with this one's class path and flags. */
public final class ChildJvm implements AutoCloseable {
    private static final int TIMEOUT_SECONDS = 60;

    private final Process process;
    private final BufferedReader output;

    /**
     * Starts one.
     *
     * @param prefix what goes before {@code java} in its command
     * @param flags flags of the JVM
     * @param main the program
     * @param arguments its arguments
     * @throws IOException if it can't be started
     */
    public ChildJvm(List<String> prefix, List<String> flags, Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-XX:-CreateCoredumpOnCrash",
                        "--enable-native-access=ALL-UNNAMED"));
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("spdkio.native"))
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        command.addAll(flags);
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        main.getName()));
        command.addAll(List.of(arguments));
        process = new ProcessBuilder(command).redirectErrorStream(true).start();
        output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /**
     * Starts one in which a thread can carry virtual ones.
     *
     * @param main the program
     * @param arguments its arguments
     * @return the running JVM
     * @throws IOException if it can't be started
     */
    public static ChildJvm start(Class<?> main, String... arguments) throws IOException {
        return new ChildJvm(List.of(), List.of("--add-opens=java.base/java.lang=ALL-UNNAMED"), main, arguments);
    }

    /**
     * Writes a line to its standard input.
     *
     * @param line the line
     * @throws IOException if it has ended
     */
    public void send(String line) throws IOException {
        Writer input = process.outputWriter(StandardCharsets.UTF_8);
        input.write(line + "\n");
        input.flush();
    }

    /**
     * Waits for a line of its output.
     *
     * @param beginning how it begins
     * @return the line; null when the output ends before
     * @throws IOException if it can't be read
     */
    public String awaitLine(String beginning) throws IOException {
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.startsWith(beginning)) {
                return line;
            }
        }
        return null;
    }

    /**
     * Waits for its end.
     *
     * @return every line it has written
     * @throws Exception if it does not end in time
     */
    public List<String> allOutput() throws Exception {
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

    /**
     * Waits for its end.
     *
     * @return its exit code
     * @throws InterruptedException if the caller is interrupted
     */
    public int exitCode() throws InterruptedException {
        if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the child JVM hangs");
        }
        return process.exitValue();
    }

    /**
     * SIGKILL: it has no time for anything.
     *
     * @throws InterruptedException if the caller is interrupted
     */
    public void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /**
     * Sends it a signal.
     *
     * @param name the signal's name without SIG
     * @throws Exception if that can't be done
     */
    public void signal(String name) throws Exception {
        int exit = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor();
        if (exit != 0) {
            throw new IOException("kill -" + name + " ended with " + exit);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
