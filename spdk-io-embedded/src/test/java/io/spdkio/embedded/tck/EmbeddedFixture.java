package io.spdkio.embedded.tck;

import io.spdkio.SpdkEnv;
import io.spdkio.embedded.file.FileEngine;
import io.spdkio.tck.EngineFixture;

/** The embedded engine as it is, or with one of its ways to files. */
record EmbeddedFixture(String files) implements EngineFixture {
    static final EngineFixture INSTANCE = new EmbeddedFixture("auto");

    static EngineFixture with(FileEngine.Method method) {
        return new EmbeddedFixture(method.label());
    }

    @Override
    public String engineName() {
        return "embedded";
    }

    @Override
    public SpdkEnv open(SpdkEnv.Builder builder) {
        System.setProperty(FileEngine.METHOD_PROPERTY, files);
        return builder.build();
    }
}
