package io.spdkio.tck;

import io.spdkio.SpdkEnv;

import java.time.Duration;

/** Which engine the suite runs on, and how to open it. */
public interface EngineFixture {
    /**
     * The engine's name.
     *
     * @return what {@link SpdkEnv.Builder#engine} takes
     */
    String engineName();

    /**
     * Starts to describe an environment on the engine.
     *
     * @return a builder that names the engine
     */
    default SpdkEnv.Builder builder() {
        return SpdkEnv.builder().engine(engineName());
    }

    /**
     * Opens an environment. A fixture may decorate it.
     *
     * @param builder what was described
     * @return the environment that the suite uses
     */
    default SpdkEnv open(SpdkEnv.Builder builder) {
        return builder.build();
    }

    /**
     * How long the suite waits for something that has to happen before it calls it lost.
     *
     * @return a generous time
     */
    default Duration patience() {
        return Duration.ofSeconds(30);
    }

    /**
     * The fixture of an engine that is opened as it is.
     *
     * @param engineName its name
     * @return the fixture
     */
    static EngineFixture named(String engineName) {
        return () -> engineName;
    }
}
