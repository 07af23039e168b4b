package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

class ClassLoadingTest {

    @Test
    void everyClassLoadsWithoutTheLibraryAndACallSaysWhatToDo() throws Exception {
        Child child =
                Child.run(LoadAll.class, List.of("-Dspdkio.native.cache=/nonexistent", "-Dos.name=Linux"), Map.of())
                        .succeeded();
        assertThat(child.output())
                .contains("classes initialised", "SPDK is not linked for Java yet; run spdk-io native link");
    }

    @Test
    void anotherSystemIsNamed() throws Exception {
        Child child = Child.run(LoadAll.class, List.of("-Dos.name=Mac OS X"), Map.of()).succeeded();
        assertThat(child.output()).contains("SPDK runs on Linux, and this is Mac OS X; use the embedded engine");
    }

    static final class LoadAll {
        private LoadAll() {}

        public static void main(String[] args) throws Exception {
            Path root = Path.of(RawSupport.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            int classes = 0;
            try (Stream<Path> files = Files.walk(root.resolve("io"))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                    String name = root.relativize(file).toString().replace(".class", "").replace('/', '.');
                    // Nested holders of handles are there to be initialised later.
                    boolean holder = name.contains("$H_") || name.contains("Handles") || name.endsWith("Dl$C");
                    if (!name.endsWith("-info")) {
                        Class.forName(name, !holder, LoadAll.class.getClassLoader());
                        classes++;
                    }
                }
            }
            System.out.println(classes + " classes initialised");
            for (int i = 0; i < 2; i++) { // a failed attempt must not spoil the next
                try {
                    io.spdkio.sys.raw.EnvH.spdk_get_ticks_hz();
                    throw new AssertionError("there is no library to call");
                } catch (NativeException e) {
                    System.out.println(e.getMessage());
                }
            }
        }
    }
}
