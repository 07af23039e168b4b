package io.spdkio.tck.process;

import io.spdkio.SpdkEnv;
import io.spdkio.tck.EngineFixture;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What the classes share whose tests are programs in JVMs of their own. */
public abstract class ProcessTck {
    private static final String ENGINE = "spdkio.tck.engine";

    /** For the subclasses. */
    protected ProcessTck() {}

    /**
     * Which engine the suite runs on; of the fixture only the name counts.
     *
     * @return the fixture
     */
    protected abstract EngineFixture fixture();

    /** In the program: describes an environment that needs no rights, on the engine that is tested. */
    static SpdkEnv.Builder environment() {
        return SpdkEnv.builder().engine(System.getProperty(ENGINE)).noHuge(true).noPci(true);
    }

    final ChildJvm start(Class<?> program, String... arguments) throws IOException {
        return start(List.of(), program, arguments);
    }

    final ChildJvm start(List<String> prefix, Class<?> program, String... arguments) throws IOException {
        List<String> flags = new ArrayList<>();
        flags.add("--add-opens=java.base/java.lang=ALL-UNNAMED");
        flags.add("-D" + ENGINE + "=" + fixture().engineName());
        return new ChildJvm(prefix, flags, program, arguments);
    }
}
