package io.spdkio.sys;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Runs a program and collects what it says. */
record Command(int status, String output, String complaints) {

    /** {@return what it said, or null when there is no such program} */
    static Command run(Map<String, String> environment, Path folder, List<String> words) {
        Path complaints = null;
        try {
            complaints = Files.createTempFile("spdk-io", ".err");
            ProcessBuilder builder = new ProcessBuilder(words).redirectError(complaints.toFile());
            if (folder != null) {
                builder.directory(folder.toFile());
            }
            // Messages are read below, in English.
            builder.environment().put("LC_ALL", "C");
            builder.environment().putAll(environment);
            Process process;
            try {
                process = builder.start();
            } catch (IOException noSuchProgram) {
                return null;
            }
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            return new Command(status, output.strip(), Files.readString(complaints).strip());
        } catch (IOException e) {
            throw new NativeException("cannot run " + words.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NativeException("interrupted while " + words.getFirst() + " ran", e);
        } finally {
            if (complaints != null) {
                complaints.toFile().delete();
            }
        }
    }

    boolean succeeded() {
        return status == 0;
    }
}
