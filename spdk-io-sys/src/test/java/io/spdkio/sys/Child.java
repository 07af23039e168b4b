package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a class in a JVM of its own, which may crash without taking the tests along. */
record Child(int status, String output) {

    static Child run(Class<?> main, List<String> jvmOptions, Map<String, String> environment, String... arguments)
            throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-Xmx256m",
                                "--enable-native-access=ALL-UNNAMED",
                                "--illegal-native-access=deny",
                                "-XX:-CreateCoredumpOnCrash",
                                "-XX:ErrorFile=" + Path.of("target", "hs_err_child.log").toAbsolutePath(),
                                "-Dspdkio.native.cache=" + System.getProperty("spdkio.native.cache"),
                                "-cp",
                                System.getProperty("java.class.path")));
        command.addAll(jvmOptions);
        command.add(main.getName());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("SPDKIO_NATIVE_LIBRARY");
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        // A child that hangs is ended, so that reading ends as well.
        Thread.ofVirtual()
                .start(() -> {
                    try {
                        if (!process.waitFor(180, TimeUnit.SECONDS)) {
                            process.destroyForcibly();
                        }
                    } catch (InterruptedException e) {
                        process.destroyForcibly();
                    }
                });
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Child(process.waitFor(), output);
    }

    static Child run(Class<?> main, String... arguments) throws IOException, InterruptedException {
        return run(main, List.of(), Map.of(), arguments);
    }

    Child succeeded() {
        assertThat(status).as(output).isZero();
        return this;
    }

    Child failed() {
        assertThat(status).as(output).isNotZero();
        return this;
    }
}
